"""A microphone and a speaker that outlast their devices. While there is none, silence is heard and answers are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from voicecli.audio.device import Microphone, Speaker
from voicecli.audio.reconnect.reconnector import DeviceReconnector, Stream
from voicecli.audio.reconnect.resume import PlaybackState
from voicecli.errors import DeviceError
from voicecli.events import Audible, Clock, Event, Publish
from voicecli.types import FRAME_S, FRAME_SAMPLES, AudioFrame, PlaybackChunk, TurnId

GRACE_S = 2.0
"""An answer whose speaker went away waits this long for another; then it goes on in writing."""

MOST_MISSED_S = 3.0
"""Of the time without frames so much is made up for in silence: it ends what was being said."""

LOOK_S = 0.25
"""The longest wait from one look at what is left to the next."""


class MicrophoneStream(Microphone, Stream, Protocol):
    """`frames` raises DeviceError when the device has ended, or after `end`."""

    def end(self) -> None: ...


class SpeakerStream(Speaker, Stream, Protocol):
    """A speaker whose device may go."""


class ReconnectingMicrophone:
    """Frames without end. An utterance that a device breaks off is over: silence follows it."""

    def __init__(self, reconnector: DeviceReconnector[MicrophoneStream], clock: Clock) -> None:
        self.name = ""
        self._reconnector = reconnector
        self._clock = clock
        reconnector.opened = self._opened
        reconnector.lost = self._lost

    async def __aenter__(self) -> Self:
        """Raises DeviceError when the device is not there at the start."""
        self._stack = await kept(self._reconnector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Never raises DeviceError; silence at real pace while there is no device."""
        next_s = self._clock()
        while True:
            stream = self._reconnector.current
            if stream is None:
                now_s = self._clock()
                next_s = max(next_s, now_s - MOST_MISSED_S)
                await asyncio.sleep(max(0.0, next_s + FRAME_S - now_s))
                yield AudioFrame(np.zeros(FRAME_SAMPLES, np.int16), next_s)
                next_s += FRAME_S
                continue
            try:
                async with aclosing(stream.frames()) as frames:  # type: ignore[type-var]  # all of them are generators
                    async for frame in frames:
                        next_s = frame.captured_at_s + FRAME_S
                        yield frame
            except DeviceError:
                if self._reconnector.current is stream:
                    await self._reconnector.release()

    def _opened(self, stream: MicrophoneStream) -> None:
        self.name = stream.name

    def _lost(self, stream: MicrophoneStream) -> None:
        self.name = ""
        stream.end()


class ReconnectingSpeaker:
    """An answer goes on over the next device from where the last one broke off, or in writing.

    What is written counts as heard: the user reads it.
    """

    def __init__(self, reconnector: DeviceReconnector[SpeakerStream], clock: Clock) -> None:
        self.name = ""
        self._reconnector = reconnector
        self._clock = clock
        self._delivery = PlaybackState(TurnId(-1), held=False, over=True)
        self._lost_s = 0.0
        reconnector.opened = self._opened
        reconnector.lost = self._lost

    async def __aenter__(self) -> Self:
        """Raises DeviceError when the device is not there at the start."""
        self._stack = await kept(self._reconnector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def begin(self, turn: TurnId, *, held: bool) -> None:
        self._delivery = PlaybackState(turn, held)
        if stream := self._reconnector.current:
            stream.begin(turn, held=held)

    def play(self, chunk: PlaybackChunk) -> None:
        if chunk.turn != self._delivery.turn or self._delivery.over:
            return
        self._delivery.chunks.append(chunk)
        if stream := self._sounding():
            stream.play(chunk)

    def release(self, turn: TurnId) -> None:
        if turn == self._delivery.turn:
            self._delivery.held = False
        if stream := self._sounding():
            stream.release(turn)

    def duck(self, db: float) -> None:
        self._delivery.db = db
        if stream := self._sounding():
            stream.duck(db)

    def finish(self, turn: TurnId) -> None:
        if turn == self._delivery.turn:
            self._delivery.finished = True
        if stream := self._sounding():
            stream.finish(turn)

    def flush(self) -> None:
        self._delivery.over = True
        if stream := self._reconnector.current:
            stream.flush()

    async def drained(self) -> None:
        """Also returns when what is left has become writing."""
        while lead_s := self.lead_s():  # noqa: ASYNC110 - playing takes the time that it takes
            await asyncio.sleep(min(lead_s, LOOK_S))
        if stream := self._sounding():
            await stream.drained()

    def heard_s(self) -> float:
        stream, delivery = self._sounding(), self._delivery
        if delivery.written:
            return delivery.queued_s
        return delivery.before_s + (stream.heard_s() if stream else 0.0)

    def lead_s(self) -> float:
        stream, delivery = self._sounding(), self._delivery
        if delivery.written or delivery.over:
            return 0.0
        return stream.lead_s() if stream else delivery.left_s

    def _sounding(self) -> SpeakerStream | None:
        """The stream that has the turn. An answer that has waited too long for one is written from now on."""
        delivery, stream = self._delivery, self._reconnector.current
        if stream is None and not delivery.held and self._clock() - self._lost_s > GRACE_S:
            delivery.written = True
        return None if delivery.written else stream

    def _opened(self, stream: SpeakerStream) -> None:
        self.name = stream.name
        delivery = self._delivery
        if delivery.over or delivery.written:
            return
        stream.begin(delivery.turn, held=delivery.held)
        stream.duck(delivery.db)
        for chunk in delivery.rest():
            stream.play(chunk)
        if delivery.finished:
            stream.finish(delivery.turn)

    def _lost(self, stream: SpeakerStream) -> None:
        self.name = ""
        if not self._delivery.written:
            self._delivery.before_s += stream.heard_s()
        self._lost_s = self._clock()


async def kept(reconnector: DeviceReconnector[MicrophoneStream] | DeviceReconnector[SpeakerStream]) -> AsyncExitStack:
    """Open its device and watch it until the stack is closed. Raises DeviceError."""
    await reconnector.open_first()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(reconnector.close)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(tasks.create_task(reconnector.run(), name="keeper").cancel)
        return stack.pop_all()


class AudibleOnce:
    """Passes events on, but tells of each turn only once that it has become audible: by the first device."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._turn: TurnId | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Audible):
            if event.turn == self._turn:
                return
            self._turn = event.turn
        self._publish(event)
