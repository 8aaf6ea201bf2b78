from __future__ import annotations

from datetime import date

import pytest

from voicecli.conversation.history import History
from voicecli.conversation.prompt import about_now, parse_examples
from voicecli.settings.load import shipped_text
from voicecli.types import Message

EXAMPLES = parse_examples('turns = [["Who?", "You."], ["Why?", "Because."]]')


def test_the_model_is_given_the_day_and_where_the_user_is() -> None:
    assert about_now(date(2026, 12, 1), "") == "Today is Tuesday, 1 December 2026."
    assert about_now(date(2027, 1, 31), "Rome") == "Today is Sunday, 31 January 2027. The user is in Rome."


def test_examples_are_questions_and_answers() -> None:
    assert EXAMPLES[:2] == (Message("user", "Who?"), Message("assistant", "You."))
    with pytest.raises(ValueError, match="unpack"):
        parse_examples('turns = [["Who?"]]')


def test_the_shipped_examples_fit_into_a_small_context() -> None:
    history = History("", 10_000)
    history.set_examples(parse_examples(shipped_text("examples.toml")))
    assert [message.role for message in history.messages()] == ["system", *["user", "assistant"] * 4]


def test_a_request_has_the_examples_before_the_conversation() -> None:
    days = iter(("Today is Monday.", "Today is Tuesday."))
    history = History("Be brief.", 1000, lambda: next(days))
    history.set_examples(EXAMPLES)
    history.add("one", "two")
    said = [Message("user", "one"), Message("assistant", "two")]
    assert history.messages() == [Message("system", "Be brief. Today is Monday."), *EXAMPLES, *said]
    history.add_to_prompt("Answer in French.")
    system = Message("system", "Be brief. Today is Tuesday. Answer in French.")
    assert history.messages() == [system, *EXAMPLES, *said]


def test_examples_take_room_and_are_never_dropped() -> None:
    history = History("", 60)
    history.set_examples(EXAMPLES)
    history.add("a question of some length", "and its answer, which is longer")
    assert history.prompt("x" * 30)[1:] == [*EXAMPLES, Message("user", "x" * 30)]


def test_rubbish_is_forgotten_with_its_question_and_those_before_it() -> None:
    history = History("", 1000)
    history.add("What is red?", "Tomatoes are usually red things.")
    history.add("hello?", "")
    history.add("And blue?", "Tomatoes are usually red things.")
    assert [message.text for message in history.prompt("And green?")[1:]] == [
        "What is red?", "Tomatoes are usually red things.", "And green?",
    ]  # fmt: skip


def test_an_answer_after_tool_calls_may_come_twice() -> None:
    history = History("", 1000)
    calls = [Message("assistant", "", calls=())]
    for question in ("Set a timer.", "Set another one."):
        history.add(question, "The timer has been set now.", calls=calls)
    assert [message.role for message in history.messages()].count("user") == 2
