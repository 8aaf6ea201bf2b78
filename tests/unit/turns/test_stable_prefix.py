from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicecli.turns.stable_prefix import StablePrefix, agreement
from voicecli.turns.words import bare


def after(*texts: str) -> tuple[str, str]:
    hypotheses = StablePrefix()
    for text in texts:
        hypotheses = hypotheses.with_hypothesis(text)
    return hypotheses.stable, hypotheses.unstable


def test_one_hypothesis_makes_nothing_firm() -> None:
    assert after("what is") == ("", "what is")


def test_words_that_two_agree_on_are_firm() -> None:
    assert after("what is the", "what is a time") == ("what is", "a time")


def test_case_and_marks_do_not_break_agreement_and_the_newest_spelling_shows() -> None:
    assert after("hello there", "Hello, there. My") == ("Hello, there.", "My")


def test_a_hypothesis_that_contradicts_firm_words_is_passed_over() -> None:
    assert after("what is the", "what is the time", "thank you") == ("what is the", "time")


def test_settled_words_are_firm_at_once_and_win_over_firm_ones() -> None:
    hypotheses = (
        StablePrefix()
        .with_hypothesis("what is the")
        .with_hypothesis("what is the time")
        .with_hypothesis("what was the time", settled=2)
    )
    assert (hypotheses.stable, hypotheses.unstable) == ("what was", "the time")
    hypotheses = hypotheses.with_hypothesis("what was the time of", settled=2)
    assert (hypotheses.stable, hypotheses.unstable) == ("what was the time", "of")
    assert hypotheses.with_hypothesis("something else it was", settled=2) == hypotheses


def test_settled_words_leave_firm_ones_after_them_firm() -> None:
    hypotheses = (
        StablePrefix()
        .with_hypothesis("one two three")
        .with_hypothesis("one two three four")
        .with_hypothesis("one two three four", settled=1)
    )
    assert hypotheses.stable == "one two three four"


def test_a_word_of_marks_alone_is_compared_as_it_is() -> None:
    assert bare("--") == "--"
    assert agreement(("--", "a"), ("--", "b")) == 1


@given(st.lists(st.text("ab ", max_size=12), max_size=8))
def test_firm_words_never_become_fewer(texts: list[str]) -> None:
    hypotheses, firm = StablePrefix(), 0
    for text in texts:
        hypotheses = hypotheses.with_hypothesis(text)
        assert hypotheses.firm >= firm
        firm = hypotheses.firm
