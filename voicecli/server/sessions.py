"""How many at once, and how they end. A machine that is full says so to whoever comes, and those who are in keep it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from voicecli.errors import VoiceCliError
from voicecli.server.metrics import Metrics

TOGETHER_S = 2.0
"""A machine takes as many sessions as it can give finals within this time if all stop speaking at the same moment."""


class Full(VoiceCliError):
    """No session more; a WebSocket is closed with 1013, HTTP is answered with 503."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one session may take."""

    session_s: float = 3600.0
    idle_s: float = 60.0  # without a message
    messages_per_s: int = 400  # of which a client may save up a second's worth; 20 ms of audio each are 50
    send_s: float = 10.0  # a client that does not read for so long is gone
    outbox: int = 256  # replies that wait for a slow reader
    errors: int = 20  # of a client, each of which is answered; then the session is closed
    upload_bytes: int = 100_000_000  # of a recording, as it comes; OpenAI takes 25 MB
    recording_s: float = 4 * 3600.0


def capacity(final_s: float) -> int:
    """Sessions that the machine can serve, where a final of an utterance takes `final_s`."""
    return max(1, int(TOGETHER_S / final_s))


class Sessions:
    """Belongs to the loop."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self.most = most
        self.leaving = asyncio.Event()
        """The server stops: sessions finish what was said and end."""
        self._metrics = metrics
        self._active = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def active(self) -> int:
        return self._active

    @contextmanager
    def one(self) -> Iterator[None]:
        """A session, for as long as it lasts. Raises Full."""
        if self.leaving.is_set():
            self._metrics.refused.labels("leaving").inc()
            raise Full("this server is going away", "try again, or another one")
        if self._active >= self.most:
            self._metrics.refused.labels("full").inc()
            raise Full(f"all {self.most} sessions that this machine can serve are taken", "try again later")
        self._active += 1
        self._metrics.active.inc()
        self._empty.clear()
        try:
            yield
        finally:
            self._active -= 1
            self._metrics.active.dec()
            if not self._active:
                self._empty.set()

    async def drain(self) -> None:
        """No session more, and those under way are asked to end; returns when the last one has."""
        self.leaving.set()
        await self.empty()

    async def empty(self) -> None:
        """Until no session is under way."""
        await self._empty.wait()
