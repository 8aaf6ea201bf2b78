"""`voicecli transcribe`: sound files as text."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voicecli.commands.missing_models import fetch_missing
from voicecli.commands.narration import tell, tell_error
from voicecli.commands.options import Profile, option

if TYPE_CHECKING:
    from voicecli.transcribing import FileTranscript, Outcome


class Window(StrEnum):
    short = "short"
    full = "full"


RECOGNISER, SCREEN = "Recogniser", "Output and settings"


def transcribe(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Sound files: WAV, FLAC, MP3, Ogg, M4A and others.", show_default=False),
    ],
    model: Annotated[str | None, option("--model", help="Whisper model: name or folder.", panel=RECOGNISER)] = None,
    language: Annotated[str | None, option(help="Spoken language, such as en, or auto.", panel=RECOGNISER)] = None,
    window: Annotated[
        Window | None, option(help="short is quicker; full always decodes 30 s.", panel=RECOGNISER)
    ] = None,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=RECOGNISER)] = None,
    offline: Annotated[bool | None, option("--offline", help="Never download a model.", panel=RECOGNISER)] = None,
    as_json: Annotated[bool, option("--json", help="One JSON line a file, with times.", panel=SCREEN)] = False,
    config: Annotated[Path | None, option("--config", help="Settings file in place of your own.", panel=SCREEN)] = None,
) -> None:
    """Print what is said in sound files.

    One file gives its text, several give a line each. Recordings longer than Whisper's 30 s are cut at their pauses.
    A file that cannot be read is told on stderr; the others go on, and the command ends with its exit code.

    Examples:

      voicecli transcribe question.wav

      voicecli transcribe --json interviews/*.mp3 > interviews.jsonl

      voicecli transcribe --model whisper-small --language auto memo.m4a
    """
    from voicecli.settings_load import load_settings

    settings = load_settings(
        {
            "stt.model": model,
            "stt.language": language,
            "stt.window": window,
            "models.offline": offline,
        },
        profile=profile or "",
        file=config,
    ).settings
    fetch_missing(settings, [settings.stt.model])
    from voicecli.transcribing import Unreadable, transcribe_files

    codes: list[int] = []

    def show(outcome: Outcome) -> None:
        if isinstance(outcome, Unreadable):
            codes.append(outcome.error.exit_code)
            tell_error(outcome.error)
        else:
            tell_withheld(outcome)
        if line := json.dumps(fields(outcome), ensure_ascii=False) if as_json else plain(outcome, len(files) > 1):
            print(line, flush=True)

    transcribe_files(files, settings, show)
    raise typer.Exit(codes[0] if codes else 0)


def plain(outcome: Outcome, named: bool) -> str:
    """The text, after the name of its file where there are several."""
    text = getattr(outcome, "text", None)
    if text is None:
        return ""
    return f"{outcome.file}: {text}" if named else text


def tell_withheld(transcript: FileTranscript) -> None:
    """Nothing is left out in silence."""
    if transcript.reason:
        tell(f"{transcript.file}: no text: {transcript.reason}")
        return
    for part in transcript.withheld:
        tell(f"{transcript.file}: no text from {part.from_s:.1f} to {part.until_s:.1f} s: {part.reason}")


def fields(outcome: Outcome) -> dict[str, Any]:
    """What `--json` prints; `reason`, `withheld` and `error` only where there is one."""
    from voicecli.transcribing import Unreadable

    if isinstance(outcome, Unreadable):
        return {"file": str(outcome.file), "error": outcome.error.message}
    told: dict[str, Any] = {
        "file": str(outcome.file),
        "text": outcome.text,
        "audio_s": round(outcome.audio_s, 3),
        "decode_s": round(outcome.decode_s, 3),
        "redecoded": outcome.redecoded,
    }
    if outcome.reason:
        told["reason"] = outcome.reason
    elif outcome.withheld:
        told["withheld"] = [
            {"from_s": round(part.from_s, 2), "until_s": round(part.until_s, 2), "reason": part.reason}
            for part in outcome.withheld
        ]
    return told
