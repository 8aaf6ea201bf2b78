"""Events of small conversations, for the tests of the screens."""

from __future__ import annotations

from functools import reduce

from voicecli.events import (
    AnswerCut,
    Audible,
    CutReason,
    Event,
    PartialHeard,
    Ready,
    SpeechEnded,
    SpeechPaused,
    SpeechStarted,
    SpokenUpTo,
    TokenArrived,
    Transcribed,
)
from voicecli.types import TurnId
from voicecli.ui.view import ViewModel

ONE, TWO = TurnId(1), TurnId(2)

READY = Ready(at_s=0, microphone="Mic", speaker="Box", stt="whisper", llm="qwen", llm_why="default", tts="kokoro")


TEXT_ONLY = Ready(at_s=0, microphone="", speaker="", stt="whisper", llm="qwen", llm_why="", tts="kokoro")
"""Neither microphone nor speaker."""


def started(turn: TurnId = ONE, at_s: float = 1.0) -> Event:
    return SpeechStarted(at_s=at_s, turn=turn, started_at_s=at_s - 0.1)


def partial(stable: str, unstable: str, turn: TurnId = ONE) -> Event:
    return PartialHeard(at_s=1.5, turn=turn, stable=stable, unstable=unstable)


def paused(turn: TurnId = ONE, at_s: float = 2.2) -> Event:
    return SpeechPaused(at_s=at_s, turn=turn, ended_at_s=2.0, preparing=True)


def transcribed(text: str, turn: TurnId = ONE, at_s: float = 2.4) -> Event:
    return Transcribed(at_s=at_s, turn=turn, text=text, language="en", audio_s=1.0)


def token(text: str, turn: TurnId = ONE) -> Event:
    return TokenArrived(at_s=2.5, turn=turn, text=text)


def cut(reason: CutReason, turn: TurnId = ONE) -> Event:
    return AnswerCut(at_s=2.55, turn=turn, reason=reason)


def ended(turn: TurnId = ONE, at_s: float = 2.6) -> Event:
    return SpeechEnded(at_s=at_s, turn=turn, ended_at_s=2.0)


def audible(turn: TurnId = ONE, at_s: float = 3.0) -> Event:
    return Audible(at_s=at_s, turn=turn)


def spoken_up_to(end: int, turn: TurnId = ONE) -> Event:
    return SpokenUpTo(at_s=3.1, turn=turn, source_end=end)


def view_of(*events: Event) -> ViewModel:
    return reduce(ViewModel.apply, events, ViewModel())


ASKED = (started(), partial("Hello", "there"), paused(), transcribed("Hello there."), token("Hi "), token("you."))
