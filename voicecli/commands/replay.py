"""`voicecli replay`: repeat a recorded conversation with other settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.console import print_note, table_console, write_file
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.language_model import with_named_model
from voicecli.commands.options import (
    LlmOptions,
    OfflineOption,
    RecognizerOptions,
    SetOption,
    TurnOptions,
    VoiceOptions,
    grouped,
    option,
)

if TYPE_CHECKING:
    from voicecli.replay.compare import Pair


@grouped
def replay(
    file: Annotated[Path, typer.Argument(help="File made by voicecli report --record.", show_default=False)],
    turns: TurnOptions,
    llm: LlmOptions,
    recognizer: RecognizerOptions,
    voice: VoiceOptions,
    offline: OfflineOption = None,
    changed: SetOption = None,
    json_file: Annotated[
        Path | None, option("--json", metavar="FILE", help="Write both conversations in full.", panel="Output")
    ] = None,
) -> None:
    """Repeat a recorded conversation and show what is different.

    The recorded microphone signal arrives at its original times, and each engine takes as long as it did then. The same
    settings therefore give the same words, turns and answers, on a busy machine, too. The recorded settings apply,
    except those changed here; a difference is marked with [bold]*[/].

    Examples:

      voicecli replay slow.zip

      voicecli replay slow.zip --endpoint patient

      voicecli replay slow.zip --stt-model whisper-small --set listen.pause_ms=150
    """
    from voicecli.models.store import conversation_models
    from voicecli.replay import run
    from voicecli.replay.compare import pairs
    from voicecli.replay.redacted_settings import replay_settings
    from voicecli.replay.turn_summary import turn_summaries
    from voicecli.replay.zip_file import read_recording
    from voicecli.settings.load import parsed

    overrides = {
        **turns.overrides(),
        **llm.overrides(),
        **recognizer.overrides(),
        **voice.overrides(),
        "models.offline": offline,
        **parsed(changed or ()),
    }
    recorded = read_recording(file)
    settings = replay_settings(recorded.about.settings, overrides, print_note)
    settings = with_named_model(settings)
    fetch_missing(settings, conversation_models(settings))
    paired = pairs(turn_summaries(recorded.events), turn_summaries(run.replay(recorded, settings, print_note)))
    print_table(paired, file)
    if json_file is not None:
        write_json(json_file, paired, {key: str(value) for key, value in overrides.items() if value is not None})


def print_table(paired: Sequence[Pair], file: Path) -> None:
    """Print a block for each turn on stdout."""
    from rich.box import SIMPLE_HEAD
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
            cells = ("*" if row.differs else "", str(number) if index == 0 else "", row.name, row.then, row.now)
            table.add_row(*(escape(text) for text in cells), style="bold" if row.differs else None)
    table_console().print(table)
    print_note(f"Lines that differ: {different}." if different else "Nothing differs.")


def write_json(path: Path, paired: Sequence[Pair], changed: dict[str, str]) -> None:
    """Write both conversations. Raise SettingsError if the file cannot be written."""
    from voicecli.replay.compare import as_json

    content = {"changed": changed, "turns": as_json(paired)}
    write_file(path, json.dumps(content, indent=1, ensure_ascii=False), "--json")
