"""`voicecli dictate`: speech as text, one utterance per line."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import (
    DEVICES,
    EndpointOption,
    InputDeviceOption,
    RecognizerOptions,
    SettingsOptions,
    grouped,
    option,
)
from voicecli.errors import INTERRUPTED_EXIT_CODE, SettingsError

if TYPE_CHECKING:
    from voicecli.settings.model import Settings
    from voicecli.ui.transcript_sinks import TranscriptSink

OUTPUT = "Output"


@grouped
def dictate(
    recognizer: RecognizerOptions,
    source: SettingsOptions,
    input_device: InputDeviceOption = None,
    input: Annotated[
        Path | None, option("--input", help="Sound file to use instead of the microphone.", panel=DEVICES)
    ] = None,
    endpoint: EndpointOption = None,
    once: Annotated[bool, option("--once", help="Stop after the first utterance.", panel=OUTPUT)] = False,
    output: Annotated[
        Path | None, option("--output", "-o", help="Append to this text file instead of stdout.", panel=OUTPUT)
    ] = None,
    clipboard: Annotated[
        bool, option("--clipboard", help="Copy everything to the clipboard instead of stdout.", panel=OUTPUT)
    ] = False,
    join: Annotated[
        bool, option("--join", help="Write one paragraph, not a line per utterance.", panel=OUTPUT)
    ] = False,
) -> None:
    """Write down what you say.

    Words appear while you speak; each finished utterance is printed as one line
    on stdout at once. [bold]Ctrl-C[/] stops listening; what you have said by then
    is still written, with exit code 0. The exit code is 130 if nothing was said,
    or after a second Ctrl-C.

    The clipboard is reached through wl-copy, xclip, xsel, pbcopy or clip.exe,
    and through the terminal (OSC 52), which works over SSH.

    Examples:

      voicecli dictate >> diary.txt

      voicecli dictate --clipboard --join

      voicecli dictate --once | voicecli ask --speak

      voicecli dictate --input memo.m4a --join --output memo.txt
    """
    from voicecli.app.platform import require_unix

    require_unix("voicecli dictate")
    settings = source.load(recognizer, audio__input_device=input_device, listen__endpoint=endpoint).settings
    fetch_missing(settings, models_of(settings))
    from voicecli.app.dictate import dictate as dictate_words
    from voicecli.ui.terminal.outlet import own_stderr
    from voicecli.ui.transcript_sinks import DictationScreen

    with ExitStack() as stack:
        err = stack.enter_context(own_stderr(settings.log_file))
        sinks = sinks_of(stack, output, err, clipboard=clipboard, joined=join)
        shows_words = bool(output or clipboard or join) or not sys.stdout.isatty()
        page = DictationScreen(err, sinks, shows_words=shows_words)
        dictation = dictate_words(settings, input, page, once=once)
    if dictation.forced or (dictation.interrupted and not dictation.words):
        raise typer.Exit(INTERRUPTED_EXIT_CODE)


def sinks_of(
    stack: ExitStack, output: Path | None, err: TextIO, *, clipboard: bool, joined: bool
) -> list[TranscriptSink]:
    """Open where the words go. Raise SettingsError if that fails, before anybody has spoken."""
    from voicecli.ui.transcript_sinks import ClipboardSink, FileSink, open_transcript

    sinks: list[TranscriptSink] = []
    if output is not None:
        try:
            file = stack.enter_context(output.open("a", encoding="utf8"))
        except OSError as error:
            raise SettingsError(f"{output} cannot be written: {error.strerror}", "choose another --output") from error
        sinks.append(FileSink(file, joined=joined))
    if clipboard:
        from voicecli.ui.terminal.clipboard import find_clipboard

        found = find_clipboard()
        stack.callback(found.close)
        sinks.append(ClipboardSink(found.copy, err, joined=joined))
    return sinks or [open_transcript(sys.stdout, err, joined=joined)]


def models_of(settings: Settings) -> list[str]:
    """Return the names of the models that dictation needs."""
    from voicecli.models.store import endpoint_models

    return [settings.stt.model, *(endpoint_models(settings.listen) if settings.listen.judges_pauses else [])]
