"""A microphone and a speaker that outlast their devices. Without a device, silence is heard and answers are written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from voicecli.audio.device import Microphone, Speaker
from voicecli.audio.reconnect.reconnector import DeviceReconnector, Stream
from voicecli.errors import DeviceError
from voicecli.events import Audible, Clock, Event, Publish
from voicecli.types import FRAME_S, FRAME_SAMPLES, AudioFrame, PlaybackChunk, TurnId

GRACE_S = 2.0
"""How long an answer whose speaker is gone waits for another before it goes on in writing."""

MOST_MISSED_S = 3.0
"""How much of the time without frames is replaced by silence, which ends what was being said."""

POLL_S = 0.25
"""Longest interval between two checks of what is left to play."""


class MicrophoneStream(Microphone, Stream, Protocol):
    """A microphone whose device can disappear: `frames` raises DeviceError when it has ended, or after `end`."""

    def end(self) -> None: ...


class SpeakerStream(Speaker, Stream, Protocol):
    """A speaker whose device can disappear."""


class _Reconnecting:
    """The context manager that both devices share."""

    def __init__(self, reconnector: DeviceReconnector[MicrophoneStream] | DeviceReconnector[SpeakerStream]) -> None:
        self.name = ""
        self._watched = reconnector

    async def __aenter__(self) -> Self:
        """Open the device and watch it until the context ends. Raise DeviceError if it does not open."""
        await self._watched.open_first()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._watched.close)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            stack.callback(tasks.create_task(self._watched.run(), name="device reconnector").cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)


class ReconnectingMicrophone(_Reconnecting):
    """Frames without end. If a device disappears during an utterance, silence follows and ends it."""

    def __init__(self, reconnector: DeviceReconnector[MicrophoneStream], clock: Clock) -> None:
        super().__init__(reconnector)
        self._reconnector = reconnector
        self._clock = clock
        reconnector.opened = self._on_opened
        reconnector.lost = self._on_lost

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield frames, or silence in real time while there is no device. Never raise DeviceError."""
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

    def _on_opened(self, stream: MicrophoneStream) -> None:
        self.name = stream.name

    def _on_lost(self, stream: MicrophoneStream) -> None:
        self.name = ""
        stream.end()


@dataclass(slots=True)
class PlaybackState:
    """What a speaker got of one turn, so that another can continue it. Kept until the next turn begins."""

    turn: TurnId
    held: bool
    db: float = 0.0
    finished: bool = False
    over: bool = False  # flushed: nothing more may sound
    written: bool = False  # no speaker came in time: what is left is read, not heard
    before_s: float = 0.0  # heard over speakers that are gone
    chunks: list[PlaybackChunk] = field(default_factory=list)

    @property
    def queued_s(self) -> float:
        """Duration of all chunks."""
        return sum(chunk.audio_s for chunk in self.chunks)

    @property
    def left_s(self) -> float:
        """Duration of what was not heard, while there is no speaker."""
        return max(0.0, self.queued_s - self.before_s)

    def rest(self) -> list[PlaybackChunk]:
        """Return what was not heard over the speakers that are gone, to the sample."""
        rest, skip_s = [], self.before_s
        for chunk in self.chunks:
            heard = min(len(chunk.pcm), round(skip_s * chunk.sample_rate_hz))
            skip_s = max(0.0, skip_s - chunk.audio_s)
            if heard < len(chunk.pcm):
                rest.append(replace(chunk, pcm=chunk.pcm[heard:]))
        return rest


class ReconnectingSpeaker(_Reconnecting):
    """Continues an answer on the next device where the last one stopped, or in writing.

    What is written counts as heard: the user reads it.
    """

    def __init__(self, reconnector: DeviceReconnector[SpeakerStream], clock: Clock) -> None:
        super().__init__(reconnector)
        self._reconnector = reconnector
        self._clock = clock
        self._playback = PlaybackState(TurnId(-1), held=False, over=True)
        self._lost_s = 0.0
        reconnector.opened = self._on_opened
        reconnector.lost = self._on_lost

    def begin(self, turn: TurnId, *, held: bool) -> None:
        self._playback = PlaybackState(turn, held)
        if stream := self._reconnector.current:
            stream.begin(turn, held=held)

    def play(self, chunk: PlaybackChunk) -> None:
        if chunk.turn != self._playback.turn or self._playback.over:
            return
        self._playback.chunks.append(chunk)
        if stream := self._stream():
            stream.play(chunk)

    def release(self, turn: TurnId) -> None:
        if turn == self._playback.turn:
            self._playback.held = False
        if stream := self._stream():
            stream.release(turn)

    def duck(self, db: float) -> None:
        self._playback.db = db
        if stream := self._stream():
            stream.duck(db)

    def finish(self, turn: TurnId) -> None:
        if turn == self._playback.turn:
            self._playback.finished = True
        if stream := self._stream():
            stream.finish(turn)

    def flush(self) -> None:
        self._playback.over = True
        if stream := self._reconnector.current:
            stream.flush()

    async def drained(self) -> None:
        """Return when all that was queued has been heard, or is written."""
        while lead_s := self.lead_s():  # noqa: ASYNC110 - playback takes its time, and no event ends it
            await asyncio.sleep(min(lead_s, POLL_S))
        if stream := self._stream():
            await stream.drained()

    def heard_s(self) -> float:
        stream, playback = self._stream(), self._playback
        if playback.written:
            return playback.queued_s
        return playback.before_s + (stream.heard_s() if stream else 0.0)

    def lead_s(self) -> float:
        stream, playback = self._stream(), self._playback
        if playback.written or playback.over:
            return 0.0
        return stream.lead_s() if stream else playback.left_s

    def _stream(self) -> SpeakerStream | None:
        """Return the stream that has the turn. An answer that has waited for one too long is written from now on."""
        playback, stream = self._playback, self._reconnector.current
        if stream is None and not playback.held and self._clock() - self._lost_s > GRACE_S:
            playback.written = True
        return None if playback.written else stream

    def _on_opened(self, stream: SpeakerStream) -> None:
        self.name = stream.name
        playback = self._playback
        if playback.over or playback.written:
            return
        stream.begin(playback.turn, held=playback.held)
        stream.duck(playback.db)
        for chunk in playback.rest():
            stream.play(chunk)
        if playback.finished:
            stream.finish(playback.turn)

    def _on_lost(self, stream: SpeakerStream) -> None:
        self.name = ""
        if not self._playback.written:
            self._playback.before_s += stream.heard_s()
        self._lost_s = self._clock()


class AudibleOnce:
    """Passes events on, but only the first Audible of each turn: that of the first device."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._turn: TurnId | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Audible):
            if event.turn == self._turn:
                return
            self._turn = event.turn
        self._publish(event)
