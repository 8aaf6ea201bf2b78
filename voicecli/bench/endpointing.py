"""Simulate endpoint rules on recordings whose true end is known: does a rule cut the user off, how long does it wait?

A verdict and a transcript become available as late as they were computed. A recording counts as cut off if an endpoint
comes before its true end, the last voiced frame. Each recording is treated as a new user, so pause statistics are
learned within one recording only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from voicecli.assemble.devices import make_vad
from voicecli.audio.resample import Framer
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.bench.rounds import timed
from voicecli.engines.base import EndOfTurn, SpeechToText
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.settings.model import ListenSettings
from voicecli.turns.endpoint import WENT_ON_S, EndpointBounds, PauseStatistics, wait_ms
from voicecli.turns.segmenter import EarlyPause, Endpoint, Onset, Pause, Resume, Segmenter, SegmenterEvent
from voicecli.types import FRAME_S, LISTEN_RATE_HZ, AudioFrame, Pcm, SpeechSegment, TranscribeOptions, Transcript

if TYPE_CHECKING:
    from voicecli.engines.whisper.engine import Whisper

Frames = list[tuple[AudioFrame, bool]]
"""A recording, with the voice activity detector's verdict on each frame."""
Rule = Callable[[float, Transcript | None, PauseStatistics], float]
"""Probability of an end, transcript if known, pause statistics -> silence to wait for, in ms."""

NEVER_MS = 3400
TAIL_S = 3.5  # longer than any rule waits
RECORDING_SPACING_S = 1000.0
"""Between the starts of two recordings on the clock: an utterance is identified by its start."""


@dataclass(frozen=True, slots=True)
class PauseResult:
    """The engines' results for one pause, and how long they took."""

    probability: float
    judge_s: float
    transcript: Transcript
    decode_s: float


@dataclass(slots=True)
class Oracle:
    """Runs the engines once on the same speech, for all rules."""

    turn: EndOfTurn
    stt: SpeechToText
    known: dict[tuple[float, float], PauseResult] = field(default_factory=dict)

    def ask(self, segment: SpeechSegment) -> PauseResult:
        """Return the engines' results, from the cache if known; no two recordings may start at the same time.

        Raise EngineError if an engine fails.
        """
        key = (segment.started_at_s, segment.ended_at_s)
        if key not in self.known:
            probability, judge_s = timed(self.turn.probability, segment)
            transcript, decode_s = timed(self.stt.transcribe, segment)
            self.known[key] = PauseResult(probability, judge_s, transcript, decode_s)
        return self.known[key]


@dataclass(frozen=True, slots=True)
class EndpointResult:
    """What a rule did on one recording."""

    cut_off: bool
    wait_s: float | None  # from the true end to the endpoint; None if the last word was dropped as too short


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording whose true end is known."""

    name: str
    frames: Frames
    end: Endpoint


def clips_of(recordings: Sequence[tuple[str, Pcm]], settings: ListenSettings) -> list[Clip]:
    """Return the recordings that contain an utterance."""
    clips = []
    for number, (name, pcm) in enumerate(recordings):
        frames = framed(pcm, make_vad(settings), RECORDING_SPACING_S * number)
        if (end := true_end(frames, settings)) is not None:
            clips.append(Clip(name, frames, end))
    return clips


def word_ends_s(whisper: Whisper, pcm: Pcm) -> list[float]:
    """Return when each word of a recording ends."""
    timing = LongSpeech(whisper.with_options(TranscribeOptions(words=True)))
    return [word.end_s for word in timing.transcribe(SpeechSegment(pcm, 0.0, len(pcm) / LISTEN_RATE_HZ)).words]


def framed(pcm: Pcm, detector: VoiceActivityDetector, began_s: float = 0.0) -> Frames:
    """Return the frames of a recording, shape (n,) at LISTEN_RATE_HZ, and of a long silence, each with its verdict."""
    silence = np.zeros(round(TAIL_S * LISTEN_RATE_HZ), np.int16)
    frames = Framer(LISTEN_RATE_HZ).push(np.concatenate([pcm, silence]))
    captured = [AudioFrame(frame, began_s + index * FRAME_S) for index, frame in enumerate(frames)]
    return [(frame, detector.is_speech(frame)) for frame in captured]


def listen(
    frames: Frames, settings: ListenSettings, ask: Callable[[SpeechSegment], PauseResult] | None, rule: Rule
) -> Iterator[tuple[float, Endpoint]]:
    """Yield each endpoint and its time; without `ask` the rule gets no results and applies from the first frame on."""
    segmenter, pauses = Segmenter(settings), PauseStatistics()
    due: list[tuple[float, float, Transcript | None]] = []
    early_paused_s, ended_at_s = 0.0, -math.inf
    for frame, is_speech in frames:
        now_s = frame.captured_at_s + FRAME_S
        for heard in segmenter.push(frame, is_speech, settings.start_ms):
            due = [] if isinstance(heard, Resume | Endpoint) else due
            pauses = update_pauses(pauses, heard, ended_at_s)
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


def update_pauses(pauses: PauseStatistics, heard: SegmenterEvent, ended_at_s: float) -> PauseStatistics:
    """Update the statistics as the conversation does."""
    if isinstance(heard, Resume):
        return pauses.with_pause(heard.silence_ms)
    if isinstance(heard, Onset) and heard.started_at_s - ended_at_s <= WENT_ON_S:
        return pauses.with_pause((heard.started_at_s - ended_at_s) * 1000)
    return pauses


def smart_turn_alone(probability: float, transcript: Transcript | None, pauses: PauseStatistics) -> float:
    """Wait as Pipecat's defaults do: end the turn at once above 0.5, else after three seconds."""
    return 200 if probability > 0.5 else 3000


def silence(silence_ms: float) -> Rule:
    """Return a rule that waits for a fixed silence."""
    return lambda probability, transcript, pauses: silence_ms


def ours(bounds: EndpointBounds) -> Rule:
    """Return the rule that a conversation uses."""
    return lambda probability, transcript, pauses: wait_ms(bounds, probability, transcript, pauses)


def true_end(frames: Frames, settings: ListenSettings) -> Endpoint | None:
    """Return the end of all speech in a recording; None if there is too little for an utterance."""
    ends = list(listen(frames, settings, None, silence(NEVER_MS)))
    return ends[-1][1] if ends else None


def evaluate(ends: list[tuple[float, Endpoint]], last: Endpoint) -> EndpointResult:
    """Compare the endpoints of one recording with its true end, `last`."""
    reported_s = next((at_s for at_s, end in ends if end.ended_at_s == last.ended_at_s), None)
    return EndpointResult(not ends or ends[0][1] != last, None if reported_s is None else reported_s - last.ended_at_s)
