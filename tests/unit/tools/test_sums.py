"""Plain sums and their answers; everything that only looks like one is left to the language model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.tools.number_words import LARGE, MOST_SPELLED, SMALL, SPELLED, number_at
from voicecli.tools.sums import MAX_OPERATIONS, answer_to_sum, plain_sum

SUMS = {
    "What is 17 times 23?": "17 times 23 is 391.",
    "What's 384 \u00d7 27?": "384 times 27 is 10368.",
    "how much is 15 percent of 80": "15 percent of 80 is 12.",
    "What is 15% of 80?": "15 percent of 80 is 12.",
    "twelve plus thirty": "12 plus 30 is 42.",
    "What is three hundred and twelve minus ninety-nine?": "312 minus 99 is 213.",
    "What's four thousand eight hundred and twelve times thirty-seven?": "4812 times 37 is 178044.",
    "How much is nineteen percent of eleven hundred and forty?": "19 percent of 1140 is 216.6.",
    "What is two million plus one thousand and one?": "2000000 plus 1001 is 2001001.",
    "What is 1.5 million divided by 4?": "1500000.0 divided by 4 is 375000.",
    "How much is 1,250 divided by 5, please?": "1250 divided by 5 is 250.",
    "What is ten divided by three?": "10 divided by 3 is about 3.333.",
    "What is seven thousand and two divided by eighteen, exactly?": "7002 divided by 18 is 389.",
    "Calculate the square root of five thousand one hundred eighty-four.": "The square root of 5184 is 72.",
    "Nine squared.": "9 squared is 81.",
    "What is two cubed": "2 cubed is 8.",
    "What is 2 + 2 * 3?": "2 plus 2 times 3 is 8.",
    "Can you tell me what 8 times 7 is?": "8 times 7 is 56.",
    "What does 5 plus 5 equal?": "5 plus 5 is 10.",
    "Add 5 and 7.": "5 plus 7 is 12.",
    "Add up one hundred twenty-nine, three hundred seventy-five and four hundred eighty-eight.": (
        "129 plus 375 plus 488 is 992."
    ),
    "the sum of 3, 4, and 5": "3 plus 4 plus 5 is 12.",
    "the product of six and seven": "6 times 7 is 42.",
    "subtract five from twelve": "12 minus 5 is 7.",
    "multiply 6 by 7": "6 times 7 is 42.",
    "Divide 100 by 8": "100 divided by 8 is 12.5.",
    "What is a hundred and five times 2?": "105 times 2 is 210.",
    "What is minus five plus eight?": "-5 plus 8 is 3.",
    "What is 5 minus -8?": "5 minus -8 is 13.",
    "What is minus two squared?": "-2 squared is 4.",
    "What's two to the power of twenty?": "2 to the power of 20 is 1048576.",
    "What is 12 x 12?": "12 times 12 is 144.",
    "What is 100 - 37 =": "100 minus 37 is 63.",
    "How much is half of 90?": "Half of 90 is 45.",
    "What's a quarter of two hundred?": "A quarter of 200 is 50.",
    "What is one point five times two?": "1.5 times 2 is 3.",
    "What is ninety nine thousand nine hundred ninety nine plus one": "99999 plus 1 is 100000.",
}

OTHER_LANGUAGES = [
    ("de", "Wie viel ist sieben mal neun?", "7 mal 9 ist 63."),
    ("es", "¿Cuánto es ocho por siete?", "8 por 7 es 56."),
    ("fr", "Combien font vingt et un fois trois ?", "21 fois 3 font 63."),
    ("it", "Quanto fa dodici più diciannove?", "12 più 19 fa 31."),
    ("pt", "Quanto é sete vezes oito?", "7 vezes 8 é 56."),
    ("es", "\u00bfCu\u00e1nto es 17 por 23?", "17 por 23 es 391."),
    ("es", "\u00bfCu\u00e1nto es el 15% de 80?", "El 15 por ciento de 80 es 12."),
    ("fr", "Combien font 17 fois 23 ?", "17 fois 23 font 391."),
    ("de", "Wie viel ist 15 Prozent von 80?", "15 Prozent von 80 ist 12."),
    ("de", "Was ist 10 geteilt durch 4?", "10 geteilt durch 4 ist 2,5."),
    ("de", "Was ist 1.000 plus 3,5?", "1000 plus 3,5 ist 1003,5."),
    ("it", "Quanto fa 17 per 23?", "17 per 23 fa 391."),
    ("pt", "Quanto \u00e9 17 vezes 23?", "17 vezes 23 \u00e9 391."),
    ("hi", "17 \u0917\u0941\u0923\u093e 23 \u0915\u093f\u0924\u0928\u093e \u0939\u0948?", None),
    ("ja", "17\u304b\u3051\u308b23\u306f?", None),
    ("zh", "17\u4e58\u4ee523\u7b49\u4e8e\u591a\u5c11\uff1f", None),
]

NO_SUMS = [
    "", "5", "What is five?", "What is 9/11?", "What is 7-11?", "What is 24/7?", "What is 4x4?", "120 over 80",
    "What is 50 percent?", "What is 5 percent of my salary?", "What is one plus one phone?", "C plus plus",
    "What is two times too many?", "What is Catch-22 plus one?", "What is four fifty plus two?", "ten minus me",
    "Three coffees at four fifty each", "What is two and a half times three?", "What is 3 times 4 inches?",
    "half of the people", "What is 10 to the power", "how many days is 2 weeks plus 3 days?", "What is a plus b?",
    "One minus", "What is 2 plus 2 equal to in base 3?", "the square root of evil", "Add milk and eggs",
    "add 5 minutes to the timer", "subtract the fees from 10", "twenty twenty plus one", "1 divided by 0",
    "What is one hundred hundred plus 1", "two thousand three million plus 1", "What is five and six plus one",
    "a plus 5", "What is thirty ten plus 1", "minus plus 1", "two point plus one", "Set a timer for 5 plus 5 minutes",
    "hundred and cats plus 1", "a hundred and cats plus 1", "a hundred and", "the square root of minus one",
]  # fmt: skip


@pytest.mark.parametrize(("question", "answer"), SUMS.items())
def test_a_sum_is_answered(question: str, answer: str) -> None:
    known = answer_to_sum(question)
    assert known is not None
    assert known.text == answer


@pytest.mark.parametrize(("language", "question", "answer"), OTHER_LANGUAGES)
def test_a_sum_in_another_language(language: str, question: str, answer: str | None) -> None:
    known = answer_to_sum(question, language)
    assert known is not None
    assert known.text == answer if answer else "391" in known.text


@pytest.mark.parametrize("question", NO_SUMS)
def test_what_is_no_sum_is_left_to_the_model(question: str) -> None:
    assert answer_to_sum(question) is None


def test_other_languages_are_left_to_the_model() -> None:
    assert answer_to_sum("17 times 23", "xx") is None


def test_a_chain_has_an_end() -> None:
    assert plain_sum("1" + " plus 1" * MAX_OPERATIONS) is not None
    assert plain_sum("1" + " plus 1" * (MAX_OPERATIONS + 1)) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["plus", "minus", "times", "+", "*"]))
def test_the_answer_is_right(a: int, b: int, operation: str) -> None:
    known = answer_to_sum(f"What is {a} {operation} {b}?")
    results = {"plus": a + b, "+": a + b, "minus": a - b, "times": a * b, "*": a * b}
    assert known is not None
    assert known.text.endswith(f" is {results[operation]}.")


WORDS = st.sampled_from(
    [*SMALL, *LARGE, "hundred", "and", "a", "point", "minus", "plus", "times", "of", "percent", "5"]
)


@given(st.lists(WORDS | st.text(max_size=5), max_size=8).map(" ".join), st.sampled_from(["en", "de", "fr", "zh"]))
def test_any_text_is_read_without_an_error(text: str, language: str) -> None:
    answer_to_sum(text, language)


@given(st.lists(WORDS, max_size=6).map(" ".join), st.text(alphabet="bcdgjkq", min_size=2, max_size=6))
def test_a_word_that_belongs_to_no_sum_leaves_none(text: str, word: str) -> None:
    assert answer_to_sum(f"{text} {word}") is None
    assert answer_to_sum(f"{word} {text}") is None


@given(st.integers(0, MOST_SPELLED), st.sampled_from([(one, way) for one, ways in SPELLED.items() for way in ways]))
def test_numbers_in_the_words_of_other_languages(number: int, language: tuple[str, str]) -> None:
    from num2words import num2words

    words = num2words(number, lang=language[1]).casefold()
    assert number_at(words, 0, language[0]) == (str(number), len(words))
    assert number_at(words.replace(" ", "-"), 0, language[0]) == (str(number), len(words))


@given(st.integers(0, 10**9 - 1))
def test_numbers_in_words(number: int) -> None:
    from num2words import num2words

    words = num2words(number).replace(",", "")
    assert number_at(words, 0, "en") == (str(number), len(words))
