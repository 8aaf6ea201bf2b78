"""Build a speech-to-text server from the settings."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from voicecli.assemble.engines import load_end_of_turn, load_recognizer
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.audio.vad import Silero, WebrtcSileroDetector
from voicecli.engines.base import EndOfTurn, SpeechToText, Worker
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.whisper.long_audio import LONGEST_S, LongSpeech
from voicecli.engines.worker import ThreadWorker
from voicecli.events import CLOCK
from voicecli.models.store import open_store
from voicecli.server.sessions import Limits, Metrics, Sessions, capacity
from voicecli.server.stt.listening import SessionDetectors
from voicecli.server.stt.protocol import Start
from voicecli.server.stt.scheduler import Batch, DecodeQueueClient, Scheduler
from voicecli.server.stt.service import Service
from voicecli.settings.model import Settings
from voicecli.turns.endpoint import MODES
from voicecli.turns.segmenter import Segmenter
from voicecli.types import LISTEN_RATE_HZ, SpeechSegment, TranscribeOptions

TRIAL_S = 3.5
"""Length of the utterance that is timed at the start, close to a typical spoken request."""

TRIALS = 3


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Options of the command line."""

    max_sessions: int = 0  # 0: as many as the machine can serve by measurement
    limits: Limits = Limits()
    wyoming_port: int = 0  # 0: none


@asynccontextmanager
async def open_stt(settings: Settings, options: ServerOptions) -> AsyncIterator[Service]:
    """Load and warm up the engines; they close with the context. Raise ModelMissing, EngineError or SettingsError."""
    sleep_while_waiting()
    store = open_store(settings)
    with ThreadWorker("stt") as worker, ThreadWorker("turn") as turn_worker:
        recognizer = await load_recognizer(worker, store, settings.stt)
        turn = await load_end_of_turn(turn_worker, store, settings.listen)
        limit = options.max_sessions or capacity(await worker.run(measure_final_s, recognizer))
        metrics = Metrics()
        scheduler = Scheduler(worker, CLOCK, metrics)

        def make_queue_client(start: Start) -> DecodeQueueClient:
            wanted = TranscribeOptions(start.language, start.hotwords, start.words)
            view = recognizer.with_options(wanted)
            batch = Batch(view.transcribe_all, wanted, LONGEST_S) if settings.stt.device == "cuda" else None
            return scheduler.client(LongSpeech(view), batch)

        silero = Silero.load()

        def make_detectors(start: Start) -> SessionDetectors:
            return detectors_for(
                start, settings, WebrtcSileroDetector(silero.another(), settings.listen), turn, turn_worker
            )

        sessions = Sessions(limit, metrics)
        yield Service(
            scheduler,
            make_queue_client,
            make_detectors,
            sessions,
            options.limits,
            metrics,
            CLOCK,
            recognizer.name,
            recognizer.languages,
        )


def detectors_for(
    start: Start, settings: Settings, vad: VoiceActivityDetector, turn: EndOfTurn | None, turn_worker: Worker
) -> SessionDetectors:
    """Return the detectors of one session."""
    listen = settings.listen
    bounds = MODES[start.endpoint] if start.endpoint != "silence" and turn is not None else None
    end_ms = start.silence_ms if start.endpoint == "silence" else listen.end_ms
    return SessionDetectors(
        vad=vad,
        segmenter=Segmenter(listen.model_copy(update={"end_ms": end_ms})),
        bounds=bounds,
        turn=turn if bounds is not None else None,
        turn_worker=turn_worker,
        start_ms=listen.start_ms,
        partial_s=settings.stt.partial_interval_s if start.partials else math.inf,
        quiet_s=start.silence_ms / 1000 if start.endpoint == "silence" else None,
    )


def measure_final_s(recognizer: SpeechToText) -> float:
    """Return the median time of a few decodes, in seconds, of noise, which takes as long as speech."""
    noise = np.random.default_rng(0).normal(0, 1000, round(TRIAL_S * LISTEN_RATE_HZ)).astype(np.int16)
    times_s = []
    for _ in range(TRIALS):
        began_s = CLOCK()
        recognizer.transcribe(SpeechSegment(noise, 0.0, TRIAL_S))
        times_s.append(CLOCK() - began_s)
    return float(np.median(times_s))
