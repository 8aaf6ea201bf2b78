"""`/voice` and `/speed`: how answers sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

SLOWEST, FASTEST = 0.5, 2.0
"""As tts.speed."""

SPEED = f"/speed wants a number from {SLOWEST:g} to {FASTEST:g}, 1 being the voice's own, such as: /speed 1.2"

NO_VOICE = "There was no speaker at the start, so no voice was loaded: answers are written."


class Speaker(Protocol):
    """What is used of `CurrentVoice`."""

    voice: str
    speed: float

    def names(self) -> list[str]: ...

    def name_of(self, voice: str) -> str: ...

    def pace(self, speed: float) -> None: ...


class Voices(Protocol):
    """What is used of `LanguagePolicy`."""

    def set_voice(self, voice: str) -> str: ...


class Speech:
    """The handlers of both commands. `changed` is told the engine's new name and what to say of it."""

    def __init__(self, speaker: Speaker, voices: Voices, changed: Callable[[str, str], None]) -> None:
        self._speaker = speaker
        self._voices = voices
        self._changed = changed

    async def voice(self, argument: str) -> str:
        """Raises SettingsError where there is no such voice."""
        speaker = self._speaker
        if not argument:
            return f"The voice is {speaker.voice}. There are: {', '.join(speaker.names())}."
        reported = self._voices.set_voice(argument)
        self._changed(speaker.name_of(argument), f"From the next answer on: {reported}")
        return ""

    async def speed(self, argument: str) -> str:
        """How fast the next answer is spoken."""
        if not argument:
            return f"The voice speaks at {self._speaker.speed:g} times its own speed. {SPEED}"
        speed = speed_of(argument)
        if speed is None:
            return f"{SPEED}; {argument!r} was found."
        self._speaker.pace(speed)
        return f"The next answer is spoken at {speed:g} times the voice's own speed."


def speed_of(text: str) -> float | None:
    """None where it is no speed."""
    try:
        speed = float(text.rstrip("x").replace(",", "."))
    except ValueError:
        return None
    return speed if SLOWEST <= speed <= FASTEST else None
