"""What Smart Turn is fed, against Whisper's features by another hand."""

from __future__ import annotations

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecli.engines.smart_turn.features import LEAST_VARIANCE, WINDOW_SAMPLES, features, log_mel, mel_filters
from voicecli.types import LISTEN_RATE_HZ, Pcm


def hum(seconds: float, seed: int = 0) -> Pcm:
    """Something with pitch and noise that swells, as speech does."""
    at_s = np.arange(round(seconds * LISTEN_RATE_HZ)) / LISTEN_RATE_HZ
    tones = sum(np.sin(2 * np.pi * 140 * harmonic * at_s) / harmonic for harmonic in range(1, 20))
    noise = np.random.default_rng(seed).normal(0, 0.2, len(at_s))
    return np.asarray((tones + noise) * np.sin(3 * at_s) ** 2 * 3000, np.int16)


def reference(pcm: Pcm) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """By faster-whisper, of a wave that was padded and normalized as transformers does."""
    wave = np.pad(pcm[-WINDOW_SAMPLES:].astype(np.float32) / 32768, (max(0, WINDOW_SAMPLES - len(pcm)), 0))
    wave = (wave - wave.mean()) / np.sqrt(wave.var() + LEAST_VARIANCE)
    return np.asarray(FeatureExtractor(chunk_length=8)(wave, padding=0))


@pytest.mark.parametrize("seconds", [1.3, 8.0, 11.0])
def test_they_are_whispers(seconds: float) -> None:
    found = features(hum(seconds))
    assert found.shape == (1, 80, 800)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], reference(hum(seconds)), atol=2e-3)


def test_the_filters_are_whispers() -> None:
    np.testing.assert_allclose(mel_filters(), FeatureExtractor().mel_filters, atol=1e-6)


def test_only_the_last_eight_seconds_count() -> None:
    long = hum(12.0)
    np.testing.assert_array_equal(features(long), features(long[-WINDOW_SAMPLES:]))


def test_short_speech_stands_at_the_end() -> None:
    energy = features(hum(2.0))[0].mean(axis=0)
    assert energy[-190:].mean() > energy[:590].mean() + 0.5


@settings(max_examples=10, deadline=None)
@given(st.floats(0.05, 4))
def test_loudness_does_not_matter(gain: float) -> None:
    pcm = hum(3.0)
    louder = np.clip(pcm * gain, -32768, 32767).astype(np.int16)
    found, expected = features(louder), features(pcm)
    assert np.median(np.abs(found - expected)) < 0.02


def test_silence_and_nothing_at_all_have_features() -> None:
    for pcm in (np.zeros(0, np.int16), np.zeros(LISTEN_RATE_HZ, np.int16)):
        assert np.isfinite(features(pcm)).all()
    assert log_mel(np.zeros(LISTEN_RATE_HZ, np.float32)).shape == (80, 100)
