"""Whisper's log-mel features of the last 8 s, as Smart Turn v3 was trained on them. Pure.

They equal those of transformers' `WhisperFeatureExtractor(chunk_length=8)` with `do_normalize=True` for speech
padded in front: the padded wave is normalized to mean 0 and variance 1 before the spectrogram.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from voicecli.types import LISTEN_RATE_HZ, Pcm

WINDOW_SAMPLES = 8 * LISTEN_RATE_HZ
HOP_SAMPLES = 160
FFT_SAMPLES = 400
BANDS = 80
LEAST_VARIANCE = 1e-7  # as in transformers
LEAST_POWER = 1e-10
RANGE = 8.0  # powers of ten below the loudest cell
LINEAR_UP_TO_HZ = 1000.0  # Slaney's mel scale: linear below, logarithmic above
HZ_PER_MEL = 200 / 3
LOG_STEP = np.log(6.4) / 27


def features(pcm: Pcm) -> NDArray[np.float32]:
    """Return the features of the last 8 s, shape (1, 80, 800); shorter speech is padded with silence in front."""
    wave = np.zeros(WINDOW_SAMPLES, np.float32)
    last = pcm[-WINDOW_SAMPLES:]
    wave[WINDOW_SAMPLES - len(last) :] = last.astype(np.float32) / np.float32(32768)
    return log_mel((wave - wave.mean()) / np.sqrt(wave.var() + np.float32(LEAST_VARIANCE)))[np.newaxis]


def log_mel(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Whisper's scaled log-mel spectrogram of a wave of whole hops, shape (80, hops)."""
    framed = sliding_window_view(np.pad(wave, FFT_SAMPLES // 2, mode="reflect"), FFT_SAMPLES)[::HOP_SAMPLES]
    window = np.hanning(FFT_SAMPLES + 1)[:-1]
    power = np.abs(np.fft.rfft(framed[:-1] * window, axis=-1)) ** 2
    cells = np.log10(np.maximum(mel_filters() @ power.T, LEAST_POWER))
    scaled: NDArray[np.float32] = ((np.maximum(cells, cells.max() - RANGE) + 4) / 4).astype(np.float32)
    return scaled


@functools.cache
def mel_filters() -> NDArray[np.float64]:
    """Return triangles of equal area over the bins of the spectrum, shape (80, 201)."""
    bins_hz = np.fft.rfftfreq(FFT_SAMPLES, 1 / LISTEN_RATE_HZ)
    edges_hz = hz_of(np.linspace(0, mel_of(LISTEN_RATE_HZ / 2), BANDS + 2))
    left, top, right = edges_hz[:-2, np.newaxis], edges_hz[1:-1, np.newaxis], edges_hz[2:, np.newaxis]
    rising, falling = (bins_hz - left) / (top - left), (right - bins_hz) / (right - top)
    filters: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) * 2 / (right - left)
    return filters


def mel_of(frequency_hz: float) -> float:
    """Convert a frequency above 1 kHz to Slaney's mel."""
    return float(LINEAR_UP_TO_HZ / HZ_PER_MEL + np.log(frequency_hz / LINEAR_UP_TO_HZ) / LOG_STEP)


def hz_of(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Slaney's mels to frequencies in Hz."""
    knee = LINEAR_UP_TO_HZ / HZ_PER_MEL
    return np.where(mels < knee, mels * HZ_PER_MEL, LINEAR_UP_TO_HZ * np.exp(LOG_STEP * (mels - knee)))
