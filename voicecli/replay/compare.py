"""Compare the turns of a recording with those of its replay. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voicecli.conversation.latency import PART_NAMES
from voicecli.replay.turn_summary import TurnSummary

SAME_S = 0.02
"""One frame: a smaller difference in time counts as the same."""

SAME_TURN_S = 0.3
"""Two turns are the same one if their speech overlaps or begins within this time."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A turn of the recording and the same turn of the replay; None if one of them has no such turn."""

    then: TurnSummary | None
    now: TurnSummary | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    then: str
    now: str
    differs: bool


def pairs(then: Sequence[TurnSummary], now: Sequence[TurnSummary]) -> list[Pair]:
    """Return the pairs of turns, in the order in which they began."""
    left = list(now)
    paired: list[Pair] = []
    for turn in then:
        same = next((other for other in left if is_same_turn(turn, other)), None)
        if same is not None:
            left.remove(same)
        paired.append(Pair(turn, same))
    paired += [Pair(None, other) for other in left]
    return sorted(paired, key=began_s)


def began_s(pair: Pair) -> float:
    """Return the earlier beginning of the two turns."""
    return min(turn.began_s for turn in (pair.then, pair.now) if turn is not None)


def is_same_turn(one: TurnSummary, other: TurnSummary) -> bool:
    """Return whether both turns cover the same part of the recording."""
    begins = abs(one.began_s - other.began_s) <= SAME_TURN_S
    overlap_s = min(ended_s(one), ended_s(other)) - max(one.began_s, other.began_s)
    return begins or overlap_s > 0


def ended_s(turn: TurnSummary) -> float:
    """Return the end of the turn; its beginning if it has no end."""
    return turn.began_s if turn.ended_s is None else turn.ended_s


def rows(pair: Pair) -> list[Row]:
    """Return the rows of the table: what was heard, the latencies and the outcome. Leave out rows without values."""
    lines: list[tuple[str, Callable[[TurnSummary], str], Callable[[TurnSummary], object]]] = [
        ("heard", lambda one: one.heard, lambda one: words(one.heard)),
        ("endpoint after", lambda one: seconds(one.wait_s), lambda one: one.wait_s),
    ]
    for index, name in enumerate(PART_NAMES):
        lines.append((f"waited for {name}", part_text(index), part_s(index)))
    lines += [
        ("voice to voice", lambda one: seconds(one.voice_to_voice_s), lambda one: one.voice_to_voice_s),
        ("false interruptions", lambda one: str(one.false_interruptions), lambda one: one.false_interruptions),
        ("underruns", lambda one: str(one.underruns), lambda one: one.underruns),
        ("outcome", lambda one: one.outcome, lambda one: one.outcome),
        ("answer", lambda one: one.answer.strip(), lambda one: one.answer.split()),
    ]
    table = [row(pair, *line) for line in lines]
    return [one for one in table if one.then or one.now]


def row(pair: Pair, name: str, text: Callable[[TurnSummary], str], value: Callable[[TurnSummary], object]) -> Row:
    """Return one row. A turn that only one side has differs in every row."""
    then, now = pair.then, pair.now
    differs = then is None or now is None or not is_same(value(then), value(now))
    return Row(name, text(then) if then else "", text(now) if now else "", differs)


def is_same(then: object, now: object) -> bool:
    """Return whether two values are equal; times may be one frame apart."""
    if isinstance(then, float) and isinstance(now, float):
        return abs(then - now) <= SAME_S + 1e-6
    return then == now


def part_text(index: int) -> Callable[[TurnSummary], str]:
    """Return a function that formats one part of the latency."""
    return lambda one: seconds(one.parts_s[index]) if one.parts_s else ""


def part_s(index: int) -> Callable[[TurnSummary], object]:
    """Return a function that returns one part of the latency in seconds."""
    return lambda one: one.parts_s[index] if one.parts_s else None


def seconds(value: float | None) -> str:
    """Return a time with milliseconds; empty for None."""
    return "" if value is None else f"{value:.3f} s"


def words(text: str) -> list[str]:
    """Return the words in lower case, without punctuation."""
    return re.findall(r"[\w']+", text.lower())


def as_json(paired: Sequence[Pair]) -> list[dict[str, object]]:
    """Return both sides of each turn, and the names of the rows that differ."""
    return [
        {
            "then": pair.then.fields() if pair.then else None,
            "now": pair.now.fields() if pair.now else None,
            "different": [one.name for one in rows(pair) if one.differs],
        }
        for pair in paired
    ]
