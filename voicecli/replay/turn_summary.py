"""Summarize each turn from its events. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from voicecli.conversation.latency import PART_NAMES, LatencyFold
from voicecli.events import (
    Event,
    FalseInterruption,
    NothingHeard,
    PlaybackUnderrun,
    SpeechEnded,
    SpeechStarted,
    TokenArrived,
    Transcribed,
    TurnDone,
    TurnFailed,
    TurnInterrupted,
    UserTyped,
)
from voicecli.types import TurnId


@dataclass(frozen=True, slots=True)
class TurnSummary:
    """One turn. Times are of the recording's clock."""

    began_s: float  # first voiced sample, or when the question was typed
    ended_s: float | None = None  # last voiced sample before the endpoint
    heard: str = ""
    wait_s: float | None = None  # from the last voiced sample to the decision that it was the last
    parts_s: tuple[float, ...] = ()  # latency of each of PART_NAMES
    false_interruptions: int = 0  # sounds during the answer that did not end it
    underruns: int = 0
    answer: str = ""  # as written
    spoken: str = ""  # as much of the answer as was heard
    outcome: str = "unfinished"  # answered, interrupted, went on, failed: ..., nothing heard: ...

    @property
    def voice_to_voice_s(self) -> float | None:
        """Return the latency to the first audio; None if nothing was audible."""
        return sum(self.parts_s) if self.parts_s else None

    def fields(self) -> dict[str, object]:
        """Return the fields for JSON."""
        return {
            "began_s": round(self.began_s, 3),
            "ended_s": None if self.ended_s is None else round(self.ended_s, 3),
            "heard": self.heard,
            "endpoint_wait_s": None if self.wait_s is None else round(self.wait_s, 3),
            "parts_s": {name: round(part, 3) for name, part in zip(PART_NAMES, self.parts_s, strict=False)},
            "false_interruptions": self.false_interruptions,
            "underruns": self.underruns,
            "answer": self.answer,
            "spoken": self.spoken,
            "outcome": self.outcome,
        }


@dataclass(slots=True)
class OpenTurn:
    """A turn that is not complete."""

    story: TurnSummary
    fold: LatencyFold = field(default_factory=LatencyFold)


def turn_summaries(events: Iterable[Event]) -> tuple[TurnSummary, ...]:
    """Return a summary of each turn, in the order in which they began."""
    turns: dict[TurnId, OpenTurn] = {}
    for event in events:
        if event.turn is None:
            continue
        match event:
            case SpeechStarted(started_at_s=at_s) | UserTyped(at_s=at_s):
                turns[event.turn] = OpenTurn(TurnSummary(at_s))
        if event.turn in turns:
            turn = turns[event.turn]
            turn.fold = turn.fold.apply(event)
            latency = turn.fold.latency()
            turn.story = replace(with_event(turn.story, event), parts_s=latency.parts if latency else ())
    return tuple(turn.story for turn in turns.values())


def with_event(summary: TurnSummary, event: Event) -> TurnSummary:
    """Return the summary with one more event."""
    match event:
        case UserTyped(text=text) | Transcribed(text=text):
            return replace(summary, heard=text, answer="")
        case SpeechEnded(at_s=at_s, ended_at_s=ended_s):
            return replace(summary, ended_s=ended_s, wait_s=at_s - ended_s)
        case TokenArrived(text=text):
            return replace(summary, answer=summary.answer + text)
        case FalseInterruption():
            return replace(summary, false_interruptions=summary.false_interruptions + 1)
        case PlaybackUnderrun():
            return replace(summary, underruns=summary.underruns + 1)
        case TurnDone(spoken=spoken):
            return replace(summary, spoken=spoken, outcome="answered")
        case TurnInterrupted(spoken=spoken, reopened=reopened):
            return replace(summary, spoken=spoken, outcome="went on" if reopened else "interrupted")
        case TurnFailed(message=message):
            return replace(summary, outcome=f"failed: {message}")
        case NothingHeard(reason=reason):
            return replace(summary, outcome=f"nothing heard: {reason}")
        case _:
            return summary
