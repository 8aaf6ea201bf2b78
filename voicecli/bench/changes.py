"""One metric before and after: better, worse, the same, or too little to say. Pure.

Samples of the same recording are held against each other, so that a long question does not count as noise. A change
is told as the centre of all pairs' ratios (of differences, where a sample is zero or less), with a bootstrap interval.
It is better or worse where three things hold:

    the interval of 95 % lies wholly beyond what matters (`CHANGE`, and a floor below which nobody would notice)
    the interval at the confidence of the whole family of metrics excludes no change (Bonferroni)
    there are enough samples (`FEWEST`)

and unsure where it is neither and yet a change of `LARGE` cannot be excluded. Two runs on one machine differ as a whole
by some per cent. What all stages' work has in common is taken out of it, unless it is more than `DRIFT`.

docs/comparing.md tells how the figures below were chosen; tests/unit/bench/test_compare.py holds what they are for.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from voicecli.bench.result import Metric
from voicecli.bench.summary import CONFIDENCE, FEWEST, Floats, Interval, interval, medians, resampled
from voicecli.conversation.latency import percentile

Verdict = Literal["better", "worse", "same", "unsure"]

CHANGE = 1.08
"""Times as long: less matters to nobody and cannot be told from the machine."""

CHANGE_WITH_DRIFT = 1.10
"""The same where the machine's drift is not known and so is still in it."""

DRIFT = 1.12
"""The most that is put down to the machine. More is a change of everything: nothing is taken out, and that is told."""

STAGES_FOR_DRIFT = 3
"""With fewer, one slow stage would pass for a slow machine."""

LARGE = 1.30
FAMILY_ERROR = 0.01
"""Chance that a comparison of unchanged builds calls any of its metrics changed, by statistics alone."""

WAIT_FLOOR_S, WORK_FLOOR_S, SHARE_FLOOR = 0.02, 0.001, 2.0
"""Smaller changes are not told: a wait is heard in frames of 20 ms; work is timed to well below 1 ms; % in points."""

MOST_PAIRED = 64
"""Beyond it the plain median is exact enough, and pair averages are too many."""


@dataclass(frozen=True, slots=True)
class Change:
    """A metric that both results have."""

    group: str
    name: str
    unit: str
    stage: str
    verdict: Verdict
    before: float  # median
    after: float
    by: float  # times as much where `is_ratio`, else more by so much
    between: Interval | None  # 95 % of `by`; None of too few samples
    n: int  # pairs, or the smaller number of samples
    paired: bool
    is_ratio: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Bootstrap estimates of one metric's change, before a verdict; logarithms where `is_ratio`."""

    old: Metric
    new: Metric
    centre: float
    draws: Floats  # [RESAMPLES]
    n: int
    paired: bool
    is_ratio: bool
    typical: float  # what a difference is judged against: the median before, for a part of the wait the whole wait's

    @property
    def is_work(self) -> bool:
        """A stage's own work, which drifts with the machine as a whole."""
        return bool(self.new.stage) and self.is_ratio and self.n >= FEWEST


def evidence(old: Metric, new: Metric, whole_s: float | None = None) -> Evidence | None:
    """None where one of them has no samples.

    `whole_s` is for a part of the wait: the median of the whole. A part begins where the wait for the end of speech
    ends, so that a slightly slower machine makes a small part twice as long; what it does to the whole is what counts.
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
        estimate: Callable[[Floats], Floats] = pair_centres if len(pairs) <= MOST_PAIRED else medians
        draws = resampled(differences, estimate)
        return Evidence(old, new, float(estimate(differences)), draws, len(pairs), True, is_ratio, typical)
    draws = resampled(after, medians, seed=1) - resampled(before, medians)
    centre = statistics.median(after) - statistics.median(before)
    return Evidence(old, new, float(centre), draws, min(len(before), len(after)), False, is_ratio, typical)


def same_recordings(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Places of what was taken on the same thing, its first time with its first, its second with its second."""
    places = {key: place for place, key in enumerate(numbered(old))}
    return [(places[key], place) for place, key in enumerate(numbered(new)) if key in places]


def numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        keys.append((name, seen[name]))
        seen[name] += 1
    return keys


def pair_centres(draws: Floats) -> Floats:
    """Medians of the averages of every two values, along the last axis (Hodges and Lehmann 1963).

    As sturdy against odd values as the plain median is in practice, and with a third less of its noise.
    """
    i, j = np.triu_indices(draws.shape[-1])
    return medians((draws[..., i] + draws[..., j]) / 2)


def drift(found: Sequence[Evidence]) -> float | None:
    """Times as long, for the whole machine: the middle one of the stages. None where too few stages worked."""
    stages: dict[str, list[float]] = {}
    for one in found:
        if one.is_work and one.new.better != "neither":
            stages.setdefault(one.new.stage, []).append(-one.centre if one.new.better == "higher" else one.centre)
    if len(stages) < STAGES_FOR_DRIFT:
        return None
    by_stage = sorted(statistics.median(one) for one in stages.values())
    middle = statistics.median_low(by_stage), statistics.median_high(by_stage)
    return math.exp(min(middle, key=abs))  # of two, the smaller: two slow stages of four are no slow machine


def judge(one: Evidence, family: int, machine: float | None) -> Change:
    """The change; `family`: how many metrics are judged, `machine`: what `drift` found."""
    shift, matters = allowance(one, machine)
    draws, centre = one.draws - shift, one.centre - shift
    before, after = percentile(one.old.samples, 50), percentile(one.new.samples, 50)
    if one.n < FEWEST:
        between = None
        verdict: Verdict = "unsure" if one.new.better != "neither" else "same"
    else:
        between = interval(draws, CONFIDENCE)
        verdict = verdict_of(one, draws, centre, family, matters)
    if one.is_ratio:
        centre = math.exp(centre)
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
        by=centre,
        between=between,
        n=one.n,
        paired=one.paired,
        is_ratio=one.is_ratio,
    )


def allowance(one: Evidence, machine: float | None) -> tuple[float, float]:
    """What is taken out of it as the machine's (a logarithm), and how many times as long then matters."""
    if machine is None or not one.is_work:
        return 0.0, CHANGE_WITH_DRIFT
    if not 1 / DRIFT <= machine <= DRIFT:
        return 0.0, DRIFT
    return math.log(machine) * (-1 if one.new.better == "higher" else 1), CHANGE


def verdict_of(one: Evidence, draws: Floats, centre: float, family: int, change: float) -> Verdict:
    """By the rules at the top of this file."""
    if one.new.better == "neither":
        return "same"
    sign = -1 if one.new.better == "higher" else 1  # from here on more is worse
    draws, centre = sign * draws, sign * centre
    matters, large = limits(one, change)
    shown, sure = interval(draws, CONFIDENCE), interval(draws, 1 - FAMILY_ERROR / family)
    noticed = abs(one.typical * math.expm1(centre) if one.is_ratio else centre) >= floor_of(one.new)
    if noticed and shown.low > matters and sure.low > 0:
        return "worse"
    if noticed and shown.high < -matters and sure.high < 0:
        return "better"
    return "unsure" if shown.high > large or shown.low < -large else "same"


def limits(one: Evidence, change: float) -> tuple[float, float]:
    """What matters, and what is large: logarithms of ratios, or differences."""
    floor = floor_of(one.new)
    if one.is_ratio:
        return math.log(change), max(math.log(LARGE), math.log1p(floor / one.typical))
    return max((change - 1) * abs(one.typical), floor), max((LARGE - 1) * abs(one.typical), 3 * floor)


def floor_of(metric: Metric) -> float:
    """The smallest change that is told, in the metric's unit."""
    if metric.unit == "s":
        return WORK_FLOOR_S if metric.stage else WAIT_FLOOR_S
    return SHARE_FLOOR if metric.unit == "%" else 0.0
