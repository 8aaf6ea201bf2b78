"""What is asked: typed words, piped text, and what of it a model can hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.conversation.question import AROUND_TOKENS, Fitted, Keep, Question, estimated_tokens, fitted
from voicecli.errors import SettingsError

LINES = "\n".join(f"line {number}" for number in range(100))
"""Five tokens and more a line."""


def room(tokens: int, typed: str = "Why?") -> int:
    """So many for the piped text."""
    return tokens + AROUND_TOKENS + estimated_tokens(typed)


def test_a_piped_text_stands_behind_the_question_and_is_marked() -> None:
    text = Question("Why?", "  a\n  b").text
    assert text.startswith("Why?\n")
    assert text.endswith("<text>\n  a\n  b\n</text>")


def test_either_is_a_question_by_itself() -> None:
    assert Question("Why?", "").text == "Why?"
    assert Question("", "Why?").text == "Why?"


def test_what_fits_is_left_as_it_is() -> None:
    question = Question("Why?", LINES)
    fit = fitted(question, room(estimated_tokens(LINES)), None)
    assert fit == Fitted(question, len(LINES), len(LINES))
    assert fit.is_whole


def test_too_much_is_refused_with_what_there_is_and_what_fits() -> None:
    with pytest.raises(SettingsError, match=r"too long for the model: 789 characters, and about \d\d fit") as caught:
        fitted(Question("Why?", LINES), room(30), None)
    assert "--head" in caught.value.hint
    assert "--tail" in caught.value.hint


@pytest.mark.parametrize(("keep", "stays", "goes"), [("head", "line 0", "line 99"), ("tail", "line 99", "line 0")])
def test_one_end_of_it_stays_in_whole_lines_and_the_model_is_reported(keep: Keep, stays: str, goes: str) -> None:
    fit = fitted(Question("Why?", LINES), room(30), keep)
    shown = fit.question.piped.split("\n")
    gone = shown.pop() if keep == "head" else shown.pop(0)
    assert gone == f"[{len(LINES) - fit.kept_chars:,} characters left out]"
    assert stays in shown
    assert goes not in shown
    assert set(shown) <= set(LINES.split("\n"))
    assert not fit.is_whole


@pytest.mark.parametrize("keep", ["head", "tail"])
def test_a_line_that_is_too_long_by_itself_is_cut_inside(keep: Keep) -> None:
    words = "word " * 200 + "end"
    fit = fitted(Question("", words), room(20, ""), keep)
    assert fit.of_chars == len(words)
    assert 40 < fit.kept_chars < 200


@pytest.mark.parametrize("keep", [None, "head", "tail"])
def test_a_question_that_leaves_no_room_is_refused(keep: Keep | None) -> None:
    with pytest.raises(SettingsError, match="no room for the question"):
        fitted(Question("Why? " * 50, "text"), 60, keep)


def test_an_input_of_which_nothing_fits_is_refused_even_if_it_may_be_cut() -> None:
    with pytest.raises(SettingsError, match="about 0 fit"):
        fitted(Question("Why?", "x" * 1000), room(5), "head")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("word", 2),
        ("a word", 3),
        ("camelCase", 4),
        ("2026", 4),
        ("a 2", 3),
        ("-----", 2),
        ("\n\n", 2),
        ("\t", 1),
        ("é漢😀", 6),
    ],
)
def test_tokens_are_estimated_by_what_a_text_is_made_of(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens


@given(st.text(max_size=300), st.integers(1, 100))
def test_what_is_kept_of_the_front_needs_no_more_than_the_room(text: str, tokens: int) -> None:
    try:
        fit = fitted(Question("", text), tokens + AROUND_TOKENS, "head")
    except SettingsError:
        return
    assert text.startswith(text[: fit.kept_chars])
    assert estimated_tokens(text[: fit.kept_chars]) <= tokens
