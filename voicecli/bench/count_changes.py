"""A count before and after: better, worse, the same, or too little to say. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from voicecli.bench.changes import FAMILY_ERROR, Verdict
from voicecli.bench.result import Count

SEEMING = 0.05
"""Below this probability chance is doubted, but with so many counts not yet ruled out."""

TOTAL_CHANGE = 1.25
TOTAL_FLOORS = {"s": 1.0, "MB": 50.0}
"""Totals such as CPU time or memory come without a spread of their own, so only much counts as a change."""


@dataclass(frozen=True, slots=True)
class CountChange:
    """A count that both results have."""

    old: Count
    new: Count
    verdict: Verdict
    chance: float | None  # that unchanged builds differ as much; None of a total


def judge_count(old: Count, new: Count, family: int) -> CountChange:
    """Shares by Fisher's exact test, events by the binomial one, totals by their ratio; `family` counts are judged."""
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
    """By ratio and floor."""
    low, high = sorted((old.value, new.value))
    if high - low <= TOTAL_FLOORS.get(new.unit, 0.0) or high <= TOTAL_CHANGE * low:
        return "same"
    return "worse" if (new.value > old.value) == (new.better == "lower") else "better"


def fisher(old: int, old_of: int, new: int, new_of: int) -> float:
    """Two-sided exact probability that two shares of the same size differ as much (Fisher 1922)."""
    total, of = old + new, old_of + new_of

    def weight(first: int) -> int:
        return math.comb(old_of, first) * math.comb(new_of, total - first)

    seen = weight(old)
    possible = [weight(first) for first in range(max(0, total - new_of), min(old_of, total) + 1)]
    return sum(one for one in possible if one <= seen) / math.comb(of, total)


def binomial(old: int, new: int) -> float:
    """Two-sided exact probability that equally likely events fall so unevenly (Przyborowski and Wilenski 1940)."""
    total = old + new
    ways = sum(math.comb(total, few) for few in range(min(old, new) + 1))
    return min(1.0, math.ldexp(2 * ways, -total))
