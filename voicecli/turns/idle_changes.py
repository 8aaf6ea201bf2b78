"""Changes that wait until no turn is alive, so that an answer ends as it began. Pure."""

from __future__ import annotations

from collections.abc import Callable

Change = Callable[[], None]


class IdleChanges:
    """The moments between turns. Belongs to the conversation's loop."""

    def __init__(self, settled: Callable[[], bool]) -> None:
        """`settled` tells that no turn is alive."""
        self._settled = settled
        self._waiting: list[Change] = []

    def apply_when_idle(self, change: Change) -> None:
        """At once, or as soon as no turn is alive; changes keep their order."""
        self._waiting.append(change)
        self.apply_if_idle()

    def apply_if_idle(self) -> None:
        """Ask this after each event. A turn that takes the place of another leaves a moment between them, too."""
        if self._waiting and self._settled():
            waiting, self._waiting = self._waiting, []
            for change in waiting:
                change()
