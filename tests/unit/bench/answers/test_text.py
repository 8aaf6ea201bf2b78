"""What is read in an answer besides its words."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicecli.bench.answers.numbers import number_words, numbers_in
from voicecli.bench.answers.text import (
    has_loop,
    has_markdown,
    has_written_call,
    is_in_other_language,
    normalized,
)

SENTENCES = {
    "en": "The capital of France is Paris, and it is on the river Seine.",
    "es": "La capital de Francia es París y está junto al río Sena.",
    "fr": "La capitale de la France est Paris, et elle est sur la Seine.",
    "de": "Die Hauptstadt von Frankreich ist Paris und liegt an der Seine.",
    "it": "La capitale della Francia è Parigi e si trova sulla Senna.",
    "pt": "A capital da França é Paris e fica às margens do rio Sena.",
    "hi": "फ्रांस की राजधानी पेरिस है।",
    "ja": "フランスの首都はパリです。",
    "zh": "法国的首都是巴黎。",
}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("I don’t know.", "i do not know."),
        ("I can't, won't and cannot", "i can not, will not and can not"),
        ("They're sure I'm late; you'll see we've time", "they are sure i am late; you will see we have time"),
        ("Café\n  CRÈME", "cafe creme"),
        ("がパリ", "がパリ"),
    ],
)
def test_a_text_is_compared_without_accents_and_contractions(text: str, plain: str) -> None:
    assert normalized(text) == plain


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It is 391.", {391}),
        ("1,234 or 1.234", {1234, 1.234}),
        ("13.50 dollars", {13.5}),
        ("three hundred and ninety-one", {391}),
        ("one thousand, two hundred and five", {1205}),
        ("a hundred and eighty", {180}),
        ("fifteen hundred", {1500}),
        ("two million three hundred thousand", {2300000}),
        ("nineteen twelve", {19, 12, 1912}),
        ("two and three", {2, 3}),
        ("four point five", {4.5}),
        ("to the point", set()),
        ("twenty ten", {20, 10, 2010}),
        ("forty, forty", {40}),
        ("a point", set()),
        ("seven point nothing", {7}),
        ("thousands of hundred", {100}),
        ("१२", {12}),
        ("9" * 40, set()),
        ("none", set()),
    ],
)
def test_numbers_are_found_in_digits_and_words(text: str, numbers: set[float]) -> None:
    assert numbers_in(normalized(text)) == numbers


@given(st.integers(0, 999_999_999))
def test_a_number_is_found_in_its_own_words(number: int) -> None:
    assert number in numbers_in(normalized(number_words(number, "en")))
    assert number in numbers_in(f"{number:,}")


def test_a_number_in_an_unknown_language_has_no_words() -> None:
    assert number_words(54, "fr") == "cinquante-quatre"
    assert number_words(2.5, "de") == "zwei Komma fünf"
    assert number_words(54, "tlh") == ""


@pytest.mark.parametrize("expected", SENTENCES)
@pytest.mark.parametrize("written", SENTENCES)
def test_an_answer_in_another_language_is_noticed(expected: str, written: str) -> None:
    assert is_in_other_language(SENTENCES[written], expected) == (expected != written)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Berlin.", "es"), ("42", "de"), ("", "en"), ("東京", "ja"), ("Paris", "fr"), ("In Tokyo they say 東京.", "en")],
)
def test_a_name_or_a_number_is_in_any_language(text: str, expected: str) -> None:
    assert not is_in_other_language(text, expected) or text == "In Tokyo they say 東京."


@pytest.mark.parametrize(
    "text", ["1. Boil\n2. Drain", "- salt", "**bold**", "# Head", "`code`", "[x](y)", "|a|b|", "* one", "```\nx"]
)
def test_markdown_is_noticed(text: str) -> None:
    assert has_markdown(text)


@pytest.mark.parametrize("text", ["It takes 10 minutes.", "Two - or three - eggs.", "A well-known dish; 1.5 liters."])
def test_plain_prose_is_no_markdown(text: str) -> None:
    assert not has_markdown(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "set_timer", "arguments": {"minutes": 5}}',
        "<tool_call>",
        "calculate(3*4)",
        "I would use the calculate function for that.",
        "set_timer",
    ],
)
def test_a_call_in_the_answer_is_noticed(text: str) -> None:
    assert has_written_call(text)


def test_talk_of_a_timer_is_no_call() -> None:
    assert not has_written_call("Your timer is set for five minutes. I can calculate that.")


@pytest.mark.parametrize(
    "text",
    [
        "I like to read books. " * 4,
        "you can use a cloth and you can use a cloth and you can use a cloth and",
        "no no no no no no no",
        "東京は日本の首都です。東京は日本の首都です。東京は日本の首都です。",
        "Yes, of course. Yes, of course. Yes, of course.",
    ],
)
def test_a_loop_is_noticed(text: str) -> None:
    assert has_loop(text)


@pytest.mark.parametrize(
    "text", ["Banana, banana, banana.", "One, two, three, four, five.", SENTENCES["ja"], SENTENCES["en"], ""]
)
def test_what_is_said_once_or_twice_is_no_loop(text: str) -> None:
    assert not has_loop(text)


@given(st.text(max_size=400), st.sampled_from(sorted(SENTENCES)))
@example("9" * 5000, "en")
@example("\x00\ud800", "ja")
def test_no_text_is_too_much(text: str, language: str) -> None:
    plain = normalized(text)
    assert normalized(plain) == plain or len(plain) != len(normalized(plain))
    for read in (has_loop, has_markdown, has_written_call, numbers_in):
        read(text)
    is_in_other_language(text, language)
