"""Keeps one device in use for as long as there is any: notices that it went away, opens another, and goes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

from voicecli.audio.reconnect.policy import (
    MICROPHONE_STALL_S,
    SPEAKER_STALL_S,
    ReconnectPolicy,
    SleepDetector,
    Try,
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
    """A device that may be opened once. `open` and `close` block, and may hang."""

    name: str

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raises DeviceError."""
        ...

    def close(self) -> None: ...

    def idle_s(self) -> float:
        """Since the device last did anything; infinite when it has ended."""
        ...


T = TypeVar("T")


class System(Protocol):
    """What is used of `SoundSystem`."""

    parts: list[OpenDevice]
    changed: Callable[[], None]

    async def call(self, work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T: ...

    async def close(self, work: Callable[[], None]) -> None: ...

    async def rescan(self) -> None: ...


S = TypeVar("S", bound=Stream)


@dataclass(frozen=True, slots=True)
class Source(Generic[S]):
    """Where streams come from."""

    part: DevicePart
    wanted: str  # a name as in the settings; empty: the system's default
    make: Callable[[str], S]  # of a device that is listed. Raises DeviceError


class DeviceReconnector(Generic[S]):
    """`lost` is told before a stream is closed, `opened` when one is in use."""

    def __init__(
        self, source: Source[S], system: System, settled: Callable[[], bool], clock: Clock, publish: Publish
    ) -> None:
        self.current: S | None = None
        self.lost: Callable[[S], None] = lambda stream: None
        self.opened: Callable[[S], None] = lambda stream: None
        self._source = source
        self._system = system
        self._settled = settled
        self._clock = clock
        self._publish = publish
        self._recovery = ReconnectPolicy()
        self._reported: tuple[Condition, str] = ("ok", "")
        self._requested: str | None = None
        self._opened_s = 0.0

    @property
    def is_open(self) -> bool:
        return self.current is not None

    @property
    def name(self) -> str:
        """Of what is in use; empty when there is nothing."""
        return self.current.name if self.current is not None else ""

    async def open_first(self) -> None:
        """Open the wanted device. Raises DeviceError."""
        self._use(await self._open(self._source.wanted), wanted=True, tell=False)
        self._system.parts.append(self)

    async def run(self) -> None:
        """Watch, until cancelled."""
        sleep_detector = SleepDetector()
        while True:
            await asyncio.sleep(TICK_S)
            woke = sleep_detector.has_slept(self._clock(), time.time())
            if self.current is not None and (woke or self._has_gone(self.current)):
                await self.release()
            if self._requested is not None and self._settled():
                name, self._requested = self._requested, None
                await self._switch_to(name)
            elif options := self._recovery.next_attempt(self._clock(), settled=self._settled()):
                await self._try(options)

    def request(self, name: str) -> None:
        """Use the device of this name from the next moment on in which no turn is alive; empty: the system's default.

        Where it cannot be opened the one in use stays, and that is told.
        """
        self._requested = name

    async def release(self) -> None:
        """Close what is open; something is opened again at the next look."""
        stream, self.current = self.current, None
        if stream is None:
            return
        self._recovery.on_lost(self._clock())
        await self._close(stream)

    async def close(self) -> None:
        """For good."""
        self._system.parts.remove(self)
        await self.release()

    def _has_gone(self, stream: S) -> bool:
        return has_stalled(stream.idle_s(), self._clock() - self._opened_s, STALL_S[self._source.part])

    async def _open(self, wanted: str) -> S:
        loop = asyncio.get_running_loop()

        def work() -> S:
            stream = self._source.make(wanted)  # here, since a device's number holds only until PortAudio starts anew
            stream.open(loop)
            return stream

        return await self._system.call(work, lambda stream: stream.close())

    async def _close(self, stream: S) -> None:
        self.lost(stream)
        self._system.changed()
        await self._system.close(stream.close)

    async def _switch_to(self, name: str) -> None:
        """A device that was plugged in since the start is found by a second try."""
        try:
            stream = await self._open(name)
        except DeviceError:
            await self._system.rescan()
            try:
                stream = await self._open(name)
            except DeviceError as error:
                self._refuse(name, error)
                return
        was, part = self._reported[1], self._source.part
        self._source = replace(self._source, wanted=name)
        await self._exchange(stream, wanted=True, tell=False)
        message = f"The {part} is {stream.name}" + (", as it was" if stream.name == was else " now")
        self._publish(
            ComponentChanged(at_s=self._clock(), component=part, condition="ok", name=stream.name, message=message)
        )

    async def _exchange(self, stream: S, *, wanted: bool, tell: bool = True) -> None:
        """The new one is open before the old one is closed, so that there is never none."""
        before, self.current = self.current, None
        if before is not None:
            await self._close(before)
        self._use(stream, wanted=wanted, tell=tell)

    def _refuse(self, name: str, error: DeviceError) -> None:
        stays = f"the {self._source.part} stays {self._reported[1]}" if self._reported[1] else "and there is none"
        sentences = [f"{name or 'The default'} is not used, {stays}: {error.message}", error.hint]
        self._publish(Notice(at_s=self._clock(), text=". ".join(filter(None, sentences))))

    async def _try(self, options: Try) -> None:
        names = [self._source.wanted]
        if options == "any" and self._source.wanted:
            names.append("")
        reason = ""
        for name in names:
            try:
                stream = await self._open(name)
            except DeviceError as error:
                reason = reason or error.message
                continue
            await self._exchange(stream, wanted=name == self._source.wanted)
            return
        if self.current is None:
            self._tell("unavailable", "", reason)
        self._recovery.on_failed(self._clock())
        await self._system.rescan()

    def _use(self, stream: S, *, wanted: bool, tell: bool = True) -> None:
        self.current, self._opened_s = stream, self._clock()
        self._recovery.on_opened(self._opened_s, wanted=wanted)
        self._system.changed()
        self.opened(stream)
        if tell:
            self._tell(self._recovery.condition, stream.name)
        self._reported = (self._recovery.condition, stream.name)

    def _tell(self, condition: Condition, name: str, reason: str = "") -> None:
        """Nothing, where all is as it was: a device that is back at once is nobody's trouble."""
        if (condition, name) == self._reported:
            return
        part, was = self._source.part, self._reported[1]
        if condition == "unavailable":
            message = f"The {part} is gone: {MEANWHILE[part]} until it is back ({reason})"
        elif condition == "fallback":
            message = f"The {part} {self._source.wanted} is gone: {name} takes its place until it is back"
        elif self._reported[0] == "ok":
            message = f"The {part} is {name} now, in place of {was}"
        else:
            message = f"The {part} is back: {name}"
        self._reported = (condition, name)
        self._publish(
            ComponentChanged(at_s=self._clock(), component=part, condition=condition, name=name, message=message)
        )
