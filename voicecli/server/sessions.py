"""How many sessions run at once, how they are limited, counted and drained.

A server at its limit refuses new sessions, so the sessions under way keep their share of the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from voicecli.errors import VoiceCliError

CAPACITY_S = 2.0
"""A machine accepts as many sessions as it can give finals within this time if all stop speaking at the same moment."""

_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_FACTORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0)


class Full(VoiceCliError):
    """No further session is accepted: a WebSocket is closed with 1013, an HTTP request is answered with 503."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one session."""

    session_s: float = 3600.0
    idle_s: float = 60.0  # without a message
    messages_per_s: int = 400  # bursts of one second's worth are allowed; audio in 20 ms messages is 50
    send_s: float = 10.0  # a client that does not read for this long is disconnected
    outbox: int = 256  # replies that wait for a slow reader
    errors: int = 20  # invalid messages; each is answered, the last one closes the session
    upload_bytes: int = 100_000_000  # of a recording as it is uploaded; OpenAI's limit is 25 MB
    recording_s: float = 4 * 3600.0


def capacity(final_s: float) -> int:
    """Return how many sessions the machine can serve if decoding one utterance takes `final_s` seconds."""
    return max(1, int(CAPACITY_S / final_s))


class Metrics:
    """Prometheus metrics of one server; observes the scheduler."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._queued = self._histogram("voicecli_queue_wait_seconds", "Wait of a decode for others", _SECONDS)
        self._decoded = self._histogram("voicecli_decode_seconds", "Time in the recognizer", _SECONDS)
        self._factor = self._histogram(
            "voicecli_real_time_factor", "Time in the recognizer divided by length of the audio", _FACTORS
        )
        self.active = Gauge("voicecli_active_sessions", "Sessions under way", registry=self.registry)
        self.refused = Counter("voicecli_refused_sessions", "Sessions refused", ["reason"], registry=self.registry)
        self._dropped = Counter(
            "voicecli_dropped_partials", "Partials that newer audio or a final replaced", registry=self.registry
        )

    def _histogram(self, name: str, description: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, description, ["kind"], buckets=buckets, registry=self.registry)

    def decoded(self, kind: str, queued_s: float, decode_s: float, audio_s: float) -> None:
        """Record a decode of `audio_s` of sound; `kind` is final, eager or partial."""
        self._queued.labels(kind).observe(queued_s)
        self._decoded.labels(kind).observe(decode_s)
        if audio_s:
            self._factor.labels(kind).observe(decode_s / audio_s)

    def dropped_partial(self) -> None:
        """Record that a session's request for a partial was replaced by a newer one."""
        self._dropped.inc()

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class Sessions:
    """Counts the sessions of one event loop and refuses those beyond `limit`."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self.limit = limit
        self.stopping = asyncio.Event()
        """Set when the server stops: sessions finish the current utterance and end."""
        self._metrics = metrics
        self._active = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def active(self) -> int:
        return self._active

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Count one session while the context is open. Raise Full if no further session is accepted."""
        if self.stopping.is_set():
            self._metrics.refused.labels("leaving").inc()
            raise Full("this server is going away", "try again, or another one")
        if self._active >= self.limit:
            self._metrics.refused.labels("full").inc()
            raise Full(f"all {self.limit} sessions that this machine can serve are taken", "try again later")
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
        """Accept no more sessions, ask those under way to end, and wait for the last one."""
        self.stopping.set()
        await self.empty()

    async def empty(self) -> None:
        """Wait until no session is under way."""
        await self._empty.wait()
