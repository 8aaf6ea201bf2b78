"""An answer is said again: heard like an answer, remembered like nothing."""

from __future__ import annotations

import pytest

from tests.conversation.stage import Talk, all_of, at_s, only, roles
from voicecli import events
from voicecli.conversation.latency import latencies
from voicecli.errors import EngineError
from voicecli.history.fold import ExchangeFold

ANSWER = "It is **noon**, and the sun is high above the town."


def asked(talk: Talk, *answers: str) -> None:
    talk.user_says("what is the time", 0.5, 1.5)
    talk.llm_replies(ANSWER, *answers)


def test_it_sounds_once_more_and_is_not_remembered(talk: Talk) -> None:
    asked(talk)
    talk.at(8.0, lambda conversation: conversation.repeat(ANSWER))
    seen = talk.run(15.0)
    again = only(seen, events.AnswerReplayed)
    mine = [event for event in seen if event.turn == again.turn]
    assert at_s(again) == pytest.approx(8.0)
    assert only(mine, events.Audible)
    assert only(mine, events.TurnDone).spoken == ANSWER
    assert not all_of(mine, events.TokenArrived)
    assert talk.tts is not None
    assert " ".join(talk.tts.spoken) == " ".join(["It is noon, and the sun is high above the town."] * 2)
    assert len(roles(talk.history.prompt("next"))) == 3
    assert len(latencies(seen)) == 1
    fold = ExchangeFold(0.0)
    for event in seen:
        fold = fold.apply(event)
    assert len(fold.ended) == 1


def test_speech_ends_it_as_it_ends_an_answer(talk: Talk) -> None:
    asked(talk, "Fine.")
    talk.at(8.0, lambda conversation: conversation.repeat(ANSWER))
    talk.user_says("stop it please", 9.0, 10.0)
    seen = talk.run(14.0)
    cut = only(seen, events.TurnInterrupted)
    assert cut.turn == only(seen, events.AnswerReplayed).turn
    assert ANSWER.startswith(cut.spoken)
    assert [role for role, _ in roles(talk.llm.asked[1])] == ["user", "assistant", "user"]
    assert roles(talk.llm.asked[1])[-1] == ("user", "stop it please")


def test_a_key_ends_it_and_nothing_is_decoded(talk: Talk) -> None:
    asked(talk)
    talk.at(8.0, lambda conversation: conversation.repeat(ANSWER))
    talk.at(9.0, lambda conversation: conversation.interrupt())
    seen = talk.run(12.0)
    assert only(seen, events.TurnInterrupted).reopened is False
    assert not all_of(seen, events.Notice)
    assert len(roles(talk.history.prompt("next"))) == 3


def test_nothing_is_repeated_over_an_answer_or_over_the_user(talk: Talk) -> None:
    asked(talk)
    for at in (1.0, 3.0):
        talk.at(at, lambda conversation: conversation.repeat(ANSWER))
    assert not all_of(talk.run(8.0), events.AnswerReplayed)


def test_without_a_voice_there_is_nothing_to_hear(talk: Talk) -> None:
    talk.tts = None
    asked(talk)
    talk.at(8.0, lambda conversation: conversation.repeat(ANSWER))
    assert not all_of(talk.run(10.0), events.AnswerReplayed)


def test_a_voice_that_fails_says_so_and_the_next_question_is_answered(talk: Talk) -> None:
    asked(talk, "Fine.")
    assert talk.tts is not None
    errors = talk.tts.errors
    talk.at(7.0, lambda _: errors.update(noon=EngineError("broken")))
    talk.at(8.0, lambda conversation: conversation.repeat(ANSWER))
    talk.user_says("are you there", 10.0, 11.0)
    seen = talk.run(15.0)
    failed = only(seen, events.TurnFailed)
    assert (failed.turn, failed.stage, failed.message) == (only(seen, events.AnswerReplayed).turn, "tts", "broken")
    assert all_of(seen, events.TurnDone)[-1].spoken == "Fine. "
    assert len(roles(talk.llm.asked[1])) == 3


def test_a_question_that_is_typed_meanwhile_is_answered(talk: Talk) -> None:
    asked(talk, "Fine.")
    talk.at(8.0, lambda conversation: conversation.repeat(ANSWER))
    talk.at(9.0, lambda conversation: conversation.ask("And now?"))
    seen = talk.run(13.0)
    assert only(seen, events.TurnInterrupted).turn == only(seen, events.AnswerReplayed).turn
    assert all_of(seen, events.TurnDone)[-1].spoken == "Fine. "
