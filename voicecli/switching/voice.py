"""Another voice, or another speed, from the next answer on."""

from __future__ import annotations

from typing import Protocol

from voicecli.conversation.rest import Rest
from voicecli.engines.base import Voice, Voices, Worker
from voicecli.engines.switchable import SwitchableVoice


class Resident(Voices, Voice, Protocol):
    """A model with the voice that it was loaded with."""


class VoiceSwitch:
    """The voices of one resident model; nothing is loaded anew."""

    def __init__(
        self, resident: Resident, switchable: SwitchableVoice, worker: Worker, rest: Rest, speed: float
    ) -> None:
        """`speed`: at which it is spoken now."""
        self.voice, self.speed = resident.voice, speed
        self._learns = resident.streams  # a model that can stream was loaded with a voice that does
        self._voices: Voices = resident
        self._switchable = switchable
        self._worker = worker
        self._rest = rest

    async def names(self) -> list[str]:
        """Those on disk."""
        return [known.name for known in await self._worker.run(self._voices.known_voices)]

    async def take(self, voice: str = "", speed: float = 0.0) -> tuple[str, bool]:
        """Speak with another voice, or at another speed, or both. Raises SettingsError with the nearest names.

        Returns the engine's new name, and whether `teach` would do the voice good.
        """
        view = await self._worker.run(self._voices.speaking, voice or self.voice, speed or self.speed)
        self.voice, self.speed = view.voice, speed or self.speed
        self._rest.do(lambda: self._switchable.take(view))
        return view.name, self._learns and not view.streams

    async def teach(self) -> None:
        """Make the voice stream that is spoken with, between turns; each step takes about a second.

        Raises EngineError; the voice then goes on as it is.
        """
        voice = self.voice
        steps = self._voices.preparing(voice)
        more = True
        while more:
            await self._rest.moment()
            more = bool(await self._worker.run(next, steps, 0))
        if self.voice == voice:
            await self.take()
