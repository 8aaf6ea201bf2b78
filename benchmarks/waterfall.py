"""A turn's wait as text: what each stage added to it, and what it did before the answer was allowed to sound. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import accumulate

from voicecli.conversation.latency import PART_NAMES, TurnLatency

S_PER_CELL = 0.05
ADDED, HIDDEN = "█", "░"


def waterfall(name: str, turns: Sequence[TurnLatency]) -> str:
    """A line for each stage, medians over turns: hidden work light, what it added to the wait dark, added ms behind."""
    whole_s = statistics.median(turn.voice_to_voice_s for turn in turns)
    added = [statistics.median(one) for one in zip(*(turn.parts for turn in turns), strict=True)]
    ends = list(accumulate(added))
    lines = [f"{name}: {whole_s:.2f} s"]
    for index, stage in enumerate(PART_NAMES):
        spans = [turn.work[index] for turn in turns]
        begin, end = (statistics.median(times) for times in zip(*((s.start_s, s.end_s) for s in spans), strict=True))
        drawn = bar(begin, end, ends[index] - added[index], ends[index])
        lines.append(f"  {stage:12}{drawn} {added[index] * 1000:.0f}")
    return "\n".join(lines) + "\n"


def bar(begin_s: float, end_s: float, waited_from_s: float, waited_until_s: float) -> str:
    """Cells from 0 on: light where the stage worked, dark where the user waited for it."""
    begin, end, since, until = (round(at_s / S_PER_CELL) for at_s in (begin_s, end_s, waited_from_s, waited_until_s))
    cells = [" "] * max(end, until)
    cells[begin:end] = HIDDEN * (end - begin)
    cells[since:until] = ADDED * (until - since)
    return "".join(cells)
