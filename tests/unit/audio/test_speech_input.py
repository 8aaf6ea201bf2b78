"""Speech input and its parts: framing, level, voice activity detection on real sound, choice of devices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conversation.stage import LoudnessGate
from tests.defaults import LISTEN
from tests.speech import NOISE, SPOKEN, clip
from voicecli.audio.devices import DeviceInfo, find_device
from voicecli.audio.resample import Converter, Framer, resample
from voicecli.audio.speech_input import FLOOR_DB, SpeechInput, level_db
from voicecli.audio.vad import Silero, WebrtcSileroDetector
from voicecli.errors import DeviceError
from voicecli.events import Event, LevelMeasured, MuteChanged
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Segmenter, SegmenterEvent
from voicecli.turns.speech_hint import PossibleSpeech, PossibleSpeechEnded
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm


class ListMicrophone:
    name = "list"

    def __init__(self, frames: list[Pcm]) -> None:
        self._frames = frames

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def frames(self) -> AsyncIterator[AudioFrame]:
        for index, pcm in enumerate(self._frames):
            yield AudioFrame(pcm, index * FRAME_S)


def heard_by(speech_input: SpeechInput, mute_after: int = -1) -> list[SegmenterEvent]:
    async def listen() -> list[SegmenterEvent]:
        out: list[SegmenterEvent] = []
        async for event in speech_input.events(lambda: 120.0):
            if not isinstance(event, PossibleSpeech | PossibleSpeechEnded):
                out.append(event)
            if len(out) == mute_after:
                speech_input.mute(True)
        return out

    return asyncio.run(listen())


LOUD, SILENT = np.full(FRAME_SAMPLES, 3277, np.int16), np.zeros(FRAME_SAMPLES, np.int16)


def test_the_speech_input_reports_what_it_hears_and_how_loud() -> None:
    events: list[Event] = []
    microphone = ListMicrophone([SILENT] * 20 + [LOUD] * 20 + [SILENT] * 40)
    speech_input = SpeechInput(microphone, LoudnessGate(), Segmenter(LISTEN), lambda: 0.0, events.append)
    assert [type(event) for event in heard_by(speech_input)] == [Onset, EarlyPause, Pause, Endpoint]
    levels = [event.level_db for event in events if isinstance(event, LevelMeasured)]
    assert len(levels) == 16
    assert max(levels) == pytest.approx(-20, abs=0.01)
    assert min(levels) == FLOOR_DB


def test_muting_in_the_middle_of_an_utterance_drops_it() -> None:
    events: list[Event] = []
    speech_input = SpeechInput(
        ListMicrophone([LOUD] * 80), LoudnessGate(), Segmenter(LISTEN), lambda: 0.0, events.append
    )
    assert [type(event) for event in heard_by(speech_input, mute_after=1)] == [Onset, Dropped]
    assert [event.muted for event in events if isinstance(event, MuteChanged)] == [True]


def test_a_full_scale_square_wave_is_at_zero_db() -> None:
    assert level_db(np.full(10, -32768, np.int16)) == pytest.approx(0.0)


@given(st.lists(st.integers(1, 2000), max_size=20))
def test_frames_are_the_input_in_order_whatever_the_blocks(lengths: list[int]) -> None:
    audio = np.arange(sum(lengths), dtype=np.int64).astype(np.int16)
    framer = Framer(LISTEN_RATE_HZ)
    frames = (
        [frame for block in np.split(audio, np.cumsum(lengths)[:-1]) for frame in framer.push(block)] if lengths else []
    )
    whole = len(audio) // FRAME_SAMPLES * FRAME_SAMPLES
    assert np.concatenate([np.zeros(0, np.int16), *frames]).tolist() == audio[:whole].tolist()
    assert framer.waiting_s == pytest.approx((len(audio) - whole) / LISTEN_RATE_HZ)


@pytest.mark.parametrize("rate_hz", [8000, 44_100, 48_000])
def test_a_tone_survives_resampling(rate_hz: int) -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)).astype(np.int16)
    framer = Framer(rate_hz)
    frames = np.concatenate([frame for block in np.array_split(tone, 100) for frame in framer.push(block)])
    peak_hz = np.argmax(np.abs(np.fft.rfft(frames))) * LISTEN_RATE_HZ / len(frames)
    assert peak_hz == pytest.approx(440, abs=2)
    assert len(resample(tone, rate_hz, LISTEN_RATE_HZ)) == LISTEN_RATE_HZ


def share_of_speech(pcm: Pcm) -> float:
    vad = WebrtcSileroDetector(Silero.load(), LISTEN)
    is_speech = [vad.is_speech(AudioFrame(frame, 0.0)) for frame in Framer(LISTEN_RATE_HZ).push(pcm)]
    return sum(is_speech) / len(is_speech)


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem[:8])
def test_people_are_heard(path: Path) -> None:
    assert share_of_speech(clip(path)) > 0.15


@pytest.mark.parametrize("path", NOISE, ids=lambda path: path.stem)
def test_noise_starts_no_utterance(path: Path) -> None:
    vad, segmenter = WebrtcSileroDetector(Silero.load(), LISTEN), Segmenter(LISTEN)
    for pcm in Framer(LISTEN_RATE_HZ).push(clip(path)):
        frame = AudioFrame(pcm, 0.0)
        assert not segmenter.push(frame, vad.is_speech(frame), LISTEN.start_ms)


@pytest.mark.parametrize(("name", "amplitude"), [("hum", 600), ("fan", 1000), ("clicks", 8000)])
def test_household_noise_starts_no_utterance(name: str, amplitude: int) -> None:
    random = np.random.default_rng(1)
    seconds = np.arange(10 * LISTEN_RATE_HZ) / LISTEN_RATE_HZ
    sound = {
        "hum": np.sin(2 * np.pi * 50 * seconds),
        "fan": np.cumsum(random.normal(0, 0.02, len(seconds))) % 1 - 0.5 + random.normal(0, 0.3, len(seconds)),
        "clicks": (random.random(len(seconds)) < 0.0005).astype(float),
    }[name]
    assert share_of_speech((amplitude * sound).clip(-32768, 32767).astype(np.int16)) < 0.02


def device(index: int, name: str, *, inputs: int = 1, outputs: int = 0, default: bool = False) -> DeviceInfo:
    return DeviceInfo(index, name, "ALSA", inputs, outputs, 48_000.0, default, default and bool(outputs))


DEVICES = [
    device(0, "HDA Intel PCH: ALC257 Analog", default=True),
    device(1, "USB Headset: Audio"),
    device(2, "USB Webcam: Audio"),
    device(3, "HDMI 0", inputs=0, outputs=2),
    device(4, "default"),
]


@pytest.mark.parametrize(("wanted", "index"), [("", 0), ("2", 2), ("headset", 1), ("DEFAULT", 4), ("alc257", 0)])
def test_a_device_is_found_by_index_name_or_part(wanted: str, index: int) -> None:
    assert find_device(DEVICES, wanted, "input").index == index


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ("usb", "matches several", "more of the name"),
        ("bluetooth", "no input device matches 'bluetooth'", "1 USB Headset"),
        ("3", "no input device matches '3'", "0 HDA Intel"),
    ],
)
def test_a_wrong_device_is_refused_with_the_ones_there_are(wanted: str, message: str, hint: str) -> None:
    with pytest.raises(DeviceError) as caught:
        find_device(DEVICES, wanted, "input")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_machine_without_devices_says_so() -> None:
    with pytest.raises(DeviceError, match="no output device"):
        find_device([device(0, "x")], "", "output")


@given(st.lists(st.integers(0, 24_000), max_size=6), st.sampled_from([16_000, 24_000, 44_100, 48_000]))
def test_sound_in_parts_is_converted_like_the_whole(cuts: list[int], to_hz: int) -> None:
    whole = (8000 * np.sin(np.arange(24_000) * 2 * np.pi * 220 / 24_000)).astype(np.int16)
    converter = Converter(24_000, to_hz)
    parts = [converter.push(part) for part in np.split(whole, sorted(cuts))]
    sound = np.concatenate([*parts, converter.finish()])
    expected = resample(whole, 24_000, to_hz)
    assert len(sound) == len(expected)
    assert np.abs(sound.astype(int) - expected).max() <= 4
