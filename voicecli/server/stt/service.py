"""All that the protocols of the speech-to-text server need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voicecli.events import Clock
from voicecli.server.metrics import Metrics
from voicecli.server.sessions import Limits, Sessions
from voicecli.server.stt.listening import Listener, SessionDetectors, Tell
from voicecli.server.stt.protocol import Start
from voicecli.server.stt.scheduler import DecodeQueueClient, Scheduler


@dataclass(frozen=True, slots=True)
class Service:
    """All that the protocols need; they differ in words alone."""

    scheduler: Scheduler
    make_queue_client: Callable[
        [Start], DecodeQueueClient
    ]  # raises VoiceCliError where the recogniser cannot do what is asked for
    make_detectors: Callable[[Start], SessionDetectors]
    sessions: Sessions
    limits: Limits
    metrics: Metrics
    clock: Clock
    model: str
    languages: tuple[str, ...] = ("en",)  # ISO 639-1, that may be asked for

    def listener(self, start: Start, tell: Tell) -> Listener:
        """For one session. Raises VoiceCliError as `make_queue_client` does."""
        return Listener(
            self.make_detectors(start), self.make_queue_client(start), start.sample_rate_hz, self.clock, tell
        )
