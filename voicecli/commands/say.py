"""`voicecli say`: text as speech."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from voicecli.commands.completion import voices
from voicecli.commands.missing_models import fetch_missing, voice_models
from voicecli.commands.narration import tell
from voicecli.commands.options import Profile, option
from voicecli.errors import SettingsError

SOUND, VOICE, SCREEN = "Where it sounds", "Voice", "Output and settings"


def say(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="What to say; - or nothing: standard input.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, option("--output", "-o", help="Write this WAV file instead of playing.", panel=SOUND)
    ] = None,
    output_device: Annotated[str | None, option(help="Speaker: index or part of its name.", panel=SOUND)] = None,
    voice: Annotated[
        str | None, option(help="Kokoro voice, such as af_heart or bm_george.", panel=VOICE, autocompletion=voices)
    ] = None,
    speed: Annotated[float | None, option(help="Speaking rate, 0.5 to 2.", panel=VOICE)] = None,
    model: Annotated[str | None, option("--model", help="Kokoro model: name or ONNX file.", panel=VOICE)] = None,
    no_stream: Annotated[
        bool, option("--no-stream", help="Whole pieces by Kokoro's stock path, which start later.", panel=VOICE)
    ] = False,
    profile: Annotated[Profile | None, option(help="cpu, or gpu for one NVIDIA card.", panel=VOICE)] = None,
    offline: Annotated[bool | None, option("--offline", help="Never download a model.", panel=VOICE)] = None,
    as_json: Annotated[bool, option("--json", help="Print one JSON line with times.", panel=SCREEN)] = False,
    config: Annotated[Path | None, option("--config", help="Settings file in place of your own.", panel=SCREEN)] = None,
) -> None:
    """Speak a text as the assistant would: Markdown, numbers and units become words.

    [bold]Ctrl-C[/] stops it at once. A WAV file is mono, 16 bits at 24 kHz.

    Examples:

      voicecli say "The train leaves at 9:05."

      voicecli say --voice bm_george -o letter.wav < letter.md

      echo "Dinner is ready." | voicecli say -
    """
    from voicecli.settings.load import load_settings

    settings = load_settings(
        {
            "audio.output_device": output_device,
            "tts.voice": voice,
            "tts.speed": speed,
            "tts.model": model,
            "tts.streaming": False if no_stream else None,
            "models.offline": offline,
        },
        profile=profile or "",
        file=config,
    ).settings
    text = text_of(words or [])
    fetch_missing(settings, voice_models(settings))
    from voicecli.app.say import say_text

    said = say_text(text, settings, output, tell)
    if as_json:
        times = {name: round(getattr(said, name), 3) for name in ("first_audio_s", "total_s", "audio_s")}
        print(json.dumps(times | ({"file": str(output)} if output else {}), ensure_ascii=False))


def text_of(words: list[str]) -> str:
    """What was typed, or what comes through a pipe. Raises SettingsError when there is neither."""
    if words not in ([], ["-"]):
        return " ".join(words)
    if not words and sys.stdin.isatty():
        raise SettingsError("there is nothing to say", 'voicecli say "Hello", or - to type it and end with Ctrl-D')
    return sys.stdin.read()
