"""`voicecli say`: text as speech."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import (
    MODELS,
    KokoroModelOption,
    OutputDeviceOption,
    SettingsOptions,
    VoiceOptions,
    grouped,
    option,
)
from voicecli.errors import SettingsError


@grouped
def say(
    voice: VoiceOptions,
    source: SettingsOptions,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="Text to speak; - or none reads standard input.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, option("--output", "-o", help="Write a WAV file instead of playing.", panel="Output")
    ] = None,
    output_device: OutputDeviceOption = None,
    model: KokoroModelOption = None,
    no_stream: Annotated[
        bool, option("--no-stream", help="Synthesize whole chunks with Kokoro's own code: starts later.", panel=MODELS)
    ] = False,
    as_json: Annotated[bool, option("--json", help="Print one JSON line with times.", panel="Output")] = False,
) -> None:
    """Speak a text as the assistant would: Markdown, numbers and units become words.

    [bold]Ctrl-C[/] stops at once. A WAV file is mono, 16-bit, 24 kHz.

    Examples:

      voicecli say "The train leaves at 9:05."

      voicecli say --voice bm_george -o letter.wav < letter.md

      echo "Dinner is ready." | voicecli say -
    """
    from voicecli.models.store import voice_models

    settings = source.load(
        voice,
        audio__output_device=output_device,
        tts__model=model,
        tts__streaming=False if no_stream else None,
    ).settings
    text = text_of(words or [])
    fetch_missing(settings, voice_models(settings))
    from voicecli.app.say import say_text

    spoken = say_text(text, settings, output, print_note)
    if as_json:
        times = {name: round(getattr(spoken, name), 3) for name in ("first_audio_s", "total_s", "audio_s")}
        print(json.dumps(times | ({"file": str(output)} if output else {}), ensure_ascii=False))


def text_of(words: list[str]) -> str:
    """Return the typed text, or standard input. Raise SettingsError if there is neither."""
    if words not in ([], ["-"]):
        return " ".join(words)
    if not words and sys.stdin.isatty():
        raise SettingsError("there is no text to speak", 'voicecli say "Hello", or - to type it and end with Ctrl-D')
    return sys.stdin.read()
