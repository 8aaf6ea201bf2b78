"""Is anything going on: speech being heard, an answer being made or spoken. A fold over events. Pure."""

from __future__ import annotations

from voicecli.events import (
    Announced,
    AnswerReplayed,
    Event,
    NothingHeard,
    SpeechStarted,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
    UserTyped,
)
from voicecli.types import TurnId


class Activity:
    """Turns that have begun and not ended."""

    def __init__(self) -> None:
        self._alive: set[TurnId | None] = set()

    def observe(self, event: Event) -> None:
        """Take the next event."""
        match event:
            case SpeechStarted() | UserTyped() | AnswerReplayed() | Announced():
                self._alive.add(event.turn)
            case TurnDone() | TurnInterrupted() | TurnFailed() | NothingHeard():
                self._alive.discard(event.turn)
            case _:
                pass

    def is_idle(self) -> bool:
        """No turn is alive."""
        return not self._alive
