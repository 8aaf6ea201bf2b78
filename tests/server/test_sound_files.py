"""Sound files that leave while they are made."""

from __future__ import annotations

import io
import wave
from typing import get_args

import numpy as np
import pytest

from tests.server.test_tts_openai import decoded
from voicecli.server.tts.protocol import SoundFormat
from voicecli.server.tts.sound_files import MEDIA_TYPES, open_sound_file

RATE_HZ = 24_000
TONE = (8000 * np.sin(np.arange(RATE_HZ // 2) * 2 * np.pi * 440 / RATE_HZ)).astype(np.int16)


@pytest.mark.parametrize("form", [form for form in get_args(SoundFormat) if form != "pcm"])
def test_what_was_fed_can_be_heard_before_the_end(form: SoundFormat) -> None:
    file = open_sound_file(form, RATE_HZ)
    begun = file.write(TONE)
    pcm, rate_hz = decoded(begun)
    assert len(pcm) / rate_hz > 0.3
    whole, rate_hz = decoded(begun + file.write(TONE[:0]) + file.write(TONE) + file.finish())
    assert len(whole) / rate_hz == pytest.approx(1.0, abs=0.15)


def test_a_wav_of_unknown_length_is_read_to_its_end() -> None:
    file = open_sound_file("wav", RATE_HZ)
    content = file.write(TONE) + file.write(TONE) + file.finish()
    with wave.open(io.BytesIO(content)) as read:
        assert (read.getnchannels(), read.getsampwidth(), read.getframerate()) == (1, 2, RATE_HZ)
        assert read.readframes(10 * RATE_HZ) == np.tile(TONE, 2).tobytes()


def test_each_format_has_a_media_type() -> None:
    assert set(MEDIA_TYPES) == set(get_args(SoundFormat))
