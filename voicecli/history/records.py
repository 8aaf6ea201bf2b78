"""What is kept of a conversation, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Outcome = Literal["done", "interrupted", "reopened", "failed", "unanswered"]
"""reopened: the user went on with the question, so the answer counts as not given; unanswered: something else was asked
meanwhile, or the conversation ended."""


LAST = 0
"""As the id of a session: the one that was held last. Real ones begin with 1."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what became of it. Times are seconds since the session began."""

    question: str
    typed: bool
    language: str  # ISO 639-1; empty where it was typed or is not known
    answer: str  # as the model wrote it
    heard: str  # as much of it as was heard, or shown where there is no voice
    outcome: Outcome
    trouble: str  # what failed; else empty
    llm: str  # who answered
    asked_from_s: float
    asked_until_s: float
    answered_from_s: float | None  # None: nothing of it was heard
    answered_until_s: float | None

    @property
    def cut(self) -> bool:
        """Whether the user interrupted the answer before its end."""
        return self.outcome == "interrupted" and self.heard.rstrip() != self.answer.rstrip()


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation; resumed, it goes on."""

    began_at: datetime  # aware
    id: int | None = None  # None: not in the file yet


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as a list shows it."""

    id: int
    began_at: datetime
    exchanges: int
    first: str  # its first question


@dataclass(frozen=True, slots=True)
class Hit:
    """An exchange that a search found."""

    session: Session
    exchange: Exchange
