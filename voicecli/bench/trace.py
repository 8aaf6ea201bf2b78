"""Write where the time went as a trace for ui.perfetto.dev, chrome://tracing and speedscope. Pure.

Format: the Trace Event Format of Chromium's catapult project. There is a track for the user's speech, one for each
engine's calls, one for the parts of each turn's wait, and one for events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import accumulate
from typing import Protocol

from voicecli.bench.figures import Conversation
from voicecli.bench.outcomes import Outcome
from voicecli.bench.watch import Call
from voicecli.conversation.latency import PART_NAMES
from voicecli.events import Event

TRACKS = ("said", "the wait", "stt", "endpoint", "llm", "tts", "events")
"""Names of the tracks, in drawing order."""

Entry = dict[str, object]


class Traced(Conversation, Protocol):
    """A conversation whose engine calls were recorded."""

    @property
    def calls(self) -> tuple[Call, ...]: ...


def trace(rounds: Sequence[Traced]) -> dict[str, list[Entry]]:
    """Return the trace; each conversation is a process in it."""
    entries: list[Entry] = []
    for pid, held in enumerate(rounds, 1):
        entries += named(pid, f"{pid}: {held.scenario}")
        entries += [span(pid, one.stage, one.name, one.began_s, one.ended_s, amount=one.amount) for one in held.calls]
        for outcome in held.outcomes:
            entries += waited(pid, outcome)
        entries += [mark(pid, event) for event in held.events]
    return {"traceEvents": entries}


def named(pid: int, name: str) -> Iterator[Entry]:
    """Yield the names of a process and its tracks."""
    yield {"ph": "M", "pid": pid, "name": "process_name", "args": {"name": name}}
    for tid, track in enumerate(TRACKS):
        yield {"ph": "M", "pid": pid, "tid": tid, "name": "thread_name", "args": {"name": track}}
        yield {"ph": "M", "pid": pid, "tid": tid, "name": "thread_sort_index", "args": {"sort_index": tid}}


def waited(pid: int, outcome: Outcome) -> Iterator[Entry]:
    """Yield what was said, and the parts of the wait after it."""
    said = outcome.said
    yield span(pid, "said", said.name, said.voiced_from_s, said.voiced_until_s, heard=outcome.heard)
    if outcome.latency is None:
        return
    ends = [said.voiced_until_s + end_s for end_s in accumulate(outcome.latency.parts)]
    for name, part_s, end_s in zip(PART_NAMES, outcome.latency.parts, ends, strict=True):
        if part_s > 0:
            yield span(pid, "the wait", name, end_s - part_s, end_s)


def span(pid: int, track: str, name: str, began_s: float, ended_s: float, **args: object) -> Entry:
    """Return an entry from one moment to another; the format counts in microseconds."""
    ts, until = round(began_s * 1e6), round(ended_s * 1e6)
    return {"ph": "X", "pid": pid, "tid": TRACKS.index(track), "name": name, "ts": ts, "dur": until - ts, "args": args}


def mark(pid: int, event: Event) -> Entry:
    """Return an entry for an event."""
    args = {field.name: getattr(event, field.name) for field in fields(event) if field.name != "at_s"}
    tid, ts = TRACKS.index("events"), round(event.at_s * 1e6)
    return {"ph": "i", "s": "t", "pid": pid, "tid": tid, "name": type(event).__name__, "ts": ts, "args": args}
