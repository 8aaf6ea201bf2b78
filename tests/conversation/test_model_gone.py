"""Conversations whose language model fails: what is said about it, and what is remembered. Times are virtual."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from tests.conversation.stage import ScriptedLlm, Talk
from voicecli import events
from voicecli.errors import BackendUnavailable, ContextFull, EngineError
from voicecli.speech_text.phrases import PHRASES
from voicecli.types import Message, Token

GONE = BackendUnavailable("10.0.0.1:8000 does not answer", "start it")

SAID = PHRASES["en"]


@dataclass
class Breaking(ScriptedLlm):
    """Its first answer breaks off after so many seconds."""

    breaks_after_s: float = 3.0

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        breaks = len(self.asked) == 0
        async for token in super().reply(messages):
            yield token
        if breaks:
            await asyncio.sleep(self.breaks_after_s)
            raise GONE


def failures(seen: list[events.Event]) -> list[str]:
    return [event.message for event in seen if isinstance(event, events.TurnFailed)]


def test_a_dead_server_is_said_in_one_sentence_which_is_not_remembered(talk: Talk) -> None:
    assert talk.tts is not None
    talk.user_says("are you there", 0.5, 1.5)
    talk.llm_replies(GONE)
    seen = talk.run(9.0)
    assert talk.tts.spoken == [SAID.silent]
    assert failures(seen) == [GONE.message]
    (audible,) = [event for event in seen if isinstance(event, events.Audible)]
    (failed,) = [event for event in seen if isinstance(event, events.TurnFailed)]
    assert audible.at_s < failed.at_s
    assert [message.text for message in talk.history.prompt("now")][1:] == ["are you there now"]


def test_what_was_heard_before_the_break_is_remembered(talk: Talk) -> None:
    talk.llm = Breaking([])
    assert talk.tts is not None
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies("Once there was a fox. It lived in a den.")
    seen = talk.run(12.0)
    assert talk.tts.spoken[-1] == SAID.lost
    assert failures(seen) == [GONE.message]
    reported = [message.text for message in talk.history.prompt("go on")][1:]
    assert reported[0] == "tell me a story"
    assert reported[1].startswith("Once there was a fox.")
    assert SAID.lost not in reported[1]


def test_where_the_voice_fails_too_the_screen_tells(talk: Talk) -> None:
    assert talk.tts is not None
    talk.tts.errors["language model"] = EngineError("no phonemes")
    talk.user_says("are you there", 0.5, 1.5)
    talk.llm_replies(GONE)
    assert failures(talk.run(6.0)) == [GONE.message]


def test_without_a_voice_nothing_is_said(talk: Talk) -> None:
    talk.tts = None
    talk.user_says("are you there", 0.5, 1.5)
    talk.llm_replies(GONE)
    assert failures(talk.run(6.0)) == [GONE.message]


def test_a_full_context_halves_what_is_remembered_and_asks_once_more(talk: Talk) -> None:
    for number in range(4):
        talk.history.add(f"question {number}", f"answer {number}")
    talk.user_says("and now", 0.5, 1.5)
    talk.llm_replies(ContextFull("too long"), "Yes.")
    seen = talk.run(6.0)
    assert failures(seen) == []
    assert [len(asked) for asked in talk.llm.asked] == [10, 6]
    assert talk.llm.asked[1][1].text == "question 2"


def test_questions_without_answers_are_dropped_last(talk: Talk) -> None:
    talk.history.add("a long question", "")
    talk.user_says("and now", 0.5, 1.5)
    talk.llm_replies(ContextFull("too long"), "Yes.")
    assert failures(talk.run(6.0)) == []
    assert talk.llm.asked[1][-1].text == "and now"


def test_a_context_that_is_too_small_for_the_question_alone_is_said(talk: Talk) -> None:
    assert talk.tts is not None
    talk.user_says("and now", 0.5, 1.5)
    talk.llm_replies(ContextFull("too long"))
    assert failures(talk.run(6.0)) == ["too long"]
    assert talk.tts.spoken == [SAID.too_long]
