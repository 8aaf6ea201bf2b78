"""Measure how different two recordings of one sentence sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 24_000
WINDOW, HOP = 1024, 240  # samples; a frame every 10 ms
BANDS = 80
FLOOR_DB = 60.0  # below the loudest band of either, all is taken as silence
MOST_SHIFT = 15  # frames by which two recordings may be out of step: they are trimmed by different rules
LEVEL_FRAMES = 10  # 100 ms
LOUD_DB = 25.0  # below the loudest 100 ms: levels are compared above that only

Signal = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distance:
    """Between a recording and its reference."""

    mel_db: float  # root mean square over the bands of a frame, mean over the frames, at equal loudness
    level_db: float  # how much louder it is on the whole
    level_spread_db: float  # standard deviation of the difference in level over periods of 100 ms


def distance(reference: Signal, other: Signal) -> Distance:
    """Compare samples at 24 kHz, shape (n,) and (m,), full scale at 1.

    Both are brought to the same loudness, put in step by the shift that leaves the smallest distance, and compared in
    80 mel bands from 0 to 12 kHz, in dB, with a floor at -60 dB. Times are not warped: durations are the same.
    """
    louder_db = _level_db(other) - _level_db(reference)
    one = _log_mel(reference)
    two = _log_mel(other * 10 ** (-louder_db / 20))
    floor = max(one.max(), two.max()) - FLOOR_DB
    one, two = np.maximum(one, floor), np.maximum(two, floor)
    shifted = [_in_step(one, two, shift) for shift in range(-MOST_SHIFT, MOST_SHIFT + 1)]
    first, second = min(shifted, key=lambda pair: _mel_db(*pair))
    return Distance(_mel_db(first, second), louder_db, _level_spread_db(first, second))


def _mel_db(one: Signal, two: Signal) -> float:
    return float(np.sqrt(((one - two) ** 2).mean(axis=1)).mean())


def _level_db(signal: Signal) -> float:
    """Return the level of the total energy, so that silence at the ends changes nothing."""
    return float(10 * np.log10((signal**2).sum() + 1e-12))


def _in_step(one: Signal, two: Signal, shift: int) -> tuple[Signal, Signal]:
    """Return the frames that both have if the second is `shift` frames later."""
    one, two = one[max(0, -shift) :], two[max(0, shift) :]
    common = min(len(one), len(two))
    return one[:common], two[:common]


def _level_spread_db(one: Signal, two: Signal) -> float:
    levels = []
    for frames in (one, two):
        power = (10 ** (frames / 10)).sum(axis=1)
        whole = len(power) // LEVEL_FRAMES * LEVEL_FRAMES
        levels.append(10 * np.log10(power[:whole].reshape(-1, LEVEL_FRAMES).mean(axis=1)))
    loud = levels[0] > levels[0].max() - LOUD_DB
    return float((levels[1] - levels[0])[loud].std())


def _log_mel(signal: Signal) -> Signal:
    """Return the power in mel bands, dB, shape (frames, BANDS)."""
    padded = np.pad(signal, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    bands: Signal = 10 * np.log10(power @ _filters() + 1e-10)
    return bands


def _filters() -> Signal:
    """Return triangular filters, evenly spaced in mel, shape (WINDOW / 2 + 1, BANDS)."""
    top = 2595 * np.log10(1 + RATE_HZ / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rise, fall))
