"""`voicecli transcribe`: sound files as text."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voicecli.commands.missing_models import fetch_missing
from voicecli.commands.narration import tell, tell_error
from voicecli.commands.options import Profile, option
from voicecli.errors import SettingsError

if TYPE_CHECKING:
    from voicecli.app.transcribe import FileTranscript, Outcome
    from voicecli.app.transcribe_stream import Utterance
    from voicecli.settings.model import Settings


class Window(StrEnum):
    """Length of audio that Whisper decodes in one go."""

    short = "short"
    full = "full"


RECOGNIZER, SERVER, SCREEN = "Recogniser", "Server", "Output and settings"
PIPE = Path("-")


def transcribe(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="Sound files: WAV, FLAC, MP3, Ogg, M4A and others; - a pipe.", show_default=False
        ),
    ],
    model: Annotated[str | None, option("--model", help="Whisper model: name or folder.", panel=RECOGNIZER)] = None,
    language: Annotated[str | None, option(help="Spoken language, such as en, or auto.", panel=RECOGNIZER)] = None,
    window: Annotated[
        Window | None, option(help="short is quicker; full always decodes 30 s.", panel=RECOGNIZER)
    ] = None,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=RECOGNIZER)] = None,
    offline: Annotated[bool | None, option("--offline", help="Never download a model.", panel=RECOGNIZER)] = None,
    server: Annotated[str, option("--server", help="Let the voicecli serve-stt at this URL do it.", panel=SERVER)] = "",
    api_key: Annotated[
        str,
        typer.Option(envvar="VOICECLI_API_KEY", help="Its key.", rich_help_panel=SERVER, show_default=False),
    ] = "",
    as_json: Annotated[bool, option("--json", help="One JSON line a file, with times.", panel=SCREEN)] = False,
    config: Annotated[Path | None, option("--config", help="Settings file in place of your own.", panel=SCREEN)] = None,
) -> None:
    """Print what is said in sound files.

    One file gives its text, several give a line each. Recordings longer than Whisper's 30 s are cut at their pauses.
    A file that cannot be read is told on stderr; the others go on, and the command ends with its exit code.

    [bold]-[/] is standard input: bare s16le mono samples at 16 kHz, or WAV. Each utterance is a
    line as soon as it ends.

    Examples:

      voicecli transcribe question.wav

      voicecli transcribe --json interviews/*.mp3 > interviews.jsonl

      voicecli transcribe --model whisper-small --language auto memo.m4a

      voicecli transcribe --server http://127.0.0.1:8000 meeting.wav

      arecord -q -f S16_LE -r 16000 -c 1 | voicecli transcribe -
    """
    check_pipe(files)
    show = ResultPrinter(as_json, named=len(files) > 1)
    if server:
        here = {"--model": model, "--window": window, "--profile": profile, "--offline": offline, "--config": config}
        check_remote(here)
        from voicecli.app.transcribe_stream import Server, transcribe_at_server, transcribe_pipe

        there = Server(server, api_key, language or "")
        if files == [PIPE]:
            transcribe_pipe(there, show.utterance)
        else:
            transcribe_at_server(files, there, show.outcome)
    else:
        from voicecli.settings.load import load_settings

        settings = load_settings(
            {"stt.model": model, "stt.language": language, "stt.window": window, "models.offline": offline},
            profile=profile or "",
            file=config,
        ).settings
        transcribe_here(files, settings, show)
    raise typer.Exit(show.exit_code)


def check_pipe(files: list[Path]) -> None:
    """Raise SettingsError if standard input is requested and cannot be used."""
    if PIPE in files and len(files) > 1:
        raise SettingsError("- is standard input, and cannot be combined with files", "use one command for each")
    if PIPE in files and sys.stdin.isatty():
        raise SettingsError(
            "standard input is a terminal, not a pipe with sound", "arecord -f S16_LE -r 16000 -c 1 | voicecli ..."
        )


def check_remote(here: Mapping[str, object]) -> None:
    """Raise SettingsError if an option is given that only the server can decide."""
    if typed := [name for name, value in here.items() if value is not None]:
        raise SettingsError(f"{', '.join(typed)} cannot be used with --server", "pass it to serve-stt")


def transcribe_here(files: list[Path], settings: Settings, show: ResultPrinter) -> None:
    """Transcribe on engines of this process. Raise what loading them raises."""
    if files == [PIPE]:
        fetch_missing(settings, [settings.stt.model, settings.listen.endpoint_model])
        from voicecli.app.transcribe_stream import transcribe_pipe

        transcribe_pipe(settings, show.utterance)
    else:
        fetch_missing(settings, [settings.stt.model])
        from voicecli.app.transcribe import transcribe_files

        transcribe_files(files, settings, show.outcome)


class ResultPrinter:
    """Prints results as they arrive, and remembers the exit code."""

    exit_code = 0

    def __init__(self, as_json: bool, *, named: bool) -> None:
        self._as_json = as_json
        self._named = named

    def outcome(self, outcome: Outcome) -> None:
        """Print the outcome of a file."""
        from voicecli.app.transcribe import Unreadable

        if isinstance(outcome, Unreadable):
            self.exit_code = self.exit_code or outcome.error.exit_code
            tell_error(outcome.error)
        else:
            report_withheld(outcome)
        self._print(fields(outcome) if self._as_json else plain(outcome, self._named))

    def utterance(self, utterance: Utterance) -> None:
        """Print an utterance of standard input."""
        if utterance.reason:
            tell(f"no text from {utterance.from_s:.1f} to {utterance.until_s:.1f} s: {utterance.reason}")
        self._print(utterance_fields(utterance) if self._as_json else utterance.text)

    def _print(self, result: str | dict[str, Any]) -> None:
        if line := result if isinstance(result, str) else json.dumps(result, ensure_ascii=False):
            print(line, flush=True)


def utterance_fields(utterance: Utterance) -> dict[str, Any]:
    """Return what `--json` prints for an utterance of standard input; `reason` only if there is one."""
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


def report_withheld(transcript: FileTranscript) -> None:
    """Report what was left out."""
    if transcript.reason:
        tell(f"{transcript.file}: no text: {transcript.reason}")
        return
    for part in transcript.withheld:
        tell(f"{transcript.file}: no text from {part.from_s:.1f} to {part.until_s:.1f} s: {part.reason}")


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
