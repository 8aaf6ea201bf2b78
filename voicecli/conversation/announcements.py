"""Announcements, such as a timer that rings: said as soon as nobody speaks and nothing is answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from voicecli.events import Event
from voicecli.turns.activity import Activity


class Announcements:
    """A queue of announcements. All methods belong to the loop."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._waiting: deque[str] = deque()
        self._activity = Activity()
        self._is_open = False

    def open(self, is_open: bool) -> None:
        """Start or stop saying announcements. Those that are added before the start wait for it."""
        self._is_open = is_open

    def add(self, text: str) -> None:
        """Say `text` as soon as possible."""
        self._waiting.append(text)
        self._next()

    def observe(self, event: Event) -> None:
        """Follow the conversation. Nothing is said before the publisher of `event` is done with it."""
        self._activity.observe(event)
        if self._is_due():
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        if self._is_due():
            self._say(self._waiting.popleft())

    def _is_due(self) -> bool:
        return self._is_open and bool(self._waiting) and self._activity.is_idle()
