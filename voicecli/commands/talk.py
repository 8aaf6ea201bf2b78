"""`voicecli talk`: the conversation."""

from __future__ import annotations

from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from voicecli.commands.listening_mode import mode_of, require_key
from voicecli.commands.missing_models import fetch_missing
from voicecli.commands.narration import tell
from voicecli.commands.options import Profile, option
from voicecli.commands.settings_options import (
    DEVICES,
    MODELS,
    SCREEN,
    BargeInOption,
    EchoOption,
    EndpointOption,
    LanguageOption,
    LlmModelOption,
    LlmOption,
    LlmUrlOption,
    ModeOption,
    OfflineOption,
    OllamaModelOption,
    SpeedOption,
    SttModelOption,
    ThemeOption,
    VoiceOption,
    WakePhraseOption,
    backend_of,
)

if TYPE_CHECKING:
    from voicecli.assemble.devices import Files
    from voicecli.history.log import SessionLog
    from voicecli.settings.load import Loaded
    from voicecli.settings.model import Settings


class Ui(StrEnum):
    auto = "auto"
    live = "live"
    plain = "plain"
    jsonl = "jsonl"


FILES, HISTORY = "Sound files instead of devices", "History"

UNSAVED = """\
{count} could not be written into the history, so here is what was said. {trouble}

{words}"""


class TalkCommand(TyperCommand):
    """`--resume` may stand alone: Typer has no option whose value can be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_last(args))


def with_last(args: list[str]) -> list[str]:
    """`--resume` that no number follows means the conversation that was held last."""
    from voicecli.history.records import LAST

    pairs = zip_longest(args, args[1:], fillvalue="")
    bare = [(word, word == "--resume" and not following.isdecimal()) for word, following in pairs]
    return [part for word, is_bare in bare for part in ([word, str(LAST)] if is_bare else [word])]


def talk(
    mode: ModeOption = None,
    wake_phrase: WakePhraseOption = None,
    input_device: Annotated[str | None, option(help="Microphone: index or part of its name.", panel=DEVICES)] = None,
    output_device: Annotated[str | None, option(help="Speaker: index or part of its name.", panel=DEVICES)] = None,
    barge_in: BargeInOption = None,
    echo: EchoOption = None,
    ready_sound: Annotated[
        bool | None, option("--ready-sound/--no-ready-sound", help="Play a sound when it listens.", panel=DEVICES)
    ] = None,
    endpoint: EndpointOption = None,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=MODELS)] = None,
    llm: LlmOption = None,
    llm_url: LlmUrlOption = None,
    llm_model: LlmModelOption = None,
    ollama_model: OllamaModelOption = None,
    stt_model: SttModelOption = None,
    language: LanguageOption = None,
    voice: VoiceOption = None,
    speed: SpeedOption = None,
    offline: OfflineOption = None,
    input: Annotated[
        list[Path] | None, option("--input", help="Speak this file; repeat for more turns.", panel=FILES)
    ] = None,
    output: Annotated[Path | None, option("--output", help="Write the answers to this WAV file.", panel=FILES)] = None,
    fast: Annotated[bool, option("--fast", help="Files as fast as the engines can.", panel=FILES)] = False,
    history: Annotated[
        bool | None, option("--history/--no-history", help="Keep what is said (not with files).", panel=HISTORY)
    ] = None,
    tools: Annotated[
        bool | None,
        option("--tools/--no-tools", help="Whether the model may use tools: the time, timers…", panel=MODELS),
    ] = None,
    resume: Annotated[
        int | None,
        option("--resume", metavar="[ID]", min=0, help="Go on with this conversation, or the last.", panel=HISTORY),
    ] = None,
    ui: Annotated[Ui, option(help="live, plain or jsonl; auto: live in a terminal.", panel=SCREEN)] = Ui.auto,
    theme: ThemeOption = None,
    config: Annotated[Path | None, option("--config", help="Settings file in place of your own.", panel=SCREEN)] = None,
    show_settings: Annotated[
        bool, option("--show-settings", help="Print each setting and where it came from.", panel=SCREEN)
    ] = False,
) -> None:
    """Hold a spoken conversation.

    Say something and listen. [bold]Space[/] mutes the microphone, [bold]Esc[/] interrupts, [bold]t[/] types,
    [bold]/[/] lists commands, [bold]Ctrl-C[/] quits; with --mode push-to-talk [bold]Space[/] is held while you speak.
    Without a microphone questions are typed; without a speaker answers are written.

    Examples:

      voicecli talk --voice bm_george

      voicecli talk --wake-phrase "hey computer"

      voicecli talk --llm-url http://127.0.0.1:30000/v1

      voicecli talk --resume

      voicecli talk --input question.wav --output answer.wav
    """
    from voicecli.settings.load import load_settings

    loaded = load_settings(
        {
            "audio.input_device": input_device,
            "audio.output_device": output_device,
            "listen.mode": mode_of(mode, wake_phrase),
            "listen.wake_phrase": wake_phrase,
            "listen.barge_in": barge_in,
            "listen.endpoint": endpoint,
            "audio.echo": echo,
            "audio.ready_sound": ready_sound,
            "llm.backend": backend_of(llm, llm_url),
            "llm.url": llm_url,
            "llm.model": llm_model,
            "llm.ollama_model": ollama_model,
            "stt.model": stt_model,
            "stt.language": language,
            "tts.voice": voice,
            "tts.speed": speed,
            "models.offline": offline,
            "history.enabled": history,
            "ui.theme": theme,
            "tools.enabled": tools,
        },
        profile=profile or "",
        file=config,
    )
    if show_settings:
        print_settings(loaded)
        return
    from voicecli.app.platform import require_unix
    from voicecli.assemble.devices import Files

    require_unix("voicecli talk")
    code = hold_talk(loaded.settings, Files(tuple(input or ()), output, fast), ui, resume)
    raise typer.Exit(code)


def hold_talk(settings: Settings, files: Files, ui: Ui, resume: int | None) -> int:
    """Returns the exit code. Files are no conversation of the user's, so they are not kept."""
    from voicecli.app.talk import talk
    from voicecli.events import CLOCK
    from voicecli.history.log import open_history

    require_key(settings, files)
    keep = settings.history.enabled and not files.inputs and files.output is None
    memory = open_history(settings.history_file, CLOCK, keep=keep, resume=resume)
    fetch_missing(settings, models_of(settings))
    try:
        return talk(settings, files, ui.value, memory=memory)
    finally:
        if memory.log is not None and memory.log.unsaved:
            tell_unsaved(memory.log)


def tell_unsaved(log: SessionLog) -> None:
    """The last chance of words that no disk would take."""
    from voicecli.history.export import transcript
    from voicecli.printable import printable

    count = len(log.unsaved)
    reported = f"{count} exchange{'s' if count > 1 else ''}"
    tell(UNSAVED.format(count=reported, trouble=printable(log.trouble), words=printable(transcript(log.unsaved))))


def print_settings(loaded: Loaded) -> None:
    """One row a setting: key, value, origin."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for row in loaded.rows():
        table.add_row(*row)
    Console().print(table)


def models_of(settings: Settings) -> list[str]:
    """What a conversation needs."""
    from voicecli.models.installed import needed_models

    return needed_models(settings)
