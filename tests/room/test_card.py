"""Loudspeaker and microphone in the simulated room, on the virtual clock."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from benchmarks.room.acoustics import Room
from benchmarks.room.card import SPEAKER_HZ, RoomCard
from benchmarks.room.scores import AUDIBLE_DB, STEP_S, levels_db
from tests.defaults import SETTINGS
from voicecli.audio.echo.canceller import PlayedBlock
from voicecli.events import Audible, Event
from voicecli.replay import virtual_time
from voicecli.types import FRAME_S, LISTEN_RATE_HZ, AudioFrame, PlaybackChunk, TurnId

ONE, TWO = TurnId(1), TurnId(2)
QUIET = Room(0.1, -10.0, drift_ppm=0, floor_db=-np.inf)
DITHER = 10  # what a resampler makes of silence is less
TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype(np.int16)


class Heard:
    """A card, and what came of it."""

    def __init__(self, room: Room) -> None:
        self.events: list[Event] = []
        self.blocks: list[PlayedBlock] = []
        self.frames: list[AudioFrame] = []
        self.arrived_s: list[float] = []
        self.room = room

    def run(self, act: Callable[[RoomCard], Awaitable[None]], length_s: float) -> RoomCard:
        async def main() -> RoomCard:
            loop = asyncio.get_running_loop()
            card = RoomCard(self.room, SETTINGS.audio, loop.time, self.events.append, self.blocks.append)
            async with card:
                acting = asyncio.ensure_future(act(card))
                async for frame in card.frames():
                    self.frames.append(frame)
                    self.arrived_s.append(loop.time())
                    if loop.time() > 1000 + length_s:
                        break
                await acting
            return card

        return virtual_time.run(main())

    def first_sound_s(self) -> float:
        """Seconds from the start to the first loud sample of the microphone."""
        pcm = np.concatenate([frame.pcm for frame in self.frames])
        return self.frames[0].captured_at_s - 1000 + float(np.argmax(np.abs(pcm.astype(int)) > 50)) / LISTEN_RATE_HZ


async def speak(card: RoomCard) -> None:
    await asyncio.sleep(1.0)
    card.begin(ONE, held=False)
    card.play(PlaybackChunk(ONE, TONE, 24_000, 2))
    card.finish(ONE)


def test_an_answer_is_heard_when_it_sounds_and_the_room_s_delay_later() -> None:
    heard = Heard(QUIET)
    card = heard.run(speak, 4.0)
    (audible,) = [event for event in heard.events if isinstance(event, Audible)]
    assert audible.at_s - 1001 == pytest.approx(SETTINGS.audio.output_latency_s, abs=0.021)
    assert heard.first_sound_s() - (audible.at_s - 1000) == pytest.approx(QUIET.delay_s, abs=0.003)
    loud = np.flatnonzero(levels_db(card.record) > AUDIBLE_DB) * STEP_S + card.record.began_s
    assert loud[0] == pytest.approx(audible.at_s, abs=0.02)
    assert loud[-1] - loud[0] == pytest.approx(1.0, abs=0.03)


def test_the_canceller_is_reported_each_block_and_when_it_sounds() -> None:
    heard = Heard(QUIET)
    heard.run(speak, 2.0)
    times_s = [block.sounds_at_s for block in heard.blocks]
    assert np.allclose(np.diff(times_s), 0.02)
    assert {(block.rate_hz, len(block.pcm)) for block in heard.blocks} == {(SPEAKER_HZ, 960)}


def test_a_frame_arrives_when_the_input_s_latency_is_over() -> None:
    heard = Heard(QUIET)
    heard.run(speak, 1.0)
    late_s = [at_s - frame.captured_at_s for at_s, frame in zip(heard.arrived_s, heard.frames, strict=True)]
    assert np.allclose(late_s, max(FRAME_S, SETTINGS.audio.input_latency_s))


def test_a_slow_microphone_gives_fewer_frames() -> None:
    heard = Heard(Room(0.1, -10.0, drift_ppm=10_000))
    heard.run(speak, 10.0)
    assert len(heard.frames) == pytest.approx(10.0 / FRAME_S / 1.01, abs=4)


def test_a_voice_in_the_room_is_heard_when_it_speaks() -> None:
    async def talk(card: RoomCard) -> None:
        card.sound(np.full(1600, 3000, np.int16), 1001.5)

    heard = Heard(QUIET)
    heard.run(talk, 3.0)
    assert heard.first_sound_s() == pytest.approx(1.5, abs=0.001)
    assert sum(int(np.count_nonzero(frame.pcm > DITHER)) for frame in heard.frames) == 1600


def test_a_noise_goes_on_until_it_is_reported_to_end() -> None:
    async def hum(card: RoomCard) -> None:
        card.background(np.full(100, 700, np.int16))
        await asyncio.sleep(2.0)
        card.background(None)

    heard = Heard(QUIET)
    heard.run(hum, 4.0)
    loud = [frame.captured_at_s - 1000 for frame in heard.frames if frame.pcm.max() > DITHER]
    assert loud[0] == 0
    assert loud[-1] == pytest.approx(2.0, abs=0.1)


def test_volumes_and_answers_that_went_on_after_a_silence_are_noted() -> None:
    async def overlap(card: RoomCard) -> None:
        await speak(card)
        for db in (-12.0, -math.inf, 0.0, -math.inf):
            card.duck(db)
        card.begin(TWO, held=False)

    card = Heard(QUIET).run(overlap, 2.0)
    assert [db for _, db in card.record.gains] == [0.0, -12.0, -math.inf, 0.0, -math.inf, 0.0]
    assert len(card.record.resumes_s) == 1
