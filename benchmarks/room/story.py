"""What happened in a room, for the scores. All times are of the conversation's one clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.room.card import Record
from voicecli.events import Event


@dataclass(frozen=True, slots=True)
class Span:
    """When somebody really spoke, or an answer sounded."""

    from_s: float  # of the first voiced sample
    until_s: float  # of the last


@dataclass(slots=True)
class Story:
    """One conversation."""

    record: Record
    events: list[Event] = field(default_factory=list)  # all but levels
    said: list[Span] = field(default_factory=list)  # by the user, words that want an answer
    murmured: list[Span] = field(default_factory=list)  # by the user, no more than "mm-hm"
