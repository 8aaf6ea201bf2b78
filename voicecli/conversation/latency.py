"""Events of a turn -> where its time went. Pure: no stage holds a stopwatch.

Zero is the last voiced sample (for a typed question: the moment it was sent). Because the answer is prepared while the
end of the utterance is still being decided, a stage can be over before the turn is released. Two views of that:

    marks   when each stage was over, as it happened: what a waterfall draws
    parts   what each stage added to the wait; work behind the endpoint adds nothing, so the parts sum to the whole
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from voicecli.events import (
    Audible,
    Event,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    Synthesized,
    TextChunkReady,
    TokenArrived,
    Transcribed,
    UserTyped,
)
from voicecli.types import TurnId

PART_NAMES = ("endpoint", "stt", "first token", "first chunk", "tts", "playout")
"""In the order in which they happen; `TurnLatency.parts` and `TurnLatency.work` keep it."""


@dataclass(frozen=True, slots=True)
class Span:
    """An interval on the time axis of one turn, 0 <= start_s <= end_s."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class TurnLatency:
    """Voice to voice: from the last voiced sample of the user to the first sample of the answer."""

    turn: TurnId | None
    typed: bool  # began at the keyboard: endpoint and stt are zero
    endpoint_s: float
    stt_s: float
    first_token_s: float
    first_chunk_s: float
    tts_s: float
    playout_s: float
    voice_to_voice_s: float
    work: tuple[Span, ...]  # one for each of PART_NAMES: when that stage really worked

    @property
    def parts(self) -> tuple[float, ...]:
        """Seconds that each of PART_NAMES added to the wait; never negative, sum = voice_to_voice_s."""
        return (self.endpoint_s, self.stt_s, self.first_token_s, self.first_chunk_s, self.tts_s, self.playout_s)

    @property
    def released_s(self) -> float:
        """When the answer was allowed to sound."""
        return self.endpoint_s


@dataclass(frozen=True, slots=True)
class LatencyFold:
    """The marks of one turn, as clock times; `apply` each of its events in order."""

    typed: bool = False
    began_s: float | None = None  # work on the answer began: the pause, or the typed question
    speech_end_s: float | None = None
    released_s: float | None = None
    transcribed_s: float | None = None
    first_token_s: float | None = None
    first_chunk_s: float | None = None
    first_audio_s: float | None = None
    audible_s: float | None = None

    def apply(self, event: Event) -> LatencyFold:
        """Return the fold with one more event of its turn."""
        match event:
            case UserTyped(at_s=at_s):
                return LatencyFold(typed=True, began_s=at_s, speech_end_s=at_s, released_s=at_s, transcribed_s=at_s)
            case SpeechStarted() | SpeechResumed():
                return LatencyFold()
            case SpeechPaused(at_s=at_s, preparing=preparing):
                return LatencyFold(began_s=at_s if preparing else None)
            case SpeechEnded(at_s=at_s, ended_at_s=ended_at_s):
                began_s = at_s if self.began_s is None else self.began_s
                return replace(self, began_s=began_s, speech_end_s=ended_at_s, released_s=at_s)
            case _:
                return self._stage_over(event)

    def _stage_over(self, event: Event) -> LatencyFold:
        match event:
            case Transcribed(at_s=at_s) if not self.typed:  # a new transcript voids an answer to an earlier one
                return replace(self, transcribed_s=at_s, first_token_s=None, first_chunk_s=None, first_audio_s=None)
            case TokenArrived(at_s=at_s) if self.first_token_s is None:
                return replace(self, first_token_s=at_s)
            case TextChunkReady(at_s=at_s) if self.first_chunk_s is None:
                return replace(self, first_chunk_s=at_s)
            case Synthesized(at_s=at_s) if self.first_audio_s is None:
                return replace(self, first_audio_s=at_s)
            case Audible(at_s=at_s) if self.audible_s is None:
                return replace(self, audible_s=at_s)
            case _:
                return self

    def latency(self, turn: TurnId | None = None) -> TurnLatency | None:
        """Return the result; None as long as nothing was audible."""
        if self.speech_end_s is None or self.released_s is None or self.audible_s is None:
            return None
        origin_s = self.speech_end_s
        released_s = max(self.released_s - origin_s, 0.0)
        audible_s = max(self.audible_s - origin_s, released_s)
        stages = (self.began_s, self.transcribed_s, self.first_token_s, self.first_chunk_s, self.first_audio_s)
        began_s, *over_s = _ordered([None if at_s is None else at_s - origin_s for at_s in stages], audible_s)
        edges_s = [0.0, released_s, *(max(at_s, released_s) for at_s in over_s), audible_s]
        endpoint_s, stt_s, first_token_s, first_chunk_s, tts_s, playout_s = (b - a for a, b in pairwise(edges_s))
        worked = [Span(*pair) for pair in pairwise([began_s, *over_s])]
        return TurnLatency(
            turn=turn,
            typed=self.typed,
            endpoint_s=endpoint_s,
            stt_s=stt_s,
            first_token_s=first_token_s,
            first_chunk_s=first_chunk_s,
            tts_s=tts_s,
            playout_s=playout_s,
            voice_to_voice_s=audible_s,
            work=(Span(0.0, released_s), *worked, Span(edges_s[-2], audible_s)),
        )


def _ordered(marks: Sequence[float | None], limit_s: float) -> list[float]:
    """Return marks in order: a missing one costs nothing, none lies outside 0..limit_s."""
    ordered: list[float] = []
    latest_s = 0.0
    for mark in marks:
        latest_s = min(max(latest_s, mark if mark is not None else latest_s), limit_s)
        ordered.append(latest_s)
    return ordered


def latencies(events: Iterable[Event]) -> tuple[TurnLatency, ...]:
    """Return the latency of each turn that became audible, in that order."""
    folds: dict[TurnId, LatencyFold] = {}
    audible: dict[TurnId, TurnLatency] = {}
    for event in events:
        if event.turn is None:
            continue
        folds[event.turn] = folds.get(event.turn, LatencyFold()).apply(event)
        latency = folds[event.turn].latency(event.turn)
        if latency is not None:
            audible[event.turn] = latency
    return tuple(audible.values())


def percentile(values: Sequence[float], q: float) -> float:
    """Return the nearest-rank percentile, which is a measured value. `q` in 0..100; `values` must not be empty."""
    if not values:
        raise ValueError("percentile of no values")
    rank = math.ceil(q / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]
