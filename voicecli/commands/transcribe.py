"""`voicecli transcribe`: sound files as text."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voicecli.commands.console import print_error, print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import MODELS, SettingsOptions, complete_whisper_models, grouped, option
from voicecli.errors import SettingsError

if TYPE_CHECKING:
    from voicecli.app.transcribe import FileTranscript, Outcome
    from voicecli.app.transcribe_stream import Utterance
    from voicecli.settings.model import Settings


class Window(StrEnum):
    """Values of `stt.window`."""

    short = "short"
    full = "full"


SERVER = "Server"
PIPE = Path("-")


@grouped
def transcribe(
    source: SettingsOptions,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Sound files: WAV, FLAC, MP3, Ogg, M4A and others; - reads standard input.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        option("--model", help="Whisper model: name or folder.", panel=MODELS, autocompletion=complete_whisper_models),
    ] = None,
    language: Annotated[
        str | None, option(help="Spoken language, such as en, or auto to detect it.", panel=MODELS)
    ] = None,
    window: Annotated[Window | None, option(help="short is faster; full always encodes 30 s.", panel=MODELS)] = None,
    server: Annotated[str, option("--server", help="Use the voicecli serve-stt at this URL.", panel=SERVER)] = "",
    api_key: Annotated[
        str,
        typer.Option(
            envvar="VOICECLI_API_KEY", help="API key of that server.", rich_help_panel=SERVER, show_default=False
        ),
    ] = "",
    as_json: Annotated[
        bool, option("--json", help="Print one JSON line per file, with times.", panel="Output")
    ] = False,
) -> None:
    """Print what is said in sound files.

    One file prints its text; several print one line each. Recordings longer than Whisper's 30 s are split at pauses. A
    file that cannot be read is reported on stderr; the others are still transcribed, and the exit code is that error's.

    [bold]-[/] reads standard input: raw s16le mono samples at 16 kHz, or WAV. Each utterance is printed as a line as
    soon as it ends.

    Examples:

      voicecli transcribe question.wav

      voicecli transcribe --json interviews/*.mp3 > interviews.jsonl

      voicecli transcribe --model whisper-small --language auto memo.m4a

      voicecli transcribe --server http://127.0.0.1:8000 meeting.wav

      arecord -q -f S16_LE -r 16000 -c 1 | voicecli transcribe -
    """
    check_pipe(files)
    printer = TranscriptPrinter(as_json, named=len(files) > 1)
    if server:
        check_remote(
            {
                "--model": model,
                "--window": window,
                "--profile": source.profile,
                "--offline": source.offline,
                "--config": source.config,
                "--set": source.changed or None,
            }
        )
        from voicecli.app.transcribe_stream import Server, transcribe_at_server, transcribe_pipe

        remote = Server(server, api_key, language or "")
        if files == [PIPE]:
            transcribe_pipe(remote, printer.utterance)
        else:
            transcribe_at_server(files, remote, printer.outcome)
    else:
        settings = source.load(stt__model=model, stt__language=language, stt__window=window).settings
        transcribe_here(files, settings, printer)
    raise typer.Exit(printer.exit_code)


def check_pipe(files: list[Path]) -> None:
    """Raise SettingsError if standard input is requested but cannot be used."""
    if PIPE in files and len(files) > 1:
        raise SettingsError("- (standard input) cannot be combined with files", "run one command for each")
    if PIPE in files and sys.stdin.isatty():
        raise SettingsError(
            "standard input is a terminal, not sound", "pipe sound in: arecord -f S16_LE -r 16000 -c 1 | voicecli ..."
        )


def check_remote(here: Mapping[str, object]) -> None:
    """Raise SettingsError if an option is given that only the server can apply."""
    if typed := [name for name, value in here.items() if value is not None]:
        raise SettingsError(f"{', '.join(typed)} cannot be used with --server", "pass it to voicecli serve-stt instead")


def transcribe_here(files: list[Path], settings: Settings, printer: TranscriptPrinter) -> None:
    """Transcribe with engines of this process. Raise ModelMissing or EngineError if they cannot be loaded."""
    if files == [PIPE]:
        from voicecli.models.store import endpoint_models

        fetch_missing(settings, [settings.stt.model, *endpoint_models(settings.listen)])
        from voicecli.app.transcribe_stream import transcribe_pipe

        transcribe_pipe(settings, printer.utterance)
    else:
        fetch_missing(settings, [settings.stt.model])
        from voicecli.app.transcribe import transcribe_files

        transcribe_files(files, settings, printer.outcome)


class TranscriptPrinter:
    """Print results as they arrive, and keep the exit code."""

    exit_code = 0

    def __init__(self, as_json: bool, *, named: bool) -> None:
        self._as_json = as_json
        self._named = named

    def outcome(self, outcome: Outcome) -> None:
        """Print a file's text, or its error."""
        from voicecli.app.transcribe import Unreadable

        if isinstance(outcome, Unreadable):
            self.exit_code = self.exit_code or outcome.error.exit_code
            print_error(outcome.error)
        else:
            print_withheld(outcome)
        self._print(fields(outcome) if self._as_json else plain(outcome, self._named))

    def utterance(self, utterance: Utterance) -> None:
        """Print an utterance from standard input."""
        if utterance.reason:
            print_note(f"no text from {utterance.from_s:.1f} to {utterance.until_s:.1f} s: {utterance.reason}")
        self._print(utterance_fields(utterance) if self._as_json else utterance.text)

    def _print(self, result: str | dict[str, Any]) -> None:
        if line := result if isinstance(result, str) else json.dumps(result, ensure_ascii=False):
            print(line, flush=True)


def utterance_fields(utterance: Utterance) -> dict[str, Any]:
    """Return what `--json` prints for an utterance; `reason` only if there is one."""
    result: dict[str, Any] = {
        "file": str(PIPE),
        "text": utterance.text,
        "from_s": round(utterance.from_s, 3),
        "until_s": round(utterance.until_s, 3),
        "decode_s": round(utterance.decode_s, 3),
    }
    return result | ({"reason": utterance.reason} if utterance.reason else {})


def plain(outcome: Outcome, named: bool) -> str:
    """Return the text, after the name of its file if there are several."""
    text = getattr(outcome, "text", None)
    if text is None:
        return ""
    return f"{outcome.file}: {text}" if named else text


def print_withheld(transcript: FileTranscript) -> None:
    """Report the parts that have no text, and why."""
    if transcript.reason:
        print_note(f"{transcript.file}: no text: {transcript.reason}")
        return
    for part in transcript.withheld:
        print_note(f"{transcript.file}: no text from {part.from_s:.1f} to {part.until_s:.1f} s: {part.reason}")


def fields(outcome: Outcome) -> dict[str, Any]:
    """Return what `--json` prints for a file; `reason`, `withheld` and `error` only if there is one."""
    from voicecli.app.transcribe import Unreadable

    if isinstance(outcome, Unreadable):
        return {"file": str(outcome.file), "error": outcome.error.message}
    result: dict[str, Any] = {
        "file": str(outcome.file),
        "text": outcome.text,
        "audio_s": round(outcome.audio_s, 3),
        "decode_s": round(outcome.decode_s, 3),
    }
    if outcome.redecoded is not None:
        result["redecoded"] = outcome.redecoded
    if outcome.reason:
        result["reason"] = outcome.reason
    elif outcome.withheld:
        result["withheld"] = [
            {"from_s": round(part.from_s, 2), "until_s": round(part.until_s, 2), "reason": part.reason}
            for part in outcome.withheld
        ]
    return result
