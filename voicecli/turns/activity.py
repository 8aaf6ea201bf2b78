"""Whether anything is going on, and changes that wait until nothing is. Pure."""

from __future__ import annotations

from collections.abc import Callable

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
    """The turns that have begun and not ended: a fold over events."""

    def __init__(self) -> None:
        self._alive: set[TurnId | None] = set()

    def observe(self, event: Event) -> None:
        """Add the next event."""
        match event:
            case SpeechStarted() | UserTyped() | AnswerReplayed() | Announced():
                self._alive.add(event.turn)
            case TurnDone() | TurnInterrupted() | TurnFailed() | NothingHeard():
                self._alive.discard(event.turn)
            case _:
                pass

    def is_idle(self) -> bool:
        """Return whether no turn is alive."""
        return not self._alive


class IdleChanges:
    """Changes that wait until no turn is alive, so that an answer ends as it began. Belongs to the loop."""

    def __init__(self, is_idle: Callable[[], bool]) -> None:
        """`is_idle` returns whether no turn is alive."""
        self._is_idle = is_idle
        self._waiting: list[Callable[[], None]] = []

    def apply_when_idle(self, change: Callable[[], None]) -> None:
        """Make a change now, or as soon as no turn is alive. Changes keep their order."""
        self._waiting.append(change)
        self.apply_if_idle()

    def apply_if_idle(self) -> None:
        """Make the waiting changes if no turn is alive. Call this after each event."""
        if self._waiting and self._is_idle():
            waiting, self._waiting = self._waiting, []
            for change in waiting:
                change()
