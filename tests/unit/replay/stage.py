"""A small recording: two frames of silence before, half a second of listening, one turn."""

from __future__ import annotations

import numpy as np

from voicecli import events
from voicecli.bench.result import Machine
from voicecli.events import Event
from voicecli.replay.bundle import About, Recording, Sounds, Times, UserAction
from voicecli.types import FRAME_S, FRAME_SAMPLES, TurnId

FRAMES, BLOCKS = 25, 10
BEGAN_S = 5000.0
TURN = TurnId(1)

REPORTED: tuple[Event, ...] = (
    events.Ready(at_s=BEGAN_S, microphone="m", speaker="s", stt="w", llm="l", llm_why="", tts="k"),
    events.SpeechStarted(at_s=BEGAN_S + 0.2, turn=TURN, started_at_s=BEGAN_S + 0.1),
    events.SpeechPaused(at_s=BEGAN_S + 1.2, turn=TURN, ended_at_s=BEGAN_S + 1.0, preparing=True),
    events.Transcribed(at_s=BEGAN_S + 1.3, turn=TURN, text="Hello “you”\u2028there.", language="en", audio_s=1.0),
    events.SpeechEnded(at_s=BEGAN_S + 1.5, turn=TURN, ended_at_s=BEGAN_S + 1.0),
    events.TokenArrived(at_s=BEGAN_S + 1.6, turn=TURN, text="Hi."),
    events.Audible(at_s=BEGAN_S + 1.8, turn=TURN),
    events.TurnDone(at_s=BEGAN_S + 2.8, turn=TURN, spoken="Hi."),
)


def about(**changes: object) -> About:
    settings = {"listen.endpoint": "fast", "stt.threads": 2, "llm.temperature": 0.7, "llm.prefill": True}
    fields: dict[str, object] = {
        "version": "0.1.0",
        "taken_at": "2026-01-01T00:00:00+00:00",
        "machine": Machine("a processor", 2, 2, 8.0, "Linux", "3.11"),
        "settings": settings,
        "models": {"whisper-base": "0" * 64},
    }
    return About(**(fields | changes))  # type: ignore[arg-type]


def times(**changes: object) -> Times:
    captured = tuple(BEGAN_S + index * FRAME_S for index in range(FRAMES))
    reported = tuple(BEGAN_S + index * 0.01 for index in range(BLOCKS))
    fields: dict[str, object] = {
        "captured_at_s": captured,
        "arrived_at_s": tuple(at_s + 0.03 for at_s in captured),
        "listenings": (2, FRAMES - 2),
        "speaker_rate_hz": 48_000,
        "block_samples": (480,) * BLOCKS,
        "reported_at_s": reported,
        "sounds_at_s": tuple(at_s + 0.02 for at_s in reported),
        "echoes": True,
        "actions": (UserAction(BEGAN_S + 0.1, "ask", "What time is it?"),),
    }
    return Times(**(fields | changes))  # type: ignore[arg-type]


def sounds(kept: Times | None = None, *, echo_free: int = FRAMES * FRAME_SAMPLES) -> Sounds:
    microphone, cleaned, speaker = (
        np.random.default_rng(seed).integers(-99, 99, samples).astype(np.int16)
        for seed, samples in enumerate((FRAMES * FRAME_SAMPLES, echo_free, BLOCKS * 480))
    )
    return Sounds(microphone, cleaned, speaker, kept or times())


def recorded(kept: Times | None = None) -> Recording:
    return Recording(about(), REPORTED, sounds(kept))
