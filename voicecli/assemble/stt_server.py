"""Settings -> a speech-to-text server, ready to run."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from voicecli.assemble.devices import CLOCK
from voicecli.assemble.engines import load_end_of_turn, load_recogniser
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.audio.vad import Silero, WebrtcSileroDetector
from voicecli.engines.base import EndOfTurn, SpeechToText, Worker
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.whisper.long_audio import LONGEST_S, LongSpeech
from voicecli.engines.worker import ThreadWorker
from voicecli.models.store import open_store
from voicecli.server.metrics import Metrics
from voicecli.server.sessions import Limits, Sessions, capacity
from voicecli.server.stt.listening import SessionDetectors
from voicecli.server.stt.protocol import Start
from voicecli.server.stt.scheduler import Batch, DecodeQueueClient, Scheduler
from voicecli.server.stt.service import Service
from voicecli.settings.model import Settings
from voicecli.turns.endpoint import MODES
from voicecli.turns.segmenter import Segmenter
from voicecli.types import LISTEN_RATE_HZ, SpeechSegment, TranscribeOptions

TRIAL_S = 3.5
"""Length of the utterance that is timed at the start: the mean of peers.md's corpus of orders is 3.6 s."""

TRIALS = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    max_sessions: int = 0  # 0: as many as the machine can serve, measured
    limits: Limits = Limits()
    wyoming_port: int = 0  # 0: none


@asynccontextmanager
async def open_stt(settings: Settings, wanted: Wanted) -> AsyncIterator[Service]:
    """Engines loaded and warm; they go with the context. Raises ModelMissing, EngineError or SettingsError."""
    sleep_while_waiting()
    store = open_store(settings)
    with ThreadWorker("stt") as worker, ThreadWorker("turn") as turn_worker:
        recogniser = await load_recogniser(worker, store, settings.stt)
        turn = await load_end_of_turn(turn_worker, store, settings.listen)
        most = wanted.max_sessions or capacity(await worker.run(final_s, recogniser))
        metrics = Metrics()
        scheduler = Scheduler(worker, CLOCK, metrics)

        def make_queue_client(start: Start) -> DecodeQueueClient:
            options = TranscribeOptions(start.language, start.hotwords, start.words)
            view = recogniser.with_options(options)
            together = Batch(view.transcribe_all, options, LONGEST_S) if settings.stt.device == "cuda" else None
            return scheduler.queue(LongSpeech(view), together)

        silero = Silero.load()

        def make_detectors(start: Start) -> SessionDetectors:
            return detectors_for(
                start, settings, WebrtcSileroDetector(silero.another(), settings.listen), turn, turn_worker
            )

        sessions = Sessions(most, metrics)
        yield Service(
            scheduler,
            make_queue_client,
            make_detectors,
            sessions,
            wanted.limits,
            metrics,
            CLOCK,
            recogniser.name,
            recogniser.languages,
        )


def detectors_for(
    start: Start, settings: Settings, gate: VoiceActivityDetector, turn: EndOfTurn | None, turn_worker: Worker
) -> SessionDetectors:
    """The ear of one session."""
    listen = settings.listen
    bounds = MODES[start.endpoint] if start.endpoint != "silence" and turn is not None else None
    end_ms = start.silence_ms if start.endpoint == "silence" else listen.end_ms
    return SessionDetectors(
        gate=gate,
        segmenter=Segmenter(listen.model_copy(update={"end_ms": end_ms})),
        bounds=bounds,
        turn=turn if bounds is not None else None,
        turn_worker=turn_worker,
        start_ms=listen.start_ms,
        partial_s=settings.stt.partial_interval_s if start.partials else math.inf,
        quiet_s=start.silence_ms / 1000 if start.endpoint == "silence" else None,
    )


def final_s(recogniser: SpeechToText) -> float:
    """Time that a final takes here: the median of a few, on noise that is as much work as speech."""
    noise = np.random.default_rng(0).normal(0, 1000, round(TRIAL_S * LISTEN_RATE_HZ)).astype(np.int16)
    times_s = []
    for _ in range(TRIALS):
        began_s = CLOCK()
        recogniser.transcribe(SpeechSegment(noise, 0.0, TRIAL_S))
        times_s.append(CLOCK() - began_s)
    return float(np.median(times_s))
