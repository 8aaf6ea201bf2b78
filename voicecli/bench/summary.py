"""Summarize samples, and format figures. Pure."""

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
"""Efron and Tibshirani, An Introduction to the Bootstrap (1993), recommend 1000 or more for the ends of an interval."""

CONFIDENCE = 0.95
FEWEST = 6
"""Fewer samples have no interval: the bootstrap only draws measured values, so it would be far too narrow."""

MS = 1000
LONG_S = 10.0
FINE_MS = 10.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, low <= high."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary of a metric's samples, in its own unit; percentiles are measured values (nearest rank)."""

    n: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    worst: float
    interval: Interval | None  # of the median; None for too few samples


def summarize(samples: Sequence[float], *, higher_is_better: bool = False) -> Summary | None:
    """Return the summary, or None without samples. If higher is better, percentiles count from the other end."""
    if not samples:
        return None
    toward_worse = [-one for one in samples] if higher_is_better else list(samples)
    sign = -1 if higher_is_better else 1
    p50, p90, p95, p99, worst = (sign * percentile(toward_worse, q) for q in (50, 90, 95, 99, 100))
    return Summary(len(samples), statistics.fmean(samples), p50, p90, p95, p99, worst, median_interval(samples))


def median_interval(samples: Sequence[float]) -> Interval | None:
    """Return the interval of the median by the percentile bootstrap (Efron 1979); deterministic."""
    if len(samples) < FEWEST:
        return None
    return interval(resampled(np.asarray(samples, np.float64), medians), CONFIDENCE)


def resampled(values: Floats, estimate: Callable[[Floats], Floats], seed: int = 0) -> Floats:
    """Return the estimates [RESAMPLES] of draws with replacement; `estimate` gets the draws [RESAMPLES, n]."""
    draws = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    return estimate(values[draws])


def medians(draws: Floats) -> Floats:
    """Return the medians along the last axis."""
    return np.asarray(np.median(draws, axis=-1), np.float64)


def interval(estimates: Floats, confidence: float) -> Interval:
    """Return the middle `confidence` of bootstrap estimates."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(estimates, (tail, 1 - tail))
    return Interval(float(low), float(high))


def cell(value: float, unit: str) -> str:
    """Return a figure without its unit: times in milliseconds, anything else in its own unit."""
    if unit == "s":
        return f"{value * MS:.0f}" if abs(value * MS) >= FINE_MS or not value else f"{value * MS:.1f}"
    if unit in ("%", "MB"):
        return f"{value:.1f}" if unit == "%" else f"{value:.0f}"
    return number(value)


def unit_name(unit: str) -> str:
    """Return the unit that `cell` uses."""
    return "ms" if unit == "s" else unit


def quantity(value: float, unit: str) -> str:
    """Return a figure with its unit, for a sentence; times below 10 s in milliseconds."""
    if unit == "s" and abs(value) >= LONG_S:
        return f"{value:.1f} s"
    return f"{cell(value, unit)} {unit_name(unit)}".rstrip()


def number(value: float) -> str:
    """Return a number with three significant digits, or all digits before the point; whole numbers stay whole."""
    if value == round(value):
        return f"{value:.0f}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(digits, 0)}f}"


def span(found: Interval | None, unit: str) -> str:
    """Return an interval as a cell; a dash if there is none."""
    return "–" if found is None else f"{cell(found.low, unit)}–{cell(found.high, unit)}"
