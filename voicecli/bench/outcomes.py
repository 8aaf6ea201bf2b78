"""What came of each thing that was said: events, calls of the engines and the loudspeaker's sound -> figures. Pure.

The latency is the conversation's own fold, with two marks put right: the user's voice ends where it does in the
recording, and the answer begins where it can be heard, so silence at its beginning is counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from voicecli.bench.room import STEP_S, RoomLog, Said
from voicecli.bench.watch import Call
from voicecli.conversation.latency import TurnLatency, latencies
from voicecli.events import (
    Audible,
    Ducked,
    Event,
    PlaybackUnderrun,
    SpeechEnded,
    SpeechStarted,
    TextChunkReady,
    TokenArrived,
    Transcribed,
)
from voicecli.types import TurnId

EARLY_S = 0.05
"""So much before the true end of the voice an endpoint is no cut-off: a gate may take a last soft sound for silence."""

AUDIBLE_STEPS = 3
"""30 ms of sound are a voice; less may be a click."""

GAP_S = 0.25
"""A silence that long ends an answer; between two words there is less."""

REMEMBERED_S = 0.01
"""A decode that took less was none: the text was known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one thing that was said."""

    said: Said
    latency: TurnLatency | None  # None: no answer, or one that began before the user had finished
    answered: bool
    cut_off: bool  # an endpoint was found before the true end
    gaps: int  # in the answer
    heard: str
    answer: str
    calls: tuple[Call, ...]  # those that the answer was made by
    softer_s: float | None  # after the user's first sound, the answer that is spoken over gets softer ...
    silent_s: float | None  # ... and silent; None where nothing was spoken over


def outcomes(heard: RoomLog, events: Sequence[Event], calls: Sequence[Call]) -> list[Outcome]:
    """One for each thing that was said, in that order."""
    ends_s = [one.began_s for one in heard.said[1:]] + [float("inf")]
    return [
        outcome(said, [event for event in events if said.began_s <= event.at_s < end_s], calls, heard.loud_s)
        for said, end_s in zip(heard.said, ends_s, strict=True)
    ]


def outcome(said: Said, events: Sequence[Event], calls: Sequence[Call], loud_s: Sequence[float]) -> Outcome:
    """`events` are those from its beginning until the next thing is said."""
    turns = [event.turn for event in events if isinstance(event, SpeechStarted)]
    mine = [event for event in events if event.turn in turns]
    ended = [event for event in mine if isinstance(event, SpeechEnded)]
    cut_off = any(event.at_s < said.voiced_until_s - EARLY_S for event in ended)
    audible = [event for event in mine if isinstance(event, Audible)]
    turn = audible[-1].turn if audible else None
    latency = latency_of(mine, turn, said, loud_s) if turn is not None else None
    answer = [event for event in mine if event.turn == turn]
    return Outcome(
        said,
        latency=latency,
        answered=turn is not None,
        cut_off=cut_off,
        gaps=sum(isinstance(event, PlaybackUnderrun) for event in answer),
        heard=" ".join(event.text for event in answer if isinstance(event, Transcribed)),
        answer="".join(event.text for event in answer if isinstance(event, TokenArrived)).strip(),
        calls=calls_for(answer, calls, said),
        softer_s=softer_after(events, said) if said.over else None,
        silent_s=silent_after(loud_s, said.voiced_from_s) if said.over else None,
    )


def latency_of(events: Sequence[Event], turn: TurnId | None, said: Said, loud_s: Sequence[float]) -> TurnLatency | None:
    """Of the turn that answers; None where it began before the user had finished."""
    reported: list[Event] = []
    for event in events:
        if event.turn != turn:
            continue
        match event:
            case SpeechEnded(at_s=at_s) if at_s < said.voiced_until_s - EARLY_S:
                return None
            case SpeechEnded():
                reported.append(replace(event, ended_at_s=said.voiced_until_s))
            case Audible(at_s=at_s):
                reported.append(replace(event, at_s=audible_from(loud_s, at_s)))
            case _:
                reported.append(event)
    found = latencies(reported)
    return found[0] if found else None


def audible_from(loud_s: Sequence[float], since_s: float) -> float:
    """The first sound from a moment on that lasts; the moment itself where there is none."""
    first = bisect_left(loud_s, since_s - STEP_S)
    for index in range(first, len(loud_s) - AUDIBLE_STEPS + 1):
        if loud_s[index + AUDIBLE_STEPS - 1] - loud_s[index] < (AUDIBLE_STEPS - 0.5) * STEP_S:
            return loud_s[index]
    return since_s


def silent_after(loud_s: Sequence[float], since_s: float) -> float:
    """How long the sound that is under way goes on; zero where there is none."""
    last_s = since_s
    for at_s in loud_s[bisect_left(loud_s, since_s) :]:
        if at_s - last_s > GAP_S:
            break
        last_s = at_s + STEP_S
    return last_s - since_s


def softer_after(events: Sequence[Event], said: Said) -> float | None:
    """Until the volume goes down, where it does."""
    times = (event.at_s for event in events if isinstance(event, Ducked) and event.volume != "full")
    return next((at_s - said.voiced_from_s for at_s in times if at_s >= said.voiced_from_s), None)


def calls_for(answer: Sequence[Event], calls: Sequence[Call], said: Said) -> tuple[Call, ...]:
    """The final decode, the look at the end of the turn, the reply, and the voice's pieces."""
    audible_s = next((event.at_s for event in answer if isinstance(event, Audible)), None)
    if audible_s is None:
        return ()
    before = [call for call in calls if said.voiced_until_s - EARLY_S <= call.began_s < audible_s]
    decodes = [call for call in before if call.stage == "stt" and call.work_s > REMEMBERED_S]
    looks = [call for call in before if call.stage == "endpoint"]
    replies = [call for call in before if call.name == "reply" and call.first_s is not None]
    text_chunks = {event.text for event in answer if isinstance(event, TextChunkReady)}
    since_s = replies[-1].began_s if replies else audible_s
    voiced = [call for call in calls if call.stage == "tts" and call.name in text_chunks and call.began_s >= since_s]
    return (
        *decodes[-1:],
        *looks[-1:],
        *replies[-1:],
        *sorted(voiced, key=lambda call: call.began_s)[: len(text_chunks)],
    )
