"""Voices that no recording beside the checkout has, made of those that it has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicecli.types import LISTEN_RATE_HZ, Pcm

ORDER = 18
"""Of the linear prediction: two for each kHz of the rate and two more, the usual choice for speech."""

WINDOW = LISTEN_RATE_HZ * 32 // 1000
HOP = WINDOW // 2


def whispered(pcm: Pcm, seed: int = 0) -> Pcm:
    """The same words with noise in place of the voice, shape (n,): each 32 ms keep their formants and loudness.

    What the vocal tract adds is taken by linear prediction (autocorrelation method) and excited by white noise.
    """
    noise = np.random.default_rng(seed).normal(0, 1, len(pcm) + 2 * WINDOW)
    speech = np.pad(pcm.astype(np.float64), WINDOW)
    window = np.hanning(WINDOW + 1)[:-1]
    whisper = np.zeros(len(speech))
    for begin in range(0, len(speech) - WINDOW, HOP):
        audio_chunk = speech[begin : begin + WINDOW] * window
        envelope = _envelope(audio_chunk)
        excited = np.fft.irfft(np.fft.rfft(noise[begin : begin + WINDOW]) * envelope, WINDOW)
        loudness = np.sqrt((audio_chunk**2).mean() / max((excited**2).mean(), 1e-12))
        whisper[begin : begin + WINDOW] += excited * loudness * window
    return clipped(whisper[WINDOW : WINDOW + len(pcm)])


def together(one: Pcm, other: Pcm, other_db: float = 0.0) -> Pcm:
    """Two people at once, the second so much louder than recorded; as long as the longer one."""
    mixed = np.zeros(max(len(one), len(other)))
    mixed[: len(one)] += one
    mixed[: len(other)] += other * 10 ** (other_db / 20)
    return clipped(mixed)


def clipped(wave: NDArray[np.float64]) -> Pcm:
    return np.clip(np.round(wave), -32768, 32767).astype(np.int16)


def _envelope(audio_chunk: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gain of the vocal tract at each bin of the spectrum, shape (WINDOW // 2 + 1,)."""
    spectrum = np.abs(np.fft.rfft(audio_chunk, 2 * WINDOW)) ** 2
    correlation = np.fft.irfft(spectrum)[: ORDER + 1]
    matrix = correlation[np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))]
    matrix += np.eye(ORDER) * (1e-4 * correlation[0] + 1e-6)  # white noise correction, -40 dB
    predictor = np.linalg.solve(matrix, correlation[1:])
    gain: NDArray[np.float64] = 1 / np.abs(np.fft.rfft(np.concatenate([[1.0], -predictor]), WINDOW))
    return gain
