"""Keep one device in use as long as there is any: notice that it is gone, open another, and go back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

from voicecli.audio.reconnect.policy import (
    MICROPHONE_STALL_S,
    SPEAKER_STALL_S,
    Attempt,
    ReconnectPolicy,
    SleepDetector,
    has_stalled,
)
from voicecli.audio.reconnect.portaudio_calls import OpenDevice
from voicecli.errors import DeviceError
from voicecli.events import Clock, ComponentChanged, Condition, Notice, Publish

DevicePart = Literal["microphone", "speaker"]

TICK_S = 0.1

STALL_S = {"microphone": MICROPHONE_STALL_S, "speaker": SPEAKER_STALL_S}
MEANWHILE = {"microphone": "type your questions", "speaker": "answers are written"}


class Stream(Protocol):
    """A device that is opened at most once. `open` and `close` block, and may hang."""

    name: str

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the device. Raise DeviceError if it does not open."""
        ...

    def close(self) -> None: ...

    def idle_s(self) -> float:
        """Return the seconds since the device last did anything; infinite if it has ended."""
        ...


T = TypeVar("T")


class System(Protocol):
    """The part of `SoundSystem` that is used."""

    parts: list[OpenDevice]
    changed: Callable[[], None]

    async def call(self, work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T: ...

    async def close(self, work: Callable[[], None]) -> None: ...

    async def rescan(self) -> None: ...


S = TypeVar("S", bound=Stream)


@dataclass(frozen=True, slots=True)
class Source(Generic[S]):
    """How to make the streams of one part."""

    part: DevicePart
    wanted: str  # a name as in the settings; empty: the system's default
    make: Callable[[str], S]  # from a listed device. Raises DeviceError


class DeviceReconnector(Generic[S]):
    """Opens, watches and replaces the streams of a source.

    It calls `lost` before a stream is closed, and `opened` when one is in use.
    """

    def __init__(
        self, source: Source[S], system: System, is_idle: Callable[[], bool], clock: Clock, publish: Publish
    ) -> None:
        self.current: S | None = None
        self.lost: Callable[[S], None] = lambda stream: None
        self.opened: Callable[[S], None] = lambda stream: None
        self._source = source
        self._system = system
        self._is_idle = is_idle
        self._clock = clock
        self._publish = publish
        self._policy = ReconnectPolicy()
        self._reported: tuple[Condition, str] = ("ok", "")
        self._requested: str | None = None
        self._opened_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a device is in use."""
        return self.current is not None

    @property
    def name(self) -> str:
        """Name of the device in use; empty if there is none."""
        return self.current.name if self.current is not None else ""

    async def open_first(self) -> None:
        """Open the wanted device. Raise DeviceError if it does not open."""
        self._use(await self._open(self._source.wanted), wanted=True, report=False)
        self._system.parts.append(self)

    async def run(self) -> None:
        """Watch the device, until cancelled."""
        sleep_detector = SleepDetector()
        while True:
            await asyncio.sleep(TICK_S)
            woke = sleep_detector.has_slept(self._clock(), time.time())
            if self.current is not None and (woke or self._is_gone(self.current)):
                await self.release()
            if self._requested is not None and self._is_idle():
                name, self._requested = self._requested, None
                await self._switch_to(name)
            elif attempt := self._policy.next_attempt(self._clock(), is_idle=self._is_idle()):
                await self._try(attempt)

    def request(self, name: str) -> None:
        """Switch to the device of this name as soon as no turn is active; empty means the system's default.

        If it cannot be opened, keep the current device and publish a notice.
        """
        self._requested = name

    async def release(self) -> None:
        """Close what is open. A device is opened again at the next tick."""
        stream, self.current = self.current, None
        if stream is None:
            return
        self._policy.on_lost(self._clock())
        await self._close(stream)

    async def close(self) -> None:
        """Stop using the device for good."""
        self._system.parts.remove(self)
        await self.release()

    def _is_gone(self, stream: S) -> bool:
        return has_stalled(stream.idle_s(), self._clock() - self._opened_s, STALL_S[self._source.part])

    async def _open(self, wanted: str) -> S:
        loop = asyncio.get_running_loop()

        def work() -> S:
            stream = self._source.make(wanted)  # here, because a device's number changes when PortAudio restarts
            stream.open(loop)
            return stream

        return await self._system.call(work, lambda stream: stream.close())

    async def _close(self, stream: S) -> None:
        self.lost(stream)
        self._system.changed()
        await self._system.close(stream.close)

    async def _switch_to(self, name: str) -> None:
        """Switch to a device. A second attempt finds one that was plugged in since the start."""
        try:
            stream = await self._open(name)
        except DeviceError:
            await self._system.rescan()
            try:
                stream = await self._open(name)
            except DeviceError as error:
                self._refuse(name, error)
                return
        previous, part = self._reported[1], self._source.part
        self._source = replace(self._source, wanted=name)
        await self._replace(stream, wanted=True, report=False)
        message = f"The {part} is {stream.name}" + (", as before" if stream.name == previous else " now")
        self._publish(
            ComponentChanged(at_s=self._clock(), component=part, condition="ok", name=stream.name, message=message)
        )

    async def _replace(self, stream: S, *, wanted: bool, report: bool = True) -> None:
        """Use a stream that is already open, and only then close the previous one, so that there is never none."""
        previous, self.current = self.current, None
        if previous is not None:
            await self._close(previous)
        self._use(stream, wanted=wanted, report=report)

    def _refuse(self, name: str, error: DeviceError) -> None:
        part, current = self._source.part, self._reported[1]
        outcome = f"the {part} is still {current}" if current else f"there is no {part}"
        sentences = [f"Cannot use {name or 'the default device'}, {outcome}: {error.message}", error.hint]
        self._publish(Notice(at_s=self._clock(), text=". ".join(filter(None, sentences))))

    async def _try(self, attempt: Attempt) -> None:
        names = [self._source.wanted]
        if attempt == "any" and self._source.wanted:
            names.append("")
        reason = ""
        for name in names:
            try:
                stream = await self._open(name)
            except DeviceError as error:
                reason = reason or error.message
                continue
            await self._replace(stream, wanted=name == self._source.wanted)
            return
        if self.current is None:
            self._report("unavailable", "", reason)
        self._policy.on_failed(self._clock())
        await self._system.rescan()

    def _use(self, stream: S, *, wanted: bool, report: bool = True) -> None:
        self.current, self._opened_s = stream, self._clock()
        self._policy.on_opened(self._opened_s, wanted=wanted)
        self._system.changed()
        self.opened(stream)
        if report:
            self._report(self._policy.condition, stream.name)
        self._reported = (self._policy.condition, stream.name)

    def _report(self, condition: Condition, name: str, reason: str = "") -> None:
        """Publish a change. Say nothing if all is as it was: a device that is back at once troubles nobody."""
        if (condition, name) == self._reported:
            return
        part, previous = self._source.part, self._reported[1]
        if condition == "unavailable":
            message = f"The {part} is gone: {MEANWHILE[part]} until it is back ({reason})"
        elif condition == "fallback":
            message = f"The {part} {self._source.wanted} is gone: using {name} until it is back"
        elif self._reported[0] == "ok":
            message = f"The {part} is now {name} instead of {previous}"
        else:
            message = f"The {part} is back: {name}"
        self._reported = (condition, name)
        self._publish(
            ComponentChanged(at_s=self._clock(), component=part, condition=condition, name=name, message=message)
        )
