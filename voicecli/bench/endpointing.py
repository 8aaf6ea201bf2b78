"""When is the speaker taken to be done: too soon, or late? Rules side by side, on recordings whose end is known.

A verdict and the words come as late as they were computed. A recording is cut off where an endpoint comes before its
true end, the last voiced frame. It is taken for a new speaker each time, so what is learnt of pauses counts inside a
recording alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from voicecli.audio.resample import Framer
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.bench.rounds import timed
from voicecli.engines.base import EndOfTurn, SpeechToText
from voicecli.settings.model import ListenSettings
from voicecli.turns.endpoint import WENT_ON_S, EndpointBounds, PauseStatistics, wait_ms
from voicecli.turns.segmenter import EarlyPause, Endpoint, Onset, Pause, Resume, Segmenter, SegmenterEvent
from voicecli.types import FRAME_S, LISTEN_RATE_HZ, AudioFrame, Pcm, SpeechSegment, Transcript

Frames = list[tuple[AudioFrame, bool]]
"""A recording, with the gate's verdict on each frame."""
Rule = Callable[[float, Transcript | None, PauseStatistics], float]
"""Probability, words if known, learnt pauses -> silence in ms."""

NEVER_MS = 3400
TAIL_S = 3.5  # longer than any rule waits
APART_S = 1000.0
"""Between the beginnings of two recordings on the clock: an utterance is known by when it began."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is learnt in one pause, and how long that took."""

    probability: float
    judge_s: float
    transcript: Transcript
    decode_s: float


@dataclass(slots=True)
class Oracle:
    """Asks the engines once about the same speech, whichever rule listens."""

    turn: EndOfTurn
    stt: SpeechToText
    known: dict[tuple[float, float], Judged] = field(default_factory=dict)

    def ask(self, segment: SpeechSegment) -> Judged:
        """Raises EngineError. No two recordings may begin at the same time."""
        key = (segment.started_at_s, segment.ended_at_s)
        if key not in self.known:
            probability, judge_s = timed(self.turn.probability, segment)
            transcript, decode_s = timed(self.stt.transcribe, segment)
            self.known[key] = Judged(probability, judge_s, transcript, decode_s)
        return self.known[key]


@dataclass(frozen=True, slots=True)
class Heeded:
    """What a rule made of a recording."""

    cut_off: bool
    wait_s: float | None  # from the true end to the endpoint; None where the last word was dropped as too short


def framed(pcm: Pcm, gate: VoiceActivityDetector, began_s: float = 0.0) -> Frames:
    """The recording, shape (n,) at LISTEN_RATE_HZ, and a long silence, with the gate's verdict on each frame."""
    silence = np.zeros(round(TAIL_S * LISTEN_RATE_HZ), np.int16)
    frames = Framer(LISTEN_RATE_HZ).push(np.concatenate([pcm, silence]))
    captured = [AudioFrame(frame, began_s + index * FRAME_S) for index, frame in enumerate(frames)]
    return [(frame, gate.is_speech(frame)) for frame in captured]


def listen(
    frames: Frames, settings: ListenSettings, ask: Callable[[SpeechSegment], Judged] | None, rule: Rule
) -> Iterator[tuple[float, Endpoint]]:
    """Each endpoint and when it came; without `ask` the rule is told nothing and counts from the first frame on."""
    segmenter, pauses = Segmenter(settings), PauseStatistics()
    due: list[tuple[float, float, Transcript | None]] = []
    early_paused_s, ended_at_s = 0.0, -math.inf
    for frame, is_speech in frames:
        now_s = frame.captured_at_s + FRAME_S
        for heard in segmenter.push(frame, is_speech, settings.start_ms):
            due = [] if isinstance(heard, Resume | Endpoint) else due
            pauses = learnt(pauses, heard, ended_at_s)
            if isinstance(heard, EarlyPause):
                early_paused_s = now_s
            elif isinstance(heard, Pause) and ask is None:
                due = [(now_s, 0.0, None)]
            elif isinstance(heard, Pause) and ask is not None:
                judged = ask(heard.segment)
                words_s = max(now_s, early_paused_s + judged.decode_s)
                due = [(now_s + judged.judge_s, judged.probability, None)]
                due.append((max(due[0][0], words_s), judged.probability, judged.transcript))
            elif isinstance(heard, Endpoint):
                ended_at_s = heard.ended_at_s
                yield now_s, heard
        while due and due[0][0] <= now_s:
            _, probability, transcript = due.pop(0)
            segmenter.wait_until(rule(probability, transcript, pauses))


def learnt(pauses: PauseStatistics, heard: SegmenterEvent, ended_at_s: float) -> PauseStatistics:
    """As conversation/endpointing.py learns."""
    if isinstance(heard, Resume):
        return pauses.with_pause(heard.silence_ms)
    if isinstance(heard, Onset) and heard.started_at_s - ended_at_s <= WENT_ON_S:
        return pauses.with_pause((heard.started_at_s - ended_at_s) * 1000)
    return pauses


def silence(silence_ms: float) -> Rule:
    """By its length alone."""
    return lambda probability, transcript, pauses: silence_ms


def ours(bounds: EndpointBounds) -> Rule:
    """As the product waits."""
    return lambda probability, transcript, pauses: wait_ms(bounds, probability, transcript, pauses)


def true_end(frames: Frames, settings: ListenSettings) -> Endpoint | None:
    """The end of all that is said in a recording; None where it is too little for an utterance."""
    ends = list(listen(frames, settings, None, silence(NEVER_MS)))
    return ends[-1][1] if ends else None


def heed(ends: list[tuple[float, Endpoint]], last: Endpoint) -> Heeded:
    """What the endpoints of one recording are worth, `last` being its true end."""
    reported_s = next((at_s for at_s, end in ends if end.ended_at_s == last.ended_at_s), None)
    return Heeded(not ends or ends[0][1] != last, None if reported_s is None else reported_s - last.ended_at_s)
