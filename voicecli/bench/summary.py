"""Samples -> the few figures that are shown of them, and how they are written. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voicecli.conversation.latency import percentile

Floats = npt.NDArray[np.float64]

RESAMPLES = 4000
"""Efron and Tibshirani, An Introduction to the Bootstrap (1993), ask for a thousand or more for an interval's ends."""

CONFIDENCE = 0.95
FEWEST = 6
"""Of fewer samples no interval is told: the bootstrap can only draw what was seen, and makes it far too narrow."""

MS = 1000
LONG_S = 10.0
FINE_MS = 10.0


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a figure lies, low <= high."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the samples of one metric, in its own unit; percentiles are values that were really measured."""

    n: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    worst: float
    interval: Interval | None  # of the median; None of too few samples


def summarize(samples: Sequence[float], *, higher_is_better: bool = False) -> Summary | None:
    """None of no samples. Where a higher value is better, the percentiles count from the other end."""
    if not samples:
        return None
    toward_worse = [-one for one in samples] if higher_is_better else list(samples)
    sign = -1 if higher_is_better else 1
    p50, p90, p95, p99, worst = (sign * percentile(toward_worse, q) for q in (50, 90, 95, 99, 100))
    return Summary(len(samples), statistics.fmean(samples), p50, p90, p95, p99, worst, median_interval(samples))


def median_interval(samples: Sequence[float]) -> Interval | None:
    """Of the median by the percentile bootstrap (Efron 1979); the same samples give the same interval."""
    if len(samples) < FEWEST:
        return None
    return interval(resampled(np.asarray(samples, np.float64), medians), CONFIDENCE)


def resampled(values: Floats, estimate: Callable[[Floats], Floats], seed: int = 0) -> Floats:
    """The estimate [RESAMPLES] of as many draws with replacement; `estimate` takes the draws [RESAMPLES, n]."""
    draws = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    return estimate(values[draws])


def medians(draws: Floats) -> Floats:
    """Along the last axis."""
    return np.asarray(np.median(draws, axis=-1), np.float64)


def interval(estimates: Floats, confidence: float) -> Interval:
    """The middle `confidence` of bootstrap estimates."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(estimates, (tail, 1 - tail))
    return Interval(float(low), float(high))


def cell(value: float, unit: str) -> str:
    """For a table whose row names the unit: times in milliseconds, all else in its own."""
    if unit == "s":
        return f"{value * MS:.0f}" if abs(value * MS) >= FINE_MS or not value else f"{value * MS:.1f}"
    if unit in ("%", "MB"):
        return f"{value:.1f}" if unit == "%" else f"{value:.0f}"
    return number(value)


def unit_name(unit: str) -> str:
    """The unit that `cell` writes in."""
    return "ms" if unit == "s" else unit


def quantity(value: float, unit: str) -> str:
    """For a sentence: with its unit, milliseconds below 10 s."""
    if unit == "s" and abs(value) >= LONG_S:
        return f"{value:.1f} s"
    return f"{cell(value, unit)} {unit_name(unit)}".rstrip()


def number(value: float) -> str:
    """Three significant figures, and no fewer than all before the point; whole numbers as such."""
    if value == round(value):
        return f"{value:.0f}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(digits, 0)}f}"


def span(found: Interval | None, unit: str) -> str:
    """An interval in a table; a dash where there is none."""
    return "–" if found is None else f"{cell(found.low, unit)}–{cell(found.high, unit)}"
