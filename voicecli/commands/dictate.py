"""`voicecli dictate`: speech as text, an utterance a line."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from voicecli.commands.missing_models import fetch_missing
from voicecli.commands.options import Profile, option
from voicecli.commands.settings_options import (
    DEVICES,
    MODELS,
    SETTINGS,
    EndpointOption,
    LanguageOption,
    OfflineOption,
    SetOption,
    SttModelOption,
)
from voicecli.errors import INTERRUPTED_EXIT_CODE, SettingsError

if TYPE_CHECKING:
    from voicecli.settings.model import Settings
    from voicecli.ui.transcript_sinks import TranscriptSink

WORDS = "Where the words go"


def dictate(
    input_device: Annotated[str | None, option(help="Microphone: index or part of its name.", panel=DEVICES)] = None,
    input: Annotated[
        Path | None, option("--input", help="A sound file in place of the microphone.", panel=DEVICES)
    ] = None,
    endpoint: EndpointOption = None,
    once: Annotated[bool, option("--once", help="End after the first utterance.", panel=WORDS)] = False,
    output: Annotated[
        Path | None, option("--output", "-o", help="Append to this text file instead of stdout.", panel=WORDS)
    ] = None,
    clipboard: Annotated[
        bool, option("--clipboard", help="Put all of it on the clipboard instead of stdout.", panel=WORDS)
    ] = False,
    join: Annotated[bool, option("--join", help="One paragraph, not a line an utterance.", panel=WORDS)] = False,
    stt_model: SttModelOption = None,
    language: LanguageOption = None,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=MODELS)] = None,
    offline: OfflineOption = None,
    config: Annotated[
        Path | None, option("--config", help="Settings file in place of your own.", panel=SETTINGS)
    ] = None,
    changed: SetOption = None,
) -> None:
    """Write what you say.

    Words are shown while you say them; each finished utterance is a line on
    stdout, at once. [bold]Ctrl-C[/] ends it, and what you have said by then is still
    written: exit code 0. It is 130 if nothing was said, or on a second Ctrl-C.

    The clipboard is reached through wl-copy, xclip, xsel, pbcopy or clip.exe,
    and through the terminal (OSC 52), which works over SSH.

    Examples:

      voicecli dictate >> diary.txt

      voicecli dictate --clipboard --join

      voicecli dictate --once | voicecli ask --speak

      voicecli dictate --input memo.m4a --join --output memo.txt
    """
    from voicecli.app.platform import require_unix
    from voicecli.settings.load import load_settings, parsed

    require_unix("voicecli dictate")
    settings = load_settings(
        {
            "audio.input_device": input_device,
            "listen.endpoint": endpoint,
            "stt.model": stt_model,
            "stt.language": language,
            "models.offline": offline,
            **parsed(changed or ()),
        },
        profile=profile or "",
        file=config,
    ).settings
    fetch_missing(settings, models_of(settings))
    from voicecli.app.dictate import dictate as dictate_words
    from voicecli.ui.terminal.outlet import own_stderr
    from voicecli.ui.transcript_sinks import DictationScreen

    with ExitStack() as stack:
        err = stack.enter_context(own_stderr(settings.log_file))
        sinks = sinks_of(stack, output, err, clipboard=clipboard, joined=join)
        shows_words = bool(output or clipboard or join) or not sys.stdout.isatty()
        page = DictationScreen(err, sinks, shows_words=shows_words)
        heard = dictate_words(settings, input, page, once=once)
    if heard.forced or (heard.interrupted and not heard.words):
        raise typer.Exit(INTERRUPTED_EXIT_CODE)


def sinks_of(
    stack: ExitStack, output: Path | None, err: TextIO, *, clipboard: bool, joined: bool
) -> list[TranscriptSink]:
    """Where the words go. Raises SettingsError where that cannot be had: before anybody has spoken."""
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
    """What an ear needs."""
    names = [settings.stt.model]
    return names if settings.listen.endpoint == "silence" else [*names, settings.listen.endpoint_model]
