"""Microphone and speaker that outlast their devices, on a virtual clock; the devices are strict fakes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.audio.playout import Playout
from voicecli.audio.reconnect.portaudio_calls import OpenDevice
from voicecli.audio.reconnect.reconnector import DeviceReconnector, S, Source
from voicecli.audio.reconnect.streams import AudibleOnce, PlaybackState, ReconnectingMicrophone, ReconnectingSpeaker
from voicecli.errors import DeviceError
from voicecli.events import Audible, ComponentChanged, Event
from voicecli.replay import virtual_time
from voicecli.types import FRAME_S, FRAME_SAMPLES, AudioFrame, PlaybackChunk, TurnId

RATE_HZ = 1000
ONE, TWO = TurnId(1), TurnId(2)
T = TypeVar("T")


class InlineSystem:
    """Calls at once what the product calls on threads."""

    def __init__(self) -> None:
        self.parts: list[OpenDevice] = []
        self.changed: Callable[[], None] = lambda: None
        self.scans = 0

    async def close(self, work: Callable[[], None]) -> None:
        work()

    async def call(self, work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
        return work()

    async def rescan(self) -> None:
        self.scans += 1


@dataclass(eq=False)
class FakeStream:
    """Opened once, closed once; `dies` ends it, `stalls` makes it deliver nothing."""

    name: str
    opened: int = 0
    closed: int = 0
    dead: bool = False
    stalled_s: float = math.inf  # since when

    async def __aenter__(self) -> Self:
        raise AssertionError("the reconnector opens the streams")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise AssertionError("the reconnector closes the streams")

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        assert not self.opened
        self.opened += 1
        self.loop = loop

    def close(self) -> None:
        assert self.opened
        assert not self.closed
        self.closed += 1

    def idle_s(self) -> float:
        return math.inf if self.dead else max(0.0, self.loop.time() - self.stalled_s)

    @property
    def sounds(self) -> bool:
        return not self.closed and not self.dead and self.loop.time() < self.stalled_s


@dataclass(eq=False)
class FakeMicrophone(FakeStream):
    ended: bool = False

    def end(self) -> None:
        self.ended = True

    async def frames(self) -> AsyncIterator[AudioFrame]:
        while True:
            at_s = self.loop.time()
            await asyncio.sleep(FRAME_S)
            if self.dead or self.ended:
                raise DeviceError("it is gone")
            if self.sounds:
                yield AudioFrame(np.ones(FRAME_SAMPLES, np.int16), at_s)


@dataclass(eq=False)
class FakeSpeaker(FakeStream):
    """Plays in steps of 10 ms while it lives."""

    heard: list[int] = field(default_factory=list)
    gain_db: float = 0.0
    playout: Playout = field(default_factory=lambda: Playout(RATE_HZ))

    def begin(self, turn: TurnId, *, held: bool) -> None:
        self.playout.begin(turn, held=held)

    def play(self, chunk: PlaybackChunk) -> None:
        self.playout.add(chunk.turn, chunk.pcm)

    def release(self, turn: TurnId) -> None:
        self.playout.release(turn)

    def duck(self, db: float) -> None:
        self.gain_db = db

    def finish(self, turn: TurnId) -> None:
        self.playout.finish(turn)

    def flush(self) -> None:
        self.playout.flush()

    async def drained(self) -> None:
        assert not self.lead_s()

    def heard_s(self) -> float:
        return self.playout.played / RATE_HZ

    def lead_s(self) -> float:
        return self.playout.lead / RATE_HZ

    async def play_on(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            if self.opened and self.sounds:
                self.heard += [int(sample) for sample in self.playout.read(10).pcm if sample]


class World:
    """Streams by name, in the order in which they are to be opened; None: it does not open."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.tried: list[str] = []
        self.system = InlineSystem()
        self.is_idle = True
        self.there: dict[str, list[Any]] = {}

    def make(self, name: str) -> Any:
        self.tried.append(name)
        if not self.there.get(name):
            raise DeviceError(f"no device matches {name!r}")
        return self.there[name].pop(0)

    def reconnector(self, source: Source[S]) -> DeviceReconnector[S]:
        loop = asyncio.get_running_loop()
        return DeviceReconnector(source, self.system, lambda: self.is_idle, loop.time, self.events.append)

    def microphone(self, wanted: str = "") -> ReconnectingMicrophone:
        loop = asyncio.get_running_loop()
        return ReconnectingMicrophone(self.reconnector(Source("microphone", wanted, self.make)), loop.time)

    def speaker(self, wanted: str = "") -> ReconnectingSpeaker:
        loop = asyncio.get_running_loop()
        return ReconnectingSpeaker(self.reconnector(Source("speaker", wanted, self.make)), loop.time)

    @property
    def reported(self) -> list[tuple[str, str]]:
        return [(event.condition, event.name) for event in self.events if isinstance(event, ComponentChanged)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose wall clock follows the virtual one."""
    monkeypatch.setattr(
        "voicecli.audio.reconnect.reconnector.time.time", lambda: asyncio.get_running_loop().time() + WALL.ahead_s
    )
    WALL.ahead_s = 0.0
    return World()


@dataclass
class Wall:
    ahead_s: float = 0.0


WALL = Wall()


def chunk(first: int, samples: int, turn: TurnId = ONE) -> PlaybackChunk:
    return PlaybackChunk(turn, np.arange(first, first + samples, dtype=np.int16), RATE_HZ, 0)


async def listen(microphone: ReconnectingMicrophone, into: list[tuple[float, AudioFrame]]) -> None:
    loop = asyncio.get_running_loop()
    async for frame in microphone.frames():
        into.append((loop.time(), frame))  # noqa: PERF401 - what came until it is cancelled counts


def hearing(
    world: World, act: Callable[[ReconnectingMicrophone], Coroutine[Any, Any, None]]
) -> list[tuple[float, AudioFrame]]:
    frames: list[tuple[float, AudioFrame]] = []

    async def main() -> None:
        async with world.microphone() as microphone, asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(listen(microphone, frames))
            await act(microphone)
            listening.cancel()

    virtual_time.run(main(), began_s=0.0)
    return frames


def test_silence_follows_at_once_when_a_microphone_ends_and_its_voice_when_it_is_back(world: World) -> None:
    first, second = FakeMicrophone("mic"), FakeMicrophone("mic")
    world.there[""] = [first]

    async def act(microphone: ReconnectingMicrophone) -> None:
        await asyncio.sleep(1)
        first.dead = True
        await asyncio.sleep(1)
        assert microphone.name == ""
        world.there[""] = [second]
        await asyncio.sleep(2.5)
        assert microphone.name == "mic"

    frames = hearing(world, act)
    voiced = [at_s for at_s, frame in frames if frame.pcm.any()]
    silent = [at_s for at_s, frame in frames if not frame.pcm.any()]
    assert max(voiced[:45]) < min(silent) < 1.2
    assert 0.9 < (max(silent) - min(silent)) < 3.1
    assert max(voiced) > 4.3
    assert world.reported == [("unavailable", ""), ("ok", "mic")]
    assert first.closed
    assert second.closed


def test_a_stalled_microphone_ends_the_utterance_within_its_stall_and_is_opened_again(world: World) -> None:
    first, second = FakeMicrophone("mic"), FakeMicrophone("mic")
    world.there[""] = [first, second]

    async def act(microphone: ReconnectingMicrophone) -> None:
        await asyncio.sleep(4)
        first.stalled_s = asyncio.get_running_loop().time()
        await asyncio.sleep(2)

    frames = hearing(world, act)
    assert 4 < next(at_s for at_s, frame in frames if not frame.pcm.any() or at_s > 4.1) < 5.3
    captured = [frame.captured_at_s for _, frame in frames]
    assert captured == sorted(captured)
    assert world.reported == []  # it is the same device, and was back at once
    assert first.closed


def test_after_a_sleep_the_device_is_opened_again(world: World) -> None:
    first, second = FakeMicrophone("mic"), FakeMicrophone("mic")
    world.there[""] = [first, second]

    async def act(microphone: ReconnectingMicrophone) -> None:
        await asyncio.sleep(1)
        WALL.ahead_s = 3600.0
        await asyncio.sleep(1)

    hearing(world, act)
    assert (first.closed, second.opened) == (1, 1)


def test_the_default_takes_the_place_of_a_wanted_device_until_that_is_back_and_nobody_speaks(world: World) -> None:
    wanted, other, again = FakeSpeaker("headset"), FakeSpeaker("built-in"), FakeSpeaker("headset")
    world.there = {"headset": [wanted], "": [other]}

    async def main() -> None:
        async with world.speaker("headset") as speaker:
            world.is_idle = False
            wanted.dead = True
            await asyncio.sleep(0.5)
            assert speaker.name == "built-in"
            world.there["headset"] = [again]
            await asyncio.sleep(5)
            assert speaker.name == "built-in"
            world.is_idle = True
            await asyncio.sleep(0.5)
            assert speaker.name == "headset"

    virtual_time.run(main(), began_s=0.0)
    assert world.reported == [("fallback", "built-in"), ("ok", "headset")]
    assert other.closed


def test_nothing_is_opened_more_often_than_the_back_off_allows(world: World) -> None:
    first = FakeSpeaker("speaker")
    world.there[""] = [first]

    async def main() -> None:
        async with world.speaker():
            first.dead = True
            await asyncio.sleep(10)

    virtual_time.run(main(), began_s=0.0)
    assert 6 <= len(world.tried) - 1 <= 9
    assert world.system.scans == len(world.tried) - 1


def test_a_device_that_is_missing_at_the_start_is_an_error(world: World) -> None:
    async def main() -> None:
        async with world.speaker("headset"):
            raise AssertionError("it is not there")

    with pytest.raises(DeviceError):
        virtual_time.run(main(), began_s=0.0)


def speaking(
    world: World, streams: list[FakeSpeaker], act: Callable[[ReconnectingSpeaker], Coroutine[Any, Any, None]]
) -> None:
    async def main() -> None:
        world.there[""] = [streams[0]]
        async with asyncio.TaskGroup() as tasks:
            playing = [tasks.create_task(stream.play_on()) for stream in streams]
            async with world.speaker() as speaker:
                await act(speaker)
            for one in playing:
                one.cancel()

    virtual_time.run(main(), began_s=0.0)


def test_an_answer_goes_on_over_the_next_device_at_the_very_sample(world: World) -> None:
    first, second = FakeSpeaker("one"), FakeSpeaker("one")

    async def act(speaker: ReconnectingSpeaker) -> None:
        speaker.begin(ONE, held=True)
        speaker.play(chunk(1, 800))
        speaker.play(chunk(801, 800))
        speaker.release(ONE)
        await asyncio.sleep(0.5)
        first.dead = True
        await asyncio.sleep(0.5)
        speaker.duck(-20)
        assert speaker.heard_s() == pytest.approx(0.49, abs=0.02)
        assert speaker.lead_s() == pytest.approx(1.6 - speaker.heard_s())
        speaker.play(chunk(1601, 400))
        speaker.finish(ONE)
        world.there[""] = [second]
        await speaker.drained()
        assert speaker.heard_s() == pytest.approx(2.0)

    speaking(world, [first, second], act)
    assert first.heard + second.heard == list(range(1, 2001))
    assert second.gain_db == -20


def test_an_answer_without_a_speaker_goes_on_in_writing_and_the_next_is_spoken(world: World) -> None:
    first, second = FakeSpeaker("one"), FakeSpeaker("two")

    async def act(speaker: ReconnectingSpeaker) -> None:
        speaker.begin(ONE, held=False)
        speaker.play(chunk(1, 5000))
        await asyncio.sleep(0.5)
        first.dead = True
        await asyncio.sleep(0.2)
        began_s = asyncio.get_running_loop().time()
        speaker.finish(ONE)
        await speaker.drained()
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(2.0, abs=0.3)
        assert speaker.heard_s() == pytest.approx(5.0)  # it is read
        world.there[""] = [second]
        await asyncio.sleep(2.1)
        speaker.play(chunk(5001, 100))
        assert speaker.lead_s() == 0
        speaker.begin(TWO, held=False)
        speaker.play(chunk(1, 100, TWO))
        speaker.finish(TWO)
        await speaker.drained()
        speaker.flush()
        assert speaker.lead_s() == 0

    speaking(world, [first, second], act)
    assert second.heard == list(range(1, 101))
    assert world.reported == [("unavailable", ""), ("ok", "two")]


def test_a_turn_that_is_held_waits_for_a_speaker_as_long_as_it_is_held(world: World) -> None:
    first, second = FakeSpeaker("one"), FakeSpeaker("one")

    async def act(speaker: ReconnectingSpeaker) -> None:
        first.dead = True
        speaker.begin(ONE, held=True)
        speaker.play(chunk(1, 100))
        await asyncio.sleep(4)
        assert speaker.heard_s() == 0
        world.there[""] = [second]
        await asyncio.sleep(2.1)
        speaker.release(ONE)
        speaker.finish(ONE)
        await speaker.drained()

    speaking(world, [first, second], act)
    assert second.heard == list(range(1, 101))


def test_what_was_flushed_stays_silent_on_the_next_device(world: World) -> None:
    first, second = FakeSpeaker("one"), FakeSpeaker("one")

    async def act(speaker: ReconnectingSpeaker) -> None:
        speaker.begin(ONE, held=False)
        speaker.play(chunk(1, 1000))
        await asyncio.sleep(0.3)
        first.dead = True
        speaker.flush()
        world.there[""] = [second]
        await asyncio.sleep(1)
        speaker.play(chunk(1001, 100))
        await speaker.drained()

    speaking(world, [first, second], act)
    assert second.heard == []


def test_each_turn_becomes_audible_once() -> None:
    events: list[Event] = []
    once = AudibleOnce(events.append)
    for turn in (ONE, ONE, TWO):
        once(Audible(at_s=0.0, turn=turn))
    assert [event.turn for event in events] == [ONE, TWO]


@given(st.lists(st.integers(0, 500), max_size=8), st.integers(0, 5000))
def test_what_was_heard_and_the_rest_are_the_whole(lengths: list[int], heard: int) -> None:
    sound = np.arange(sum(lengths), dtype=np.int16)
    ends = np.cumsum(lengths, dtype=int)
    chunks = [
        PlaybackChunk(TurnId(1), sound[end - length : end], RATE_HZ, 0)
        for end, length in zip(ends, lengths, strict=True)
    ]  # fmt: skip
    playback = PlaybackState(TurnId(1), held=False, before_s=heard / RATE_HZ, chunks=chunks)
    rest = [chunk.pcm for chunk in playback.rest()]
    left = np.concatenate([np.zeros(0, np.int16), *rest])
    assert np.array_equal(left, sound[heard:])
    assert playback.queued_s == pytest.approx(len(sound) / RATE_HZ)
    assert playback.left_s == pytest.approx(len(left) / RATE_HZ)
