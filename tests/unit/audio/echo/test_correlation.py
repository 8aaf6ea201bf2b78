"""Is what the microphone hears the playback but for a shift?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.audio.echo.correlation import MEMORY_SAMPLES, WINDOW_SAMPLES, EchoCorrelation
from voicecli.types import Pcm

RNG = np.random.default_rng(3)


def noise(samples: int, level: float = 3000.0) -> Pcm:
    return RNG.normal(0, level, samples).astype(np.int16)


@given(shift=st.integers(0, MEMORY_SAMPLES - WINDOW_SAMPLES), loudness=st.floats(0.05, 1.0))
def test_a_shifted_and_softer_playback_is_explained_whole(shift: int, loudness: float) -> None:
    correlation, sound = EchoCorrelation(), noise(MEMORY_SAMPLES)
    correlation.played(sound)
    correlation.heard((sound[shift : shift + WINDOW_SAMPLES] * loudness).astype(np.int16))
    assert correlation.explained() == pytest.approx(1.0, abs=0.01)
    assert correlation.is_playback()


def test_what_is_older_than_the_memory_is_forgotten() -> None:
    correlation, sound = EchoCorrelation(), noise(MEMORY_SAMPLES)
    correlation.played(sound)
    correlation.played(noise(MEMORY_SAMPLES))
    correlation.heard(sound[:WINDOW_SAMPLES])
    assert not correlation.is_playback()


@pytest.mark.parametrize(("voice", "explained"), [(0.0, 1.0), (1.0, 0.5), (2.0, 0.2)])
def test_a_voice_over_it_takes_its_share(voice: float, explained: float) -> None:
    correlation, sound = EchoCorrelation(), noise(MEMORY_SAMPLES)
    correlation.played(sound)
    correlation.heard((sound[2000 : 2000 + WINDOW_SAMPLES] + voice * noise(WINDOW_SAMPLES)).astype(np.int16))
    assert correlation.explained() == pytest.approx(explained, abs=0.1)


def test_silence_on_either_side_is_no_playback() -> None:
    correlation = EchoCorrelation()
    assert not correlation.is_playback()
    correlation.heard(noise(WINDOW_SAMPLES))
    assert not correlation.is_playback()
    correlation = EchoCorrelation()
    correlation.played(noise(MEMORY_SAMPLES))
    assert not correlation.is_playback()
