from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.conversation.answer_guard import AnswerGuard
from voicecli.types import Token


def answer(guard: AnswerGuard, text: str, *, at_limit: bool = False) -> str:
    """Pass a text word by word, as a model streams it."""
    passed = ""
    for word in re.findall(r"\s*\S+", text):
        passed += guard.push(Token(word))
        if guard.ending:
            return passed + guard.close()
    if at_limit:
        passed += guard.push(Token("", at_limit=True))
    return passed + guard.close()


@given(st.text(max_size=200))
def test_a_short_answer_is_passed_as_it_is(text: str) -> None:
    guard = AnswerGuard(1000)
    assert "".join(guard.push(Token(letter)) for letter in text) + guard.close() == text
    assert guard.ending is None


def test_new_text_is_passed_at_once() -> None:
    guard = AnswerGuard(100)
    assert [guard.push(Token(text)) for text in ("Par", "is", " is", " big", ".", " It")] == [
        "Par", "is", " is", " big", ".", " It",
    ]  # fmt: skip


def test_a_loop_ends_the_answer_after_its_first_round() -> None:
    guard = AnswerGuard(1000)
    assert answer(guard, "Tea is hot. I like tea very much. " + "I like tea very much. " * 20) == (
        "Tea is hot. I like tea very much."
    )
    assert guard.ending == "loop"


def test_a_refrain_is_held_back_and_then_passed() -> None:
    guard = AnswerGuard(1000)
    text = "Row the boat. Merrily, merrily. Row the boat. Life is a dream. Row the boat."
    assert answer(guard, text) == text
    assert guard.ending is None


def test_late_in_an_answer_its_sentence_is_the_last() -> None:
    guard = AnswerGuard(20)
    text = "One two three four five, six seven eight nine ten eleven twelve thirteen fourteen fifteen. Sixteen sev"
    assert (
        answer(guard, text)
        == "One two three four five, six seven eight nine ten eleven twelve thirteen fourteen fifteen."
    )
    assert guard.ending == "length"


def test_a_sentence_that_does_not_end_in_time_ends_with_a_clause_and_never_inside_a_word() -> None:
    guard = AnswerGuard(8)
    assert (
        answer(guard, "One two three four five, six seven, ei", at_limit=True) == "One two three four five, six seven,"
    )
    assert guard.ending == "length"


def test_an_answer_that_the_model_ends_itself_is_whole() -> None:
    guard = AnswerGuard(8)
    assert answer(guard, "One two three four five, six seven, eight") == "One two three four five, six seven, eight"
    assert guard.ending is None


@pytest.mark.parametrize("at_limit", [True, False])
@given(text=st.text("ab .,!?\n1", max_size=120), limit=st.integers(8, 40))
def test_what_is_passed_is_always_a_beginning_of_the_answer(at_limit: bool, text: str, limit: int) -> None:
    guard, passed = AnswerGuard(limit), ""
    for letter in text[:limit]:
        passed += guard.push(Token(letter))
        assert text.startswith(passed)
        if guard.ending:
            break
    else:
        passed += guard.push(Token("", at_limit=at_limit))
    passed += guard.close()
    assert text.startswith(passed)
    assert passed == text[:limit] or guard.ending == "length"
