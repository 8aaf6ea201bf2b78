"""Answers that end before the model does: in a loop, or at the longest length."""

from __future__ import annotations

from tests.conversation.stage import Talk, all_of, only, roles
from voicecli.events import AnswerCut, TokenArrived, TurnDone

LOOP = "Tea is hot. " + "I like tea very much. " * 40


def test_a_loop_is_cut_before_it_is_heard_and_the_model_is_stopped(talk: Talk) -> None:
    talk.user_says("what is tea", 0.5, 1.5)
    talk.llm_replies(LOOP)
    talk.llm.token_s = 0.05
    seen = talk.run(20.0)
    assert only(seen, AnswerCut).reason == "loop"
    assert only(seen, TurnDone).spoken.rstrip() == "Tea is hot. I like tea very much."
    assert "".join(token.text for token in all_of(seen, TokenArrived)).rstrip() == "Tea is hot. I like tea very much."
    assert talk.tts is not None
    assert " ".join(talk.tts.spoken) == "Tea is hot. I like tea very much."
    assert talk.llm.closed == 1
    assert roles(talk.history.prompt("next"))[1] == ("assistant", "Tea is hot. I like tea very much.")


def test_of_a_loop_without_a_sentence_nothing_is_remembered(talk: Talk) -> None:
    talk.user_says("what is tea", 0.5, 1.5)
    talk.llm_replies("the " * 100)
    seen = talk.run(20.0)
    assert only(seen, AnswerCut).reason == "loop"
    assert "assistant" not in dict(roles(talk.history.prompt("next")))


def test_the_longest_answer_ends_with_its_sentence(talk: Talk) -> None:
    talk.most_answer_tokens = 12
    talk.user_says("count", 0.5, 1.5)
    talk.llm_replies("One two three four five six seven eight nine ten. Eleven twelve.")
    seen = talk.run(20.0)
    assert only(seen, AnswerCut).reason == "length"
    assert only(seen, TurnDone).spoken == "One two three four five six seven eight nine ten."


def test_an_answer_that_was_given_before_is_said_and_forgotten(talk: Talk) -> None:
    talk.user_says("what is tea", 0.5, 1.5)
    talk.user_says("and coffee", 6.5, 7.5)
    talk.llm_replies("It is a hot drink.", "It is a hot drink.")
    seen = talk.run(12.0)
    assert [done.spoken.strip() for done in all_of(seen, TurnDone)] == ["It is a hot drink."] * 2
    asked = [text for role, text in roles(talk.history.prompt("next")) if role == "user"]
    assert asked == ["what is tea", "next"]
