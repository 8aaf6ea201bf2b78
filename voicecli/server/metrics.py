"""What a server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from voicecli.server.stt.scheduler import Decoded

SECONDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
FACTORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0)


class Metrics:
    """Of one server; satisfies the scheduler's `Watch`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._queued = Histogram(
            "voicecli_queue_wait_seconds", "Wait of a decode for others", ["kind"], buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._decoded = Histogram(
            "voicecli_decode_seconds", "Time in the recogniser", ["kind"], buckets=SECONDS, registry=self.registry
        )
        self._factor = Histogram(
            "voicecli_real_time_factor", "Time in the recogniser over length of the audio", ["kind"], buckets=FACTORS,
            registry=self.registry,
        )  # fmt: skip
        self.active = Gauge("voicecli_active_sessions", "Sessions under way", registry=self.registry)
        self.refused = Counter("voicecli_refused_sessions", "Sessions refused", ["reason"], registry=self.registry)
        self._dropped = Counter(
            "voicecli_dropped_partials", "Partials that newer audio or a final overtook", registry=self.registry
        )

    def decoded(self, decoded: Decoded, kind: str) -> None:
        """final, eager or partial."""
        self._queued.labels(kind).observe(decoded.queued_s)
        self._decoded.labels(kind).observe(decoded.decode_s)
        if decoded.transcript.audio_s:
            self._factor.labels(kind).observe(decoded.decode_s / decoded.transcript.audio_s)

    def dropped_partial(self) -> None:
        """A session's wish for one was replaced by a newer one."""
        self._dropped.inc()

    def text(self) -> bytes:
        """In Prometheus' own format."""
        return generate_latest(self.registry)
