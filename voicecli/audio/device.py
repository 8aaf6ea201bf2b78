"""The protocols of a microphone and a speaker. `portaudio`, `files.wav` and the tests' fakes implement them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Protocol, Self

from voicecli.types import AudioFrame, PlaybackChunk, TurnId


class Microphone(Protocol):
    """An async context manager; the device is open inside it."""

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield 20 ms frames at 16 kHz: without end for a device, until the last file for files.

        Raise DeviceError if the device stops delivering.
        """
        ...


class Speaker(Protocol):
    """An async context manager; the device is open inside it. At most one turn can sound at a time.

    It publishes Audible and PlaybackUnderrun.
    """

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, turn: TurnId, *, held: bool) -> None:
        """Make `turn` the only turn that can sound. A held turn queues its chunks but stays silent."""
        ...

    def play(self, chunk: PlaybackChunk) -> None:
        """Queue a chunk behind the others of its turn; drop a chunk of another turn."""
        ...

    def release(self, turn: TurnId) -> None:
        """Let a held turn sound. Ignore any other turn."""
        ...

    def duck(self, db: float) -> None:
        """Set the volume of the current turn: 0 dB is full volume; at -inf it pauses where it is."""
        ...

    def finish(self, turn: TurnId) -> None:
        """Note that no more chunks of `turn` come for now: silence after the last one is not an underrun."""
        ...

    def flush(self) -> None:
        """Drop all that is queued and fall silent."""
        ...

    async def drained(self) -> None:
        """Return when all that was queued has been heard."""
        ...

    def heard_s(self) -> float:
        """Return how many seconds of the current turn were heard."""
        ...

    def lead_s(self) -> float:
        """Return how many seconds are queued and not heard yet."""
        ...


class NoMicrophone:
    """The stand-in on a machine without a microphone: it never hears anything, and questions are typed."""

    name = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Do nothing: no device is open."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Wait forever."""
        await asyncio.Event().wait()
        yield AudioFrame(NotImplemented, 0.0)
