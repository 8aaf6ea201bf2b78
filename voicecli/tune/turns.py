"""Arms that take turns on the same things."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from voicecli.bench.rounds import in_turns
from voicecli.events import Clock
from voicecli.tune.values import Arm, Sample, Samples

T = TypeVar("T")

Once = Callable[[Arm, T], Awaitable[Sample | None]]
"""One arm, one thing; None where it gave nothing to measure."""


async def side_by_side(
    arms: Sequence[Arm], things: Sequence[T], once: Once[T], clock: Clock, stop_s: float
) -> list[Samples]:
    """A sample of each arm for each thing, until `stop_s`. A thing that one arm makes nothing of counts for none."""
    found: dict[Arm, list[Sample]] = {arm: [] for arm in arms}
    for number, thing in enumerate(things):
        if clock() >= stop_s:
            break
        samples = {arm: await once(arm, thing) for arm in in_turns(arms, number)}
        whole = {arm: sample for arm, sample in samples.items() if sample is not None}
        for arm, sample in whole.items() if len(whole) == len(arms) else ():
            found[arm].append(sample)
    return [tuple(found[arm]) for arm in arms]
