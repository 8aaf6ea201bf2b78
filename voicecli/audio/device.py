"""What a microphone and a speaker can do. `portaudio`, `wav` and the tests' fakes satisfy these."""

from __future__ import annotations

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
        """20 ms frames at 16 kHz, without end for a device, until the last file for files.

        Raises DeviceError when the device stops delivering.
        """
        ...


class Speaker(Protocol):
    """An async context manager; the device is open inside it. At most one turn may sound.

    It publishes Audible and PlaybackUnderrun.
    """

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, turn: TurnId, *, held: bool) -> None:
        """From now on only `turn` may sound; while held it may queue but not sound."""
        ...

    def play(self, chunk: PlaybackChunk) -> None:
        """Queue a chunk behind the others of its turn; a chunk of another turn is dropped."""
        ...

    def release(self, turn: TurnId) -> None:
        """Let a held turn sound. No effect on any other turn."""
        ...

    def duck(self, db: float) -> None:
        """The begun turn sounds at `db`, 0 being full volume; at -inf it is silent and waits where it is."""
        ...

    def finish(self, turn: TurnId) -> None:
        """No more chunks of `turn` will come for now: silence after the last one is not starvation."""
        ...

    def flush(self) -> None:
        """Nothing more sounds, whatever is queued."""
        ...

    async def drained(self) -> None:
        """Return when all that was queued has been heard."""
        ...

    def heard_s(self) -> float:
        """Seconds of the begun turn that were heard."""
        ...

    def lead_s(self) -> float:
        """Seconds that are queued and not yet heard."""
        ...
