"""`voicecli talk`: a spoken conversation."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Exit
from typer.core import TyperCommand

from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.language_model import with_named_model
from voicecli.commands.options import (
    DEVICES,
    LISTENING,
    MODELS,
    SETTINGS,
    InputDeviceOption,
    LlmOptions,
    OptionGroup,
    OutputDeviceOption,
    RecognizerOptions,
    SettingsOptions,
    TurnOptions,
    VoiceOptions,
    grouped,
    option,
)
from voicecli.errors import SettingsError

if TYPE_CHECKING:
    from voicecli.assemble.devices import Files
    from voicecli.history.log import SessionLog
    from voicecli.settings.load import Loaded
    from voicecli.settings.model import Settings


class Ui(StrEnum):
    """How a conversation is shown."""

    auto = "auto"
    live = "live"
    plain = "plain"
    jsonl = "jsonl"


class Mode(StrEnum):
    """Values of `listen.mode`."""

    hands_free = "hands-free"
    push_to_talk = "push-to-talk"
    wake_phrase = "wake-phrase"


class Echo(StrEnum):
    """Values of `audio.echo`."""

    auto = "auto"
    on = "on"
    off = "off"


class Theme(StrEnum):
    """Values of `ui.theme`."""

    auto = "auto"
    light = "light"
    dark = "dark"
    none = "none"


FILES, HISTORY, SCREEN = "Sound files instead of devices", "History", "Screen"
NO_KEYBOARD_HINT = "use --mode hands-free or --mode wake-phrase"

UNSAVED = """\
{count} could not be written to the history. Here is what was said. {trouble}

{words}"""


class TalkCommand(TyperCommand):
    """Allow `--resume` without a value, which Typer options cannot do."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_last(args))


def with_last(args: list[str]) -> list[str]:
    """Return the arguments with the latest conversation as the value of a `--resume` that no number follows."""
    from voicecli.history.records import LAST

    pairs = zip_longest(args, args[1:], fillvalue="")
    bare = [(word, word == "--resume" and not following.isdecimal()) for word, following in pairs]
    return [part for word, is_bare in bare for part in ([word, str(LAST)] if is_bare else [word])]


@dataclass(frozen=True)
class ListeningOptions(OptionGroup):
    """Listening modes and sound devices."""

    mode: Annotated[
        Mode | None,
        option(
            help="Answer everything, only what you say with the space bar held, or what follows the wake phrase.",
            panel=LISTENING,
        ),
    ] = None
    wake_phrase: Annotated[
        str | None,
        option(metavar="TEXT", help='Wake phrase, such as "hey computer"; selects that mode, too.', panel=LISTENING),
        "listen.wake_phrase",
    ] = None
    input_device: InputDeviceOption = None
    output_device: OutputDeviceOption = None
    echo: Annotated[
        Echo | None,
        option(help="Cancel the echo of loudspeakers; auto: unless --barge-in is headphones.", panel=DEVICES),
        "audio.echo",
    ] = None
    ready_sound: Annotated[
        bool | None,
        option("--ready-sound/--no-ready-sound", help="Play a sound when the assistant is listening.", panel=DEVICES),
        "audio.ready_sound",
    ] = None

    def overrides(self) -> dict[str, object]:
        """Return the settings; a wake phrase selects its mode. Raise SettingsError if another mode is given, too."""
        mode: str | None = self.mode
        if self.wake_phrase is not None:
            if mode not in (None, "wake-phrase"):
                raise SettingsError(f"--wake-phrase cannot be used with --mode {mode}", "leave one of them out")
            mode = "wake-phrase"
        return {"listen.mode": mode, **super().overrides()}


@dataclass(frozen=True)
class ConversationOptions(OptionGroup):
    """What a conversation keeps, may use and looks like."""

    history: Annotated[
        bool | None,
        option("--history/--no-history", help="Keep the conversation in the history (not with files).", panel=HISTORY),
        "history.enabled",
    ] = None
    tools: Annotated[
        bool | None,
        option("--tools/--no-tools", help="Let the model use tools, such as the time and timers.", panel=MODELS),
        "tools.enabled",
    ] = None
    theme: Annotated[
        Theme | None,
        option(help="Colors for a light or dark background; auto asks the terminal.", panel=SCREEN),
        "ui.theme",
    ] = None


@grouped
def talk(
    listening: ListeningOptions,
    turns: TurnOptions,
    llm: LlmOptions,
    recognizer: RecognizerOptions,
    voice: VoiceOptions,
    conversation: ConversationOptions,
    source: SettingsOptions,
    input: Annotated[
        list[Path] | None,
        option("--input", help="Use this sound file as the microphone. Repeatable: one turn each.", panel=FILES),
    ] = None,
    output: Annotated[Path | None, option("--output", help="Write the answers to this WAV file.", panel=FILES)] = None,
    fast: Annotated[bool, option("--fast", help="Process files as fast as the engines can.", panel=FILES)] = False,
    yes: Annotated[
        bool | None, option("--yes", help="Download a better language model without asking.", panel=MODELS)
    ] = None,
    resume: Annotated[
        int | None,
        option("--resume", metavar="[ID]", min=0, help="Continue this conversation, or the latest.", panel=HISTORY),
    ] = None,
    ui: Annotated[Ui, option(help="live, plain or jsonl; auto: live in a terminal.", panel=SCREEN)] = Ui.auto,
    show_settings: Annotated[
        bool, option("--show-settings", help="Print each setting and where it comes from.", panel=SETTINGS)
    ] = False,
) -> None:
    """Hold a spoken conversation.

    Speak and listen. [bold]Space[/] mutes the microphone, [bold]Esc[/] interrupts the answer, [bold]t[/] lets you type,
    [bold]/[/] lists commands, [bold]Ctrl-C[/] quits. With --mode push-to-talk, hold [bold]Space[/] while you speak.
    Without a microphone you type your questions; without a speaker you read the answers.

    Examples:

      voicecli talk --voice bm_george

      voicecli talk --wake-phrase "hey computer"

      voicecli talk --llm-url http://127.0.0.1:30000/v1

      voicecli talk --resume

      voicecli talk --input question.wav --output answer.wav
    """
    upgrade = "auto" if yes else None
    loaded = source.load(listening, turns, llm, recognizer, voice, conversation, llm__upgrade=upgrade)
    if show_settings:
        print_settings(loaded)
        return
    from voicecli.app.platform import require_unix
    from voicecli.assemble.devices import Files

    require_unix("voicecli talk")
    raise Exit(hold_talk(loaded.settings, Files(tuple(input or ()), output, fast), ui, resume))


def hold_talk(settings: Settings, files: Files, ui: Ui, resume: int | None) -> int:
    """Hold the conversation and return the exit code. With files, nothing is kept in the history."""
    from voicecli.app.talk import talk
    from voicecli.events import CLOCK
    from voicecli.history.log import open_history
    from voicecli.models.store import conversation_models

    require_keyboard(settings, files)
    keep = settings.history.enabled and not files.inputs and files.output is None
    memory = open_history(settings.history_file, CLOCK, keep=keep, resume=resume)
    settings = with_named_model(settings)
    fetch_missing(settings, conversation_models(settings))
    try:
        return talk(settings, files, ui.value, memory=memory)
    finally:
        if memory.log is not None and memory.log.unsaved:
            print_unsaved(memory.log)


def require_keyboard(settings: Settings, files: Files) -> None:
    """Raise SettingsError if push-to-talk is set and there is no key to hold."""
    if settings.listen.mode != "push-to-talk":
        return
    if files.inputs:
        raise SettingsError("push-to-talk does not work with --input: nobody holds the key", NO_KEYBOARD_HINT)
    if sys.stdin is None or not sys.stdin.isatty():
        raise SettingsError("push-to-talk needs a keyboard, and standard input is not a terminal", NO_KEYBOARD_HINT)


def print_unsaved(log: SessionLog) -> None:
    """Print what was said but could not be saved, so that it is not lost."""
    from voicecli.history.export import transcript
    from voicecli.printable import printable

    count = len(log.unsaved)
    exchanges = f"{count} exchange{'s' if count > 1 else ''}"
    print_note(
        UNSAVED.format(count=exchanges, trouble=printable(log.trouble), words=printable(transcript(log.unsaved)))
    )


def print_settings(loaded: Loaded) -> None:
    """Print one row a setting: key, value, origin."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for row in loaded.rows():
        table.add_row(*row)
    Console().print(table)
