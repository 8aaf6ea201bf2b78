"""In simulated rooms the assistant's voice is removed, and a voice that speaks at the same time is not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.defaults import LISTEN
from tests.speech import FOLDER, SENTENCES, SPOKEN, clip
from voicecli.audio.echo.canceller import AHEAD_S, DELAY_S, MOST_BLOCKS, EchoCanceller, EchoFreeMicrophone, PlayedBlock
from voicecli.audio.echo.level_gate import EchoAwareDetector
from voicecli.audio.resample import resample
from voicecli.audio.sounds import READY_HZ, ready_sound
from voicecli.audio.speech_input import level_db
from voicecli.audio.vad import Silero, WebrtcSileroDetector
from voicecli.errors import EngineError
from voicecli.turns.segmenter import Segmenter, SegmenterEvent
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm

SPEAKER_HZ = 48_000
LENGTH_S = 12
LEARNED_S = 3
"""By then the canceller knows every room here."""


@dataclass(frozen=True)
class Room:
    delay_ms: int
    echo_db: float
    drift_ppm: float = 100.0
    decay_s: float = 0.25


ROOMS = [Room(40, -10), Room(120, -20), Room(250, -30), Room(250, -10), Room(80, -10, -100.0, 0.4)]
NEAR_S = 4
needs_speech = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the recordings next to the checkout")


@cache
def speech(level: float, near: bool = False) -> Pcm:
    """Return `LENGTH_S` of real speech at an RMS of `level` dB; one sentence if `near`."""
    paths = SPOKEN[3:4] if near else SENTENCES
    audio = np.concatenate([clip(path) for path in paths])[: LENGTH_S * LISTEN_RATE_HZ].astype(float)
    audio *= 32768 * 10 ** (level / 20) / np.sqrt(np.mean(audio**2))
    level_pcm: Pcm = np.clip(audio, -32768, 32767).astype(np.int16)
    return level_pcm


def echo_of(played: Pcm, room: Room) -> NDArray[np.float64]:
    """Simulate the echo: a small loudspeaker clips softly, the room reverberates, the clocks drift."""
    noise = np.random.default_rng(0)
    taps = round(room.decay_s * LISTEN_RATE_HZ)
    response = noise.standard_normal(taps) * 10 ** (-3 * np.arange(taps) / taps)
    response[0] = 3.0
    response *= 10 ** (room.echo_db / 20) / np.sqrt(np.sum(response**2))
    clipped = np.tanh(played / 16_000) * 16_000
    size = 1 << (len(played) + taps).bit_length()
    heard = np.fft.irfft(np.fft.rfft(clipped, size) * np.fft.rfft(response, size))
    heard = np.concatenate([np.zeros(room.delay_ms * LISTEN_RATE_HZ // 1000), heard])[: len(played)]
    drifted = np.arange(len(heard)) * (1 + room.drift_ppm * 1e-6)
    captured: NDArray[np.float64] = np.interp(drifted, np.arange(len(heard)), heard) + noise.normal(0, 10, len(heard))
    return captured


def cancelled(played: Pcm, captured: NDArray[np.float64], canceller: EchoCanceller) -> Iterator[AudioFrame]:
    """Push both sides as the devices deliver them: 20 ms at a time, the speaker at its own rate."""
    loud = resample(played, LISTEN_RATE_HZ, SPEAKER_HZ)
    block = round(FRAME_S * SPEAKER_HZ)
    pcm = np.clip(captured, -32768, 32767).astype(np.int16)
    for index in range(len(pcm) // FRAME_SAMPLES):
        at_s = index * FRAME_S
        canceller.played(PlayedBlock(loud[index * block : (index + 1) * block], SPEAKER_HZ, at_s))
        yield canceller.cancel(AudioFrame(pcm[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES], at_s))


def listened(played: Pcm, captured: NDArray[np.float64]) -> tuple[list[AudioFrame], list[tuple[float, SegmenterEvent]]]:
    """Return the frames without echo, and the events that the product derives from them while an answer sounds."""
    canceller = EchoCanceller.load()
    vad, segmenter = (
        EchoAwareDetector(WebrtcSileroDetector(Silero.load(), LISTEN), canceller.is_echo),
        Segmenter(LISTEN),
    )
    frames, events = [], []
    for frame in cancelled(played, captured, canceller):
        frames.append(frame)
        found = segmenter.push(frame, vad.is_speech(frame), LISTEN.min_interrupt_ms)
        events += [(frame.captured_at_s, event) for event in found]
    return frames, events


def joined(frames: list[AudioFrame], from_s: float = 0.0) -> Pcm:
    """Join the frames from `from_s` of the input on."""
    return np.concatenate([frame.pcm for frame in frames if frame.captured_at_s + DELAY_S >= from_s])


@needs_speech
@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_little_is_left_of_the_assistant_s_voice(room: Room) -> None:
    played = speech(-20.0)
    echo = echo_of(played, room)
    left = joined(list(cancelled(played, echo, EchoCanceller.load())), LEARNED_S)
    before_db = level_db(echo[LEARNED_S * LISTEN_RATE_HZ :].astype(np.int16))
    assert before_db - level_db(left) > (15 if room.echo_db == -30 else 24)  # the quietest echo drowns in the noise


@needs_speech
def test_a_loop_that_stalls_does_not_lose_track() -> None:
    played = speech(-20.0)
    echo = echo_of(played, ROOMS[0]).astype(np.int16)
    canceller = EchoCanceller.load()
    left, waiting = [], []
    for index in range(len(echo) // FRAME_SAMPLES):
        part = slice(index * FRAME_SAMPLES, (index + 1) * FRAME_SAMPLES)
        canceller.played(PlayedBlock(played[part], LISTEN_RATE_HZ, index * FRAME_S))
        waiting.append(AudioFrame(echo[part], index * FRAME_S))
        if index % 100 >= 40:  # nothing is processed in the first 0.8 s of every 2 s
            left += [canceller.cancel(frame) for frame in waiting]
            waiting = []
    assert level_db(echo[LEARNED_S * LISTEN_RATE_HZ :]) - level_db(joined(left, LEARNED_S)) > 24


@needs_speech
@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_from_its_first_word_on_the_assistant_is_not_mistaken_for_the_user(room: Room) -> None:
    played = speech(-20.0)
    _, heard = listened(played, echo_of(played, room))
    assert not heard


@needs_speech
@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_who_talks_over_the_assistant_is_heard_and_kept(room: Room) -> None:
    played, near = (
        speech(-20.0),
        np.concatenate([np.zeros(NEAR_S * LISTEN_RATE_HZ, np.int16), speech(-25.0, near=True)]),
    )
    near = near[: len(played)]
    _, alone = listened(np.zeros_like(played), near + echo_of(np.zeros_like(played), room))
    frames, heard = listened(played, near + echo_of(played, room))
    assert alone[0][0] - 0.1 < heard[0][0] < alone[0][0] + 0.5
    assert level_db(near[NEAR_S * LISTEN_RATE_HZ :]) - level_db(joined(frames, NEAR_S)) < 6


@needs_speech
def test_with_headphones_a_voice_over_the_first_words_of_an_answer_is_kept_whole() -> None:
    """Without a look at the path between them WebRTC took 9 to 18 dB of it."""
    ready = resample(ready_sound(), READY_HZ, LISTEN_RATE_HZ)
    played = np.concatenate([ready, np.zeros(LISTEN_RATE_HZ, np.int16), speech(-20.0)])
    near = np.concatenate([np.zeros(len(ready) + LISTEN_RATE_HZ, np.int16), speech(-25.0, near=True)])[: len(played)]
    played = played[: len(near)]
    microphone = near + np.random.default_rng(0).normal(0, 10, len(near))
    frames = list(cancelled(played, microphone, EchoCanceller.load()))
    after_s = len(ready) / LISTEN_RATE_HZ + 1
    assert abs(level_db(joined(frames, after_s)) - level_db(near[round(after_s * LISTEN_RATE_HZ) :])) < 1


def test_without_playback_a_sound_passes_unharmed_and_its_times_stay_true() -> None:
    sound = np.random.default_rng(1).normal(0, 2000, 3 * LISTEN_RATE_HZ)
    frames = list(cancelled(np.zeros(len(sound), np.int16), sound, EchoCanceller.load()))
    assert frames[0].captured_at_s == -DELAY_S
    heard = joined(frames)
    assert abs(level_db(sound.astype(np.int16)) - level_db(heard)) < 1
    correlation = [heard[delay:] @ sound[: len(heard) - delay] for delay in range(400)]
    assert int(np.argmax(correlation)) == DELAY_S * LISTEN_RATE_HZ


@dataclass
class Step:
    """Stands in for livekit's frame."""

    data: bytes
    rate_hz: int
    channels: int
    samples: int


class Recorded:
    """Stands in for WebRTC: records its calls and silences the microphone."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def process_stream(self, data: Step) -> None:
        self._note("near", data)
        data.data = bytes(320)

    def process_reverse_stream(self, data: Step) -> None:
        self._note("far", data)

    def _note(self, side: str, step: Step) -> None:
        assert (len(step.data), step.rate_hz, step.channels, step.samples) == (320, 16_000, 1, 160)
        self.calls.append((side, step.data[0]))


def recorded() -> tuple[Recorded, EchoCanceller]:
    processing = Recorded()
    return processing, EchoCanceller(processing, Step)


def tone(value: int, samples: int = FRAME_SAMPLES) -> Pcm:
    return np.full(samples, value, np.int16)


def test_playback_goes_ahead_of_the_microphone_10_ms_at_a_time() -> None:
    processing, canceller = recorded()
    canceller.played(PlayedBlock(tone(1, 250), LISTEN_RATE_HZ, 0.0))
    canceller.played(PlayedBlock(tone(1, 250), LISTEN_RATE_HZ, 0.0))
    frame = canceller.cancel(AudioFrame(tone(2), 5.0))
    assert processing.calls == [("far", 1)] * 3 + [("near", 2)] * 2
    assert frame.pcm.tolist() == [0] * FRAME_SAMPLES
    assert frame.captured_at_s == 5.0 - DELAY_S


def test_playback_that_sounds_later_waits_for_its_own_frame() -> None:
    processing, canceller = recorded()
    for index in range(100):
        canceller.played(PlayedBlock(tone(1, 160), LISTEN_RATE_HZ, 5.0 + index / 100))
    for index in range(10):
        canceller.cancel(AudioFrame(tone(2), 5.0 + index * FRAME_S))
    head = round(AHEAD_S * 100)
    assert processing.calls == [("far", 1)] * head + ([("near", 2)] * 2 + [("far", 1)] * 2) * 9 + [("near", 2)] * 2


def test_playback_without_a_microphone_is_dropped() -> None:
    processing, canceller = recorded()
    for _ in range(2 * MOST_BLOCKS):
        canceller.played(PlayedBlock(tone(1, 160), LISTEN_RATE_HZ, 0.0))
    canceller.cancel(AudioFrame(tone(2), 5.0))
    assert len(processing.calls) == MOST_BLOCKS + 2


class OneFrame:
    """A microphone that is open."""

    name = "headset"

    async def __aenter__(self) -> Self:
        raise AssertionError("it is open already")

    async def __aexit__(self, *error: object) -> None:
        raise AssertionError("whoever opened it closes it")

    async def frames(self) -> AsyncIterator[AudioFrame]:
        yield AudioFrame(tone(2), 5.0)


def test_a_microphone_is_heard_through_the_canceller() -> None:
    async def heard() -> list[AudioFrame]:
        async with EchoFreeMicrophone(OneFrame(), recorded()[1]) as microphone:
            assert microphone.name == "headset"
            return [frame async for frame in microphone.frames()]

    (frame,) = asyncio.run(heard())
    assert not frame.pcm.any()


def test_a_missing_livekit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit", None)
    with pytest.raises(EngineError, match="cannot be imported") as caught:
        EchoCanceller.load()
    assert "pip install" in caught.value.hint


def test_a_reset_for_another_device_forgets_the_room_and_what_is_queued() -> None:
    processing, canceller = recorded()
    canceller.played(PlayedBlock(tone(8000, 480), SPEAKER_HZ, 0.0))
    canceller.cancel(AudioFrame(tone(1), 0.0))
    canceller.played(PlayedBlock(tone(8000, 480), SPEAKER_HZ, 0.01))
    assert canceller.is_echo(AudioFrame(tone(32), 0.0))  # -60 dB
    before = len(processing.calls)
    canceller.reset()
    assert not canceller.is_echo(AudioFrame(tone(32), 0.0))
    canceller.cancel(AudioFrame(tone(1), 0.02))
    assert [side for side, _ in processing.calls[before:]] == ["near", "near"]


def test_an_echo_is_what_is_quiet_while_something_plays_or_the_playback_itself() -> None:
    _, canceller = recorded()
    noise = np.random.default_rng(2).normal(0, 3000, LISTEN_RATE_HZ).astype(np.int16)
    assert not canceller.is_echo(AudioFrame(tone(100), 0.0))
    canceller.played(PlayedBlock(noise, LISTEN_RATE_HZ, 0.0))
    canceller.cancel(AudioFrame(tone(1), 0.9))
    assert canceller.is_echo(AudioFrame(tone(100), 0.9))
    assert not canceller.is_echo(AudioFrame(tone(3000), 0.9))
    for at in range(12_000, 16_000 - FRAME_SAMPLES, FRAME_SAMPLES):  # the last 0.25 s of the playback, heard once more
        canceller.cancel(AudioFrame(noise[at : at + FRAME_SAMPLES], 1.0))
    assert canceller.is_echo(AudioFrame(noise[:FRAME_SAMPLES], 1.0))


def test_a_loudspeaker_of_another_rate_keeps_its_pace() -> None:
    processing, canceller = recorded()
    for rate_hz in (LISTEN_RATE_HZ, 2 * LISTEN_RATE_HZ):
        before = len(processing.calls)
        canceller.played(PlayedBlock(tone(8000, rate_hz), rate_hz, 0.0))
        canceller.cancel(AudioFrame(tone(1), 0.0))
        assert len(processing.calls) - before - 2 == pytest.approx(100, abs=6)  # a resampler keeps some back
