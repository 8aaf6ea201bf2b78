"""`voicecli replay`: a recorded conversation again, against other settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.missing_models import fetch_missing
from voicecli.commands.narration import tell
from voicecli.commands.options import option
from voicecli.commands.settings_options import (
    BargeInOption,
    EndpointOption,
    LanguageOption,
    LlmModelOption,
    LlmOption,
    LlmUrlOption,
    OfflineOption,
    OllamaModelOption,
    SetOption,
    SpeedOption,
    SttModelOption,
    VoiceOption,
    backend_of,
)

if TYPE_CHECKING:
    from voicecli.replay.compare import Pair

SCREEN = "Output"
PIPE_WIDTH = 160  # nothing of the table is folded more than it has to be in a file


def replay(
    file: Annotated[Path, typer.Argument(help="What voicecli report --record made.", show_default=False)],
    endpoint: EndpointOption = None,
    barge_in: BargeInOption = None,
    llm: LlmOption = None,
    llm_url: LlmUrlOption = None,
    llm_model: LlmModelOption = None,
    ollama_model: OllamaModelOption = None,
    stt_model: SttModelOption = None,
    language: LanguageOption = None,
    voice: VoiceOption = None,
    speed: SpeedOption = None,
    offline: OfflineOption = None,
    changed: SetOption = None,
    json_file: Annotated[
        Path | None, option("--json", metavar="FILE", help="Both sides, in full.", panel=SCREEN)
    ] = None,
) -> None:
    """Hold a recorded conversation again and tell what is different.

    The recorded microphone is heard at its own times and the engines take what they took then, so the same settings
    give the same words, turns and answers, on a busy machine, too. The recorded settings count but for what is set
    here; a difference is marked with [bold]*[/].

    Examples:

      voicecli replay slow.zip

      voicecli replay slow.zip --endpoint patient

      voicecli replay slow.zip --stt-model whisper-small --set listen.pause_ms=150
    """
    from voicecli.commands.talk import models_of
    from voicecli.replay import run
    from voicecli.replay.compare import pairs
    from voicecli.replay.redacted_settings import replay_settings
    from voicecli.replay.turn_summary import turn_summaries
    from voicecli.replay.zip_file import read_recording
    from voicecli.settings.load import parsed

    flags = {
        "listen.endpoint": endpoint,
        "listen.barge_in": barge_in,
        "llm.backend": backend_of(llm, llm_url),
        "llm.url": llm_url,
        "llm.model": llm_model,
        "llm.ollama_model": ollama_model,
        "stt.model": stt_model,
        "stt.language": language,
        "tts.voice": voice,
        "tts.speed": speed,
        "models.offline": offline,
        **parsed(changed or ()),
    }
    recorded = read_recording(file)
    settings = replay_settings(recorded.about.settings, flags, tell)
    fetch_missing(settings, models_of(settings))
    paired = pairs(turn_summaries(recorded.events), turn_summaries(run.replay(recorded, settings, tell)))
    print_table(paired, file)
    if json_file is not None:
        write_json(json_file, paired, {key: str(value) for key, value in flags.items() if value is not None})


def print_table(paired: Sequence[Pair], file: Path) -> None:
    """On stdout: a block for each turn."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from voicecli.replay.compare import rows

    table = Table(box=SIMPLE_HEAD, title=f"{file.name}: then and now", title_justify="left")
    for column in ("", "turn", "what", "then", "now"):
        table.add_column(column, overflow="fold")
    different = 0
    for number, pair in enumerate(paired, 1):
        table.add_section()
        for index, row in enumerate(rows(pair)):
            different += row.differs
            marked = ("*" if row.differs else "", str(number) if index == 0 else "", row.name, row.then, row.now)
            table.add_row(*(escape(text) for text in marked), style="bold" if row.differs else None)
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)
    tell(f"{different} of the lines differ." if different else "Nothing differs.")


def write_json(path: Path, paired: Sequence[Pair], changed: dict[str, str]) -> None:
    """Raises SettingsError where the file cannot be written."""
    from voicecli.errors import SettingsError
    from voicecli.replay.compare import as_json

    reported = {"changed": changed, "turns": as_json(paired)}
    try:
        path.write_text(json.dumps(reported, indent=1, ensure_ascii=False), encoding="utf8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", "--json FILE") from error
