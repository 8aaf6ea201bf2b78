"""Find the outcome of each utterance in events, engine calls and the sound that was played. Pure.

The latency is computed as in a conversation, with two corrections: the user's voice ends where it does in the
recording, and the answer begins where it is audible, so silence at its beginning counts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from voicecli.audio.echo.canceller import PlayedBlock
from voicecli.bench.room import STEP_S, Heard, Said, loud
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
from voicecli.types import LISTEN_RATE_HZ, Pcm, TurnId

EARLY_S = 0.05
"""This much before the true end of the voice, an endpoint is not a cut-off: a VAD may miss a last soft sound."""

AUDIBLE_STEPS = 3
"""30 ms of sound are a voice; a shorter sound may be a click."""

GAP_S = 0.25
"""A silence this long ends an answer; pauses between words are shorter."""

REMEMBERED_S = 0.01
"""A decode that took less did not run: the text was already known."""


SEARCH_S = 2.0
"""A player starts within this time."""

LATE_S = 0.2
"""For this long after the beginning of a voice, a sound may still belong to the previous answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one utterance."""

    said: Said
    latency: TurnLatency | None  # None without an answer, or if it began before the user had finished
    answered: bool
    cut_off: bool  # an endpoint was found before the true end
    gaps: int  # in the answer
    heard: str
    answer: str
    calls: tuple[Call, ...]  # those that produced the answer
    softer_s: float | None  # barge-in: from the user's first sound until the answer gets softer ...
    silent_s: float | None  # ... and silent; None without a barge-in


def outcomes(heard: Heard, events: Sequence[Event], calls: Sequence[Call]) -> list[Outcome]:
    """Return one outcome for each utterance, in order."""
    ends_s = [one.began_s for one in heard.said[1:]] + [float("inf")]
    return [
        outcome(said, [event for event in events if said.began_s <= event.at_s < end_s], calls, heard.loud_s)
        for said, end_s in zip(heard.said, ends_s, strict=True)
    ]


def outcome(said: Said, events: Sequence[Event], calls: Sequence[Call], loud_s: Sequence[float]) -> Outcome:
    """Return the outcome of one utterance; `events` last from its beginning until the next utterance."""
    turns = [event.turn for event in events if isinstance(event, SpeechStarted)]
    own = [event for event in events if event.turn in turns]
    ended = [event for event in own if isinstance(event, SpeechEnded)]
    cut_off = any(event.at_s < said.voiced_until_s - EARLY_S for event in ended)
    audible = [event for event in own if isinstance(event, Audible)]
    turn = audible[-1].turn if audible else None
    latency = latency_of(own, turn, said, loud_s) if turn is not None else None
    answer = [event for event in own if event.turn == turn]
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
    """Return the latency of the turn that answers; None if it ended before the user had finished."""
    corrected: list[Event] = []
    for event in events:
        if event.turn != turn:
            continue
        match event:
            case SpeechEnded(at_s=at_s) if at_s < said.voiced_until_s - EARLY_S:
                return None
            case SpeechEnded():
                corrected.append(replace(event, ended_at_s=said.voiced_until_s))
            case Audible(at_s=at_s):
                corrected.append(replace(event, at_s=audible_from(loud_s, at_s)))
            case _:
                corrected.append(event)
    found = latencies(corrected)
    return found[0] if found else None


def audible_from(loud_s: Sequence[float], since_s: float) -> float:
    """Return when the first lasting sound from a moment on begins; the moment itself if there is none."""
    found_s = first_lasting(loud_s, since_s - STEP_S)
    return since_s if found_s is None else found_s


def silent_after(loud_s: Sequence[float], since_s: float) -> float:
    """Return how long the current sound continues; zero if there is none."""
    last_s = since_s
    for at_s in loud_s[bisect_left(loud_s, since_s) :]:
        if at_s - last_s > GAP_S:
            break
        last_s = at_s + STEP_S
    return last_s - since_s


def softer_after(events: Sequence[Event], said: Said) -> float | None:
    """Return the time until the volume goes down; None if it does not."""
    times = (event.at_s for event in events if isinstance(event, Ducked) and event.volume != "full")
    return next((at_s - said.voiced_from_s for at_s in times if at_s >= said.voiced_from_s), None)


def calls_for(answer: Sequence[Event], calls: Sequence[Call], said: Said) -> tuple[Call, ...]:
    """Return the final decode, the end-of-turn check, the reply, and the synthesized text chunks."""
    audible_s = next((event.at_s for event in answer if isinstance(event, Audible)), None)
    if audible_s is None:
        return ()
    before = [call for call in calls if said.voiced_until_s - EARLY_S <= call.began_s < audible_s]
    decodes = [call for call in before if call.stage == "stt" and call.work_s > REMEMBERED_S]
    checks = [call for call in before if call.stage == "endpoint"]
    replies = [call for call in before if call.name == "reply" and call.first_s is not None]
    text_chunks = {event.text for event in answer if isinstance(event, TextChunkReady)}
    since_s = replies[-1].began_s if replies else audible_s
    voiced = [call for call in calls if call.stage == "tts" and call.name in text_chunks and call.began_s >= since_s]
    return (
        *decodes[-1:],
        *checks[-1:],
        *replies[-1:],
        *sorted(voiced, key=lambda call: call.began_s)[: len(text_chunks)],
    )


def found_at_s(recording: Pcm, pcm: Pcm) -> float:
    """Return when `pcm` begins in a recording, by best correlation. Both have shape (n,) at LISTEN_RATE_HZ."""
    recorded = recording[: len(pcm) + round(SEARCH_S * LISTEN_RATE_HZ)].astype(np.float64)
    size = 1 << (len(recorded) + len(pcm)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(pcm.astype(np.float64), size)), size)
    return int(np.argmax(correlation[: len(recorded)])) / LISTEN_RATE_HZ


def loud_times(recording: Pcm, began_s: float) -> list[float]:
    """Return the start of each audible block of 10 ms (`room.AUDIBLE_DB`)."""
    return list(loud(PlayedBlock(recording, LISTEN_RATE_HZ, began_s)))


def first_lasting(loud_s: Sequence[float], from_s: float, until_s: float = float("inf")) -> float | None:
    """Return when the first sound of 30 ms or more begins in a span of time; None without one."""
    times = [at_s for at_s in loud_s if from_s <= at_s < until_s]
    for index in range(len(times) - AUDIBLE_STEPS + 1):
        if times[index + AUDIBLE_STEPS - 1] - times[index] < (AUDIBLE_STEPS - 0.5) * STEP_S:
            return times[index]
    return None


def voice_to_voice_s(loud_s: Sequence[float], voiced_until_s: float) -> float | None:
    """Return the time from the end of a voice to the first sound of the answer; None without an answer."""
    audible_s = first_lasting(loud_s, voiced_until_s - EARLY_S)
    return None if audible_s is None else max(0.0, audible_s - voiced_until_s)


def cuts_in(loud_s: Sequence[float], voiced_from_s: float, voiced_until_s: float) -> bool:
    """Return whether an answer is heard before the user has finished."""
    return first_lasting(loud_s, voiced_from_s + LATE_S, voiced_until_s - EARLY_S) is not None
