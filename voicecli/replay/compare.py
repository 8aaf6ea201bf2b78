"""Turns then and now, side by side, and what differs. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voicecli.conversation.latency import PART_NAMES
from voicecli.replay.turn_summary import TurnSummary

SAME_S = 0.02
"""A frame: what differs by less is no other decision."""

SAME_TURN_S = 0.3
"""Two turns are the same one where their voices overlap, or begin so close to each other."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A turn of the recording, and what it is now; None on the side where there is none."""

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
    """In the order in which they began."""
    left = list(now)
    paired: list[Pair] = []
    for story in then:
        same = next((other for other in left if is_same_turn(story, other)), None)
        if same is not None:
            left.remove(same)
        paired.append(Pair(story, same))
    paired += [Pair(None, other) for other in left]
    return sorted(paired, key=began_s)


def began_s(pair: Pair) -> float:
    """Of whichever was first."""
    return min(story.began_s for story in (pair.then, pair.now) if story is not None)


def is_same_turn(one: TurnSummary, other: TurnSummary) -> bool:
    """Whether both are about the same stretch of the recording."""
    begins = abs(one.began_s - other.began_s) <= SAME_TURN_S
    overlap_s = min(ended_s(one), ended_s(other)) - max(one.began_s, other.began_s)
    return begins or overlap_s > 0


def ended_s(story: TurnSummary) -> float:
    return story.began_s if story.ended_s is None else story.ended_s


def rows(pair: Pair) -> list[Row]:
    """What was heard, how it was waited for, what became of it; nothing about what is on neither side."""
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
    reported = [row(pair, *line) for line in lines]
    return [one for one in reported if one.then or one.now]


def row(pair: Pair, name: str, text: Callable[[TurnSummary], str], value: Callable[[TurnSummary], object]) -> Row:
    """A turn that is on one side alone differs in all."""
    then, now = pair.then, pair.now
    differs = then is None or now is None or not is_same(value(then), value(now))
    return Row(name, text(then) if then else "", text(now) if now else "", differs)


def is_same(then: object, now: object) -> bool:
    """Times that are a frame apart or less are."""
    if isinstance(then, float) and isinstance(now, float):
        return abs(then - now) <= SAME_S + 1e-6
    return then == now


def part_text(index: int) -> Callable[[TurnSummary], str]:
    return lambda one: seconds(one.parts_s[index]) if one.parts_s else ""


def part_s(index: int) -> Callable[[TurnSummary], object]:
    return lambda one: one.parts_s[index] if one.parts_s else None


def seconds(value: float | None) -> str:
    """With milliseconds; empty for nothing."""
    return "" if value is None else f"{value:.3f} s"


def words(text: str) -> list[str]:
    """Without case and marks."""
    return re.findall(r"[\w']+", text.lower())


def as_json(paired: Sequence[Pair]) -> list[dict[str, object]]:
    """Both sides of each turn, and the names of what differs."""
    return [
        {
            "then": pair.then.fields() if pair.then else None,
            "now": pair.now.fields() if pair.now else None,
            "different": [one.name for one in rows(pair) if one.differs],
        }
        for pair in paired
    ]
