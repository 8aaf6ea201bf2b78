"""What a conversation in a room is worth: from its events, and from what the loudspeaker really sounded. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from benchmarks.room.acoustics import Signal
from benchmarks.room.card import Record
from benchmarks.room.story import Span, Story
from voicecli import events
from voicecli.audio.sounds import READY
from voicecli.types import TurnId

E = TypeVar("E", bound=events.Event)

STEP_S = 0.01
AUDIBLE_DB = -45.0
"""The loudspeaker is silent below this, RMS over full scale of 10 ms."""

DUCK_DB = -6.0
"""A change of volume that is heard as one."""

LONG_S = 1.0
"""Speech over an answer that lasts so long is meant to interrupt it."""

STILL_S = 1.5
"""So long after its first voiced sample the answer must be over; else the interruption was missed."""

AFTER_S = 1.0
"""An interruption until so long after the user's last sample is the user's."""

EDGE_S = 0.3
"""Gates find the edges of speech no better; what ends this little before the true end has not been cut off."""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one conversation or of several."""

    answers: int = 0  # that were begun aloud
    self_answers: int = 0  # questions that nobody had asked
    false_interruptions: int = 0  # of an answer, by nobody's words
    barge_ins: int = 0  # words of a second or more over an answer
    missed: int = 0  # of those: the answer went on
    to_silence_s: tuple[float, ...] = ()  # of those that were not missed, from the user's first voiced sample
    to_duck_s: tuple[float, ...] = ()  # of all: until the answer was 6 dB softer, or silent
    ducks: int = 0  # an answer was made softer or silent ...
    resumes: int = 0  # ... and went on after a silence
    utterances: int = 0  # of the user, with those over an answer
    cut_off: int = 0  # of those: taken for ended before their end
    waits_s: tuple[float, ...] = ()  # from the last voiced sample to the endpoint, of those that were not cut off

    def __add__(self, other: Score) -> Score:
        return Score(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Score)))


def score(story: Story) -> Score:
    """Count."""
    levels = levels_db(story.record)
    answers = list(sounding(story))
    over = [span for span in story.said if any(one.from_s < span.from_s < one.until_s for one in answers)]
    tried = [span for span in over if span.until_s - span.from_s >= LONG_S]
    silences = [silenced_s(story, levels, span) for span in tried]
    softened = [
        min(ducked_s(story, span), math.inf if silence is None else silence)
        for span, silence in zip(tried, silences, strict=True)
    ]
    waits = [waited_s(story, span) for span in story.said]
    return Score(
        answers=len(answers),
        self_answers=sum(1 for _ in self_answers(story)),
        false_interruptions=sum(1 for _ in false_interruptions(story)),
        barge_ins=len(tried),
        missed=silences.count(None),
        to_silence_s=tuple(silence for silence in silences if silence is not None),
        to_duck_s=tuple(softer for softer in softened if softer < math.inf),
        ducks=sum(1 for _ in ducks(story)),
        resumes=len(story.record.resumes_s),
        utterances=len(story.said),
        cut_off=sum(was_cut_off(story, span) for span in story.said),
        waits_s=tuple(wait for wait in waits if wait is not None),
    )


def of(story: Story, kind: type[E]) -> list[E]:
    """Return the events of a kind."""
    return [event for event in story.events if isinstance(event, kind)]


def levels_db(record: Record) -> Signal:
    """RMS of each 10 ms that the loudspeaker was given, dB over full scale, shape (n,)."""
    size = round(STEP_S * record.rate_hz)
    pcm = np.concatenate(record.blocks or [np.zeros(0, np.int16)])
    steps = pcm[: len(pcm) // size * size].reshape(-1, size).astype(np.float64)
    levels: Signal = 10 * np.log10(np.mean(steps**2, axis=1) / 32768**2 + 1e-12)
    return levels


def sounding(story: Story) -> Iterator[Span]:
    """From the first sample of each answer to its end."""
    ends: dict[TurnId | None, float] = {}
    for event in story.events:
        if isinstance(event, events.TurnDone | events.TurnInterrupted | events.TurnFailed):
            ends[event.turn] = event.at_s
    for audible in (event for event in of(story, events.Audible) if event.turn != READY):
        yield Span(audible.at_s, ends.get(audible.turn, np.inf))


def silenced_s(story: Story, levels: Signal, span: Span) -> float | None:
    """From the user's first voiced sample to the last that was heard of the answer; None where it went on."""
    audible = [event.at_s for event in of(story, events.Audible) if event.at_s > span.from_s]
    until_s = min([span.until_s + AFTER_S, *audible])
    first, last = (max(0, round((at_s - story.record.began_s) / STEP_S)) for at_s in (span.from_s, until_s))
    loud = np.flatnonzero(levels[first:last] > AUDIBLE_DB)
    silence_s = float(loud[-1] + 1) * STEP_S if len(loud) else 0.0
    return silence_s if silence_s <= STILL_S else None


def ducks(story: Story) -> Iterator[float]:
    """When an answer got softer by what is heard."""
    before_db = 0.0
    for at_s, db in story.record.gains:
        if db <= DUCK_DB < before_db:
            yield at_s
        before_db = db


def ducked_s(story: Story, span: Span) -> float:
    """From the user's first voiced sample to the first softer one of the answer; infinite where there is none."""
    return next((at_s - span.from_s for at_s in ducks(story) if span.from_s <= at_s <= span.until_s), math.inf)


def false_interruptions(story: Story) -> Iterator[events.TurnInterrupted]:
    """Answers that were stopped while the user had said nothing that asked for it."""
    typed_s = {event.at_s for event in of(story, events.UserTyped)}
    for event in of(story, events.TurnInterrupted):
        spoken = any(span.from_s <= event.at_s <= span.until_s + AFTER_S for span in story.said)
        if not spoken and event.at_s not in typed_s:
            yield event


def self_answers(story: Story) -> Iterator[events.Transcribed]:
    """Words that were answered, and that began and ended while the user was silent."""
    starts = {event.turn: event.started_at_s for event in of(story, events.SpeechStarted)}
    ends = {event.turn: event.ended_at_s for event in of(story, events.SpeechEnded)}
    for event in of(story, events.Transcribed):
        if event.turn in starts and event.turn in ends:
            heard = Span(starts[event.turn] - EDGE_S, ends[event.turn])
            if not any(overlap(heard, span) for span in (*story.said, *story.murmured)):
                yield event


def overlap(one: Span, other: Span) -> bool:
    """Return whether two spans overlap."""
    return one.from_s < other.until_s and other.from_s < one.until_s


def was_cut_off(story: Story, span: Span) -> bool:
    """Return whether an endpoint came between the user's words."""
    return any(span.from_s < event.at_s < span.until_s - EDGE_S for event in of(story, events.SpeechEnded))


def waited_s(story: Story, span: Span) -> float | None:
    """Return the time from the last voiced sample to the endpoint; None without one, or if words were cut off."""
    ends_s = [event.at_s for event in of(story, events.SpeechEnded) if event.at_s >= span.until_s - EDGE_S]
    return None if was_cut_off(story, span) or not ends_s else ends_s[0] - span.until_s
