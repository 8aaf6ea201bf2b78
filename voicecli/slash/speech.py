"""`/voice` and `/speed`: how answers sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from voicecli.slash.desk import trouble_of

SLOWEST, FASTEST = 0.5, 2.0
"""As tts.speed."""

SPEED = f"/speed wants a number from {SLOWEST:g} to {FASTEST:g}, 1 being the voice's own, such as: /speed 1.2"

LEARNING = (
    "{voice} has not been spoken with before: between answers it is learnt how to begin it sooner, which takes about "
    "{seconds} s in all. Until then its sound comes a sentence at a time."
)
LEARNING_S = 5
"""On two cores (`kokoro_statistics.calibrate`)."""

NO_VOICE = "There was no speaker at the start, so no voice was loaded: answers are written."


class Speaker(Protocol):
    """What is used of `VoiceSwitch`."""

    voice: str
    speed: float

    async def names(self) -> list[str]: ...

    async def take(self, voice: str = "", speed: float = 0.0) -> tuple[str, bool]: ...

    async def teach(self) -> None: ...


class Speech:
    """The handlers of both commands. `changed` is told the new engine's name and what to say of it."""

    def __init__(
        self,
        speaker: Speaker,
        changed: Callable[[str, str], None],
        tell: Callable[[str], None],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._speaker = speaker
        self._changed = changed
        self._tell = tell
        self._start = start
        self._learning: asyncio.Task[None] | None = None

    async def voice(self, argument: str) -> str:
        """Raises SettingsError where there is no such voice."""
        speaker = self._speaker
        if not argument:
            return f"The voice is {speaker.voice}. There are: {', '.join(await speaker.names())}."
        name, learns = await speaker.take(voice=argument)
        self._changed(name, f"The next answer is spoken by {speaker.voice}.")
        if learns:
            self._learn()
        return ""

    async def speed(self, argument: str) -> str:
        """How fast the next answer is spoken."""
        if not argument:
            return f"The voice speaks at {self._speaker.speed:g} times its own speed. {SPEED}"
        speed = speed_of(argument)
        if speed is None:
            return f"{SPEED}; {argument!r} was found."
        await self._speaker.take(speed=speed)
        return f"The next answer is spoken at {speed:g} times the voice's own speed."

    def _learn(self) -> None:
        if self._learning is not None:
            self._learning.cancel()
        self._tell(LEARNING.format(voice=self._speaker.voice, seconds=LEARNING_S))
        self._learning = self._start(self._teach())

    async def _teach(self) -> None:
        try:
            await self._speaker.teach()
        except Exception as error:
            self._tell(trouble_of(error))


def speed_of(text: str) -> float | None:
    """None where it is no speed."""
    try:
        speed = float(text.rstrip("x").replace(",", "."))
    except ValueError:
        return None
    return speed if SLOWEST <= speed <= FASTEST else None
