"""The sound that says "speak now"."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.conversation.stage import FakeMicrophone, LoudnessGate
from tests.defaults import LISTEN
from voicecli.audio.files.wav import WavSpeaker
from voicecli.audio.sounds import READY, READY_DB, READY_HZ, READY_S, play_ready_sound, ready_sound
from voicecli.audio.speech_input import SpeechInput, level_db
from voicecli.events import Audible, Event
from voicecli.replay.virtual_time import run
from voicecli.turns.segmenter import Segmenter


def test_it_is_short_neither_loud_nor_clipped_and_ends_in_silence() -> None:
    sound = ready_sound()
    assert len(sound) == round(READY_S * READY_HZ)
    assert level_db(sound) == pytest.approx(READY_DB, abs=0.2)
    assert np.abs(sound.astype(int)).max() < 30_000
    assert np.abs(sound[-20:].astype(int)).max() < 300


def test_it_has_all_the_frequencies_of_speech() -> None:
    power = np.abs(np.fft.rfft(ready_sound())) ** 2
    bands = np.array_split(power[: len(power) * 2 // 3], 16)  # 500 Hz each
    assert min(band.sum() for band in bands) > 1e-3 * power.sum() / len(bands)


def test_it_is_over_when_the_conversation_begins() -> None:
    events: list[Event] = []

    async def main() -> float:
        loop = asyncio.get_running_loop()
        speech_input = SpeechInput(
            FakeMicrophone([], 60.0), LoudnessGate(), Segmenter(LISTEN), loop.time, events.append
        )
        async with WavSpeaker(None, loop.time, events.append) as speaker:
            await play_ready_sound(speech_input, speaker)
            assert speaker.lead_s() == 0
        return loop.time()

    assert run(main()) == pytest.approx(1000 + READY_S, abs=0.1)
    assert [event.turn for event in events if isinstance(event, Audible)] == [READY]
