"""Decide whether a metric or a count got better, worse, stayed the same, or has too few samples to say. Pure.

Samples of the same recording are compared in pairs, so that a long question does not count as noise. A change is the
center of all pairs' ratios (of differences, if a sample is zero or less), with a bootstrap interval. It is better or
worse if three things hold:

    the 95 % interval lies wholly beyond what matters (`CHANGE`, and a floor below which nobody would notice)
    the interval at the confidence of the whole family of metrics excludes zero change (Bonferroni)
    there are enough samples (`FEWEST`)

It is unsure if it is neither and yet a change of `LARGE` cannot be excluded. Two runs on one machine differ as a whole
by a few percent. What all stages have in common is removed as drift of the machine, unless it is more than `DRIFT`.

docs/comparing.md explains how the constants were chosen; tests/unit/bench/test_compare.py checks what they are for.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from voicecli.bench.result import Count, Metric
from voicecli.bench.summary import CONFIDENCE, FEWEST, Floats, Interval, interval, medians, resampled
from voicecli.conversation.latency import percentile

Verdict = Literal["better", "worse", "same", "unsure"]

CHANGE = 1.08
"""Ratio: a smaller change matters to nobody and cannot be distinguished from the machine's drift."""

CHANGE_WITH_DRIFT = 1.10
"""The same if the machine's drift is unknown and therefore not removed."""

DRIFT = 1.12
"""The most that is attributed to the machine. Beyond it nothing is removed, and the sentence says so."""

STAGES_FOR_DRIFT = 3
"""With fewer stages, one slow stage would look like a slow machine."""

LARGE = 1.30
FAMILY_ERROR = 0.01
"""Probability that a comparison of unchanged builds reports any change, by chance alone."""

WAIT_FLOOR_S, WORK_FLOOR_S, SHARE_FLOOR = 0.02, 0.001, 2.0
"""Smaller changes are not reported: audio comes in frames of 20 ms; work is timed to well below 1 ms; % in points."""

MOST_PAIRED = 64
"""With more pairs the plain median is precise enough, and there are too many averages of pairs."""


SEEMING = 0.05
"""Below this probability a difference is probably real, but with many counts chance cannot be ruled out."""

TOTAL_CHANGE = 1.25
TOTAL_FLOORS = {"s": 1.0, "MB": 50.0}
"""CPU time, memory and other totals have no spread of their own, so only a large difference counts as a change."""


@dataclass(frozen=True, slots=True)
class Change:
    """The change of a metric that both results have."""

    group: str
    name: str
    unit: str
    stage: str
    verdict: Verdict
    before: float  # median
    after: float
    by: float  # ratio if `is_ratio`, else difference
    between: Interval | None  # 95 % interval of `by`; None for too few samples
    n: int  # pairs, or the smaller number of samples
    paired: bool
    is_ratio: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Bootstrap estimates of one metric's change, before a verdict; logarithms if `is_ratio`."""

    old: Metric
    new: Metric
    center: float
    draws: Floats  # [RESAMPLES]
    n: int
    paired: bool
    is_ratio: bool
    typical: float  # reference of a difference: the old median, or the old median of the whole wait for a part of it

    @property
    def is_work(self) -> bool:
        """Return whether this is a stage's own work, which drifts with the machine as a whole."""
        return bool(self.new.stage) and self.is_ratio and self.n >= FEWEST


def evidence(old: Metric, new: Metric, whole_s: float | None = None) -> Evidence | None:
    """Return the estimates of a metric's change; None if one result has no samples.

    `whole_s` is the median of the whole wait if the metric is a part of it. A part begins at the end of the wait for
    the end of speech, so that a slightly slower machine doubles a small part; its effect on the whole is what counts.
    """
    if not old.samples or not new.samples:
        return None
    is_ratio = whole_s is None and min(*old.samples, *new.samples) > 0
    typical = statistics.median(old.samples) if whole_s is None else whole_s
    before, after = (np.asarray(one.samples, np.float64) for one in (old, new))
    if is_ratio:
        before, after = np.log(before), np.log(after)
    pairs = [(before[i], after[j]) for i, j in same_recordings(old.of, new.of)]
    if len(pairs) >= FEWEST:
        differences = np.asarray([b - a for a, b in pairs], np.float64)
        estimate: Callable[[Floats], Floats] = pair_centers if len(pairs) <= MOST_PAIRED else medians
        draws = resampled(differences, estimate)
        return Evidence(old, new, float(estimate(differences)), draws, len(pairs), True, is_ratio, typical)
    draws = resampled(after, medians, seed=1) - resampled(before, medians)
    center = statistics.median(after) - statistics.median(before)
    return Evidence(old, new, float(center), draws, min(len(before), len(after)), False, is_ratio, typical)


def same_recordings(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return index pairs of samples of the same recording: first with first, second with second."""
    places = {key: place for place, key in enumerate(numbered(old))}
    return [(places[key], place) for place, key in enumerate(numbered(new)) if key in places]


def numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    """Return each name with the number of its earlier occurrences."""
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append((name, seen[name]))
        seen[name] += 1
    return keys


def pair_centers(draws: Floats) -> Floats:
    """Return the medians of the averages of all pairs, along the last axis (Hodges and Lehmann 1963).

    In practice the estimate is as robust against outliers as the plain median, with a third less noise.
    """
    i, j = np.triu_indices(draws.shape[-1])
    return medians((draws[..., i] + draws[..., j]) / 2)


def drift(found: Sequence[Evidence]) -> float | None:
    """Return the ratio of the whole machine: the median of the stages. None if too few stages worked."""
    stages: dict[str, list[float]] = {}
    for one in found:
        if one.is_work and one.new.better != "neither":
            stages.setdefault(one.new.stage, []).append(-one.center if one.new.better == "higher" else one.center)
    if len(stages) < STAGES_FOR_DRIFT:
        return None
    by_stage = sorted(statistics.median(one) for one in stages.values())
    middle = statistics.median_low(by_stage), statistics.median_high(by_stage)
    return math.exp(min(middle, key=abs))  # the smaller of two: two slow stages of four are not a slow machine


def judge(one: Evidence, family: int, machine: float | None) -> Change:
    """Return the change with its verdict; `family` is the number of metrics judged, `machine` the result of `drift`."""
    shift, matters = allowance(one, machine)
    draws, center = one.draws - shift, one.center - shift
    before, after = percentile(one.old.samples, 50), percentile(one.new.samples, 50)
    if one.n < FEWEST:
        between = None
        verdict: Verdict = "unsure" if one.new.better != "neither" else "same"
    else:
        between = interval(draws, CONFIDENCE)
        verdict = verdict_of(one, draws, center, family, matters)
    if one.is_ratio:
        center = math.exp(center)
        between = between and Interval(math.exp(between.low), math.exp(between.high))
    metric = one.new
    return Change(
        group=metric.group,
        name=metric.name,
        unit=metric.unit,
        stage=metric.stage,
        verdict=verdict,
        before=before,
        after=after,
        by=center,
        between=between,
        n=one.n,
        paired=one.paired,
        is_ratio=one.is_ratio,
    )


def allowance(one: Evidence, machine: float | None) -> tuple[float, float]:
    """Return the drift to remove (a logarithm), and the ratio that then matters."""
    if machine is None or not one.is_work:
        return 0.0, CHANGE_WITH_DRIFT
    if not 1 / DRIFT <= machine <= DRIFT:
        return 0.0, DRIFT
    return math.log(machine) * (-1 if one.new.better == "higher" else 1), CHANGE


def verdict_of(one: Evidence, draws: Floats, center: float, family: int, change: float) -> Verdict:
    """Return the verdict by the rules at the top of this file."""
    if one.new.better == "neither":
        return "same"
    sign = -1 if one.new.better == "higher" else 1  # from here on, more is worse
    draws, center = sign * draws, sign * center
    matters, large = thresholds(one, change)
    shown, sure = interval(draws, CONFIDENCE), interval(draws, 1 - FAMILY_ERROR / family)
    noticed = abs(one.typical * math.expm1(center) if one.is_ratio else center) >= floor_of(one.new)
    if noticed and shown.low > matters and sure.low > 0:
        return "worse"
    if noticed and shown.high < -matters and sure.high < 0:
        return "better"
    return "unsure" if shown.high > large or shown.low < -large else "same"


def thresholds(one: Evidence, change: float) -> tuple[float, float]:
    """Return the change that matters and the change that is large: logarithms of ratios, or differences."""
    floor = floor_of(one.new)
    if one.is_ratio:
        return math.log(change), max(math.log(LARGE), math.log1p(floor / one.typical))
    return max((change - 1) * abs(one.typical), floor), max((LARGE - 1) * abs(one.typical), 3 * floor)


def floor_of(metric: Metric) -> float:
    """Return the smallest change that is reported, in the metric's unit."""
    if metric.unit == "s":
        return WORK_FLOOR_S if metric.stage else WAIT_FLOOR_S
    return SHARE_FLOOR if metric.unit == "%" else 0.0


@dataclass(frozen=True, slots=True)
class CountChange:
    """The change of a count that both results have."""

    old: Count
    new: Count
    verdict: Verdict
    chance: float | None  # probability that unchanged builds differ as much; None for a total


def judge_count(old: Count, new: Count, family: int) -> CountChange:
    """Judge shares by Fisher's exact test, events by the binomial test, totals by ratio; `family` counts are judged."""
    if new.better == "neither":
        return CountChange(old, new, "same", None)
    rose = new.value > old.value
    if old.out_of and new.out_of:
        rose = new.value / new.out_of > old.value / old.out_of
        chance = fisher(round(old.value), round(old.out_of), round(new.value), round(new.out_of))
    elif not new.unit and old.value == round(old.value) and new.value == round(new.value):
        chance = binomial(round(old.value), round(new.value))
    else:
        return CountChange(old, new, total_verdict(old, new), None)
    changed: Verdict = "worse" if rose == (new.better == "lower") else "better"
    if chance < FAMILY_ERROR / family:
        return CountChange(old, new, changed, chance)
    return CountChange(old, new, "unsure" if chance < SEEMING else "same", chance)


def total_verdict(old: Count, new: Count) -> Verdict:
    """Return the verdict on a total, by ratio and floor."""
    low, high = sorted((old.value, new.value))
    if high - low <= TOTAL_FLOORS.get(new.unit, 0.0) or high <= TOTAL_CHANGE * low:
        return "same"
    return "worse" if (new.value > old.value) == (new.better == "lower") else "better"


def fisher(old: int, old_of: int, new: int, new_of: int) -> float:
    """Return the two-sided exact probability that two equal shares differ as much (Fisher 1922)."""
    total, of = old + new, old_of + new_of

    def weight(first: int) -> int:
        return math.comb(old_of, first) * math.comb(new_of, total - first)

    observed = weight(old)
    possible = [weight(first) for first in range(max(0, total - new_of), min(old_of, total) + 1)]
    return sum(one for one in possible if one <= observed) / math.comb(of, total)


def binomial(old: int, new: int) -> float:
    """Return the two-sided exact probability that two equal rates differ as much (Przyborowski and Wilenski 1940)."""
    total = old + new
    ways = sum(math.comb(total, few) for few in range(min(old, new) + 1))
    return min(1.0, math.ldexp(2 * ways, -total))
