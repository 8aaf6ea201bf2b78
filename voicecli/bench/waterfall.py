"""Draw a turn's wait as text: what each stage added to it, and the work that was hidden. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from voicecli.bench.result import TurnRecord
from voicecli.conversation.latency import PART_NAMES, Span, TurnLatency, percentile

CELLS_PER_S = 20.0
ADDED, HIDDEN = "█", "░"
NAME_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Lane:
    """One stage on the time axis of a turn."""

    name: str  # one of PART_NAMES
    worked: Span
    waited: Span  # what it added to the wait; empty if the wait for the end of speech hid the work

    @property
    def added_s(self) -> float:
        """Return what the stage added to the wait."""
        return self.waited.end_s - self.waited.start_s


def lanes(turns: Sequence[TurnRecord]) -> tuple[Lane, ...]:
    """Return a lane for each of PART_NAMES, with medians over `turns`, which must not be empty."""
    added_s = [statistics.median(one) for one in zip(*(turn.parts_s for turn in turns), strict=True)]
    found = []
    for index, (name, end_s) in enumerate(zip(PART_NAMES, accumulate(added_s), strict=True)):
        begins_s, ends_s = zip(*(turn.work_s[index] for turn in turns), strict=True)
        worked = Span(statistics.median(begins_s), statistics.median(ends_s))
        found.append(Lane(name, worked, Span(end_s - added_s[index], end_s)))
    return tuple(found)


def record(group: str, name: str, turn: TurnLatency) -> TurnRecord:
    """Return the record of a turn's latencies."""
    return TurnRecord(group, name, turn.parts, tuple((span.start_s, span.end_s) for span in turn.work))


def wait_s(turns: Sequence[TurnRecord]) -> float:
    """Return the median of the whole wait, by nearest rank as in every table."""
    return percentile([sum(turn.parts_s) for turn in turns], 50)


def waterfall(
    name: str, turns: Sequence[TurnRecord], cells_per_s: float = CELLS_PER_S, marks: str = ADDED + HIDDEN
) -> str:
    """Return a line for each stage: hidden work light, what it added to the wait dark, then the added ms."""
    lines = [f"{name}: {wait_s(turns):.2f} s"]
    for lane in lanes(turns):
        drawn = bar(lane.worked, lane.waited, cells_per_s, marks)
        lines.append(f"  {lane.name:{NAME_WIDTH}}{drawn} {lane.added_s * 1000:.0f}")
    return "\n".join(lines) + "\n"


def cells_per_s(turns: Sequence[TurnRecord], cells: int) -> float:
    """Return a round number of cells a second at which these turns' medians fit into `cells`."""
    longest_s = max(max(lane.worked.end_s, lane.waited.end_s) for lane in lanes(turns))
    return next((scale for scale in (100.0, 50.0, 20.0, 10.0, 5.0, 2.0) if scale * longest_s <= cells), 1.0)


def bar(worked: Span, waited: Span, cells_per_s: float = CELLS_PER_S, marks: str = ADDED + HIDDEN) -> str:
    """Return cells from 0 s on: light while the stage worked, dark while the user waited for it."""
    added, hidden = marks[0], marks[1]
    times_s = (worked.start_s, worked.end_s, waited.start_s, waited.end_s)
    begin, end, since, until = (round(at_s * cells_per_s) for at_s in times_s)
    cells = [" "] * max(end, until)
    cells[begin:end] = hidden * (end - begin)
    cells[since:until] = added * (until - since)
    return "".join(cells)
