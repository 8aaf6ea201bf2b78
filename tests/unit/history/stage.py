"""Exchanges and events for the tests of what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from voicecli import events
from voicecli.events import Event
from voicecli.history.records import Exchange, Session
from voicecli.types import TurnId

BEGAN_AT = datetime(2026, 3, 1, 23, 59, 50, tzinfo=UTC)
SESSION = Session(BEGAN_AT)

EXCHANGE = Exchange(
    question="What is the capital of France?",
    typed=False,
    language="en",
    answer="Paris.",
    heard="Paris.",
    outcome="done",
    trouble="",
    llm="scripted",
    asked_from_s=1.0,
    asked_until_s=3.0,
    answered_from_s=3.5,
    answered_until_s=4.5,
)


def asked(question: str, answer: str = "Yes.", at_s: float = 1.0) -> Exchange:
    """As if typed at that time."""
    return replace(EXCHANGE, question=question, answer=answer, heard=answer, asked_from_s=at_s)


def ready(speaker: str = "loudspeaker") -> Event:
    return events.Ready(
        at_s=100.0, microphone="mic", speaker=speaker, stt="whisper", llm="scripted", llm_why="", tts="voice"
    )


def typed(turn: int, text: str, at_s: float = 101.0) -> Event:
    return events.UserTyped(at_s=at_s, turn=TurnId(turn), text=text)


def answered(turn: int, text: str, at_s: float = 102.0) -> list[Event]:
    """All of it is heard."""
    return [
        events.TokenArrived(at_s=at_s, turn=TurnId(turn), text=text),
        events.Audible(at_s=at_s + 0.5, turn=TurnId(turn)),
        events.TurnDone(at_s=at_s + 1.5, turn=TurnId(turn), spoken=text),
    ]
