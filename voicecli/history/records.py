"""The records of the history: sessions and exchanges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Outcome = Literal["done", "interrupted", "reopened", "failed", "unanswered"]
"""reopened: the user continued the question, so the answer does not count; unanswered: another question came before the
answer, or the conversation ended."""


LAST = 0
"""Session id that means the latest session. Real ids begin at 1."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer. Times are seconds since the session began."""

    question: str
    typed: bool
    language: str  # ISO 639-1; empty if typed or unknown
    answer: str  # as the model wrote it
    heard: str  # as much of the answer as was heard, or shown without a voice
    outcome: Outcome
    trouble: str  # what failed; otherwise empty
    llm: str  # model that answered
    asked_from_s: float
    asked_until_s: float
    answered_from_s: float | None  # None: nothing of it was heard
    answered_until_s: float | None

    @property
    def cut(self) -> bool:
        """Return whether the user interrupted the answer before its end."""
        return self.outcome == "interrupted" and self.heard.rstrip() != self.answer.rstrip()


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation, which may be resumed."""

    began_at: datetime  # with time zone
    id: int | None = None  # None: not in the file yet


@dataclass(frozen=True, slots=True)
class Listed:
    """A session in a list."""

    id: int
    began_at: datetime
    exchanges: int
    first: str  # its first question


@dataclass(frozen=True, slots=True)
class Hit:
    """A search result."""

    session: Session
    exchange: Exchange
