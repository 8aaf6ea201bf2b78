from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.speech_text.loops import LOOP_CHARS, LOOP_WORDS, WINDOW_CHARS, examine, words_of

LINES = (
    "a partridge in a pear tree", "two turtle doves", "three French hens", "four calling birds", "five gold rings",
    "six geese a-laying", "seven swans a-swimming", "eight maids a-milking", "nine ladies dancing",
    "ten lords a-leaping", "eleven pipers piping", "twelve drummers drumming",
)  # fmt: skip
DAYS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
]
TWELVE_DAYS = "\n\n".join(
    f"On the {name} day of Christmas my true love gave to me " + ",\n".join([*LINES[day:0:-1], ""][: day + 1])
    + ("and " if day else "") + LINES[0] + "."
    for day, name in enumerate(DAYS)
)  # fmt: skip
REFRAIN = "Oh, the wind and the rain, the wind and the rain, for the rain it raineth every day.\n"
POEM = "".join(f"{verse}\n{REFRAIN}\n" for verse in (
    "When that I was and a little tiny boy, a foolish thing was but a toy.",
    "But when I came to man's estate, 'gainst knaves and thieves men shut their gate.",
    "But when I came, alas, to wive, by swaggering could I never thrive.",
    "But when I came unto my beds, with tosspots still had drunken heads.",
    "A great while ago the world begun, but that's all one, our play is done.",
))  # fmt: skip
BOTTLES = "\n".join(
    f"{n} bottles of beer on the wall, {n} bottles of beer. Take one down, pass it around, {n - 1} bottles of beer."
    for n in range(99, 60, -1)
)


def cut_at(text: str) -> int | None:
    """Where it is noticed that a text, which arrives a few letters at a time, is a loop."""
    return next((end for end in range(1, len(text) + 1, 7) if examine(text[:end]).is_loop), None)


@pytest.mark.parametrize(
    "text",
    [
        TWELVE_DAYS,
        POEM,
        BOTTLES,
        ", ".join(map(str, range(1, 121))),
        "\n".join(f"{n} times seven is {7 * n}." for n in range(1, 31)),
        "\n".join(f"{n}. Apples number {chr(96 + n)}" for n in range(1, 21)),
        "To the swinging and the ringing of the bells, bells, bells, of the bells, bells, bells, bells, bells, bells, "
        "bells, to the rhyming and the chiming of the bells!",
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
        "Good morning, my friend. " * 5,
        "One third is 0." + "3" * 40 + ", and a thousand is 1" + "0" * 30,
        "東京は日本の首都です。京都は昔の首都です。大阪は大きい町です。",
        "| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n\n" + "-" * 80,
    ],
)
def test_what_people_write_is_no_loop(text: str) -> None:
    assert cut_at(text) is None


@pytest.mark.parametrize(
    ("text", "fresh"),
    [
        ("You should drink water. It is good for you. " * 20, "You should drink water. It is good for you."),
        (
            "1. Eat well.\n2. Sleep.\n" + "".join(f"{n}. Drink water.\n" for n in range(3, 40)),
            "1. Eat well.\n2. Sleep.\n3. Drink water.\n",
        ),
        ("It is " + "red, " * 50, "It is red, red,"),
        ("你好，我是助手。" * 30, "你好，我是助手。"),
        ("Don't worry. DON’T worry! " * 20, "Don't worry."),
    ],
)  # fmt: skip
def test_before_a_loop_is_noticed_its_second_round_is_held_back(text: str, fresh: str) -> None:
    end = cut_at(text)
    assert end is not None
    assert text[: examine(text[:end]).fresh_end] == fresh


def test_sentences_in_any_order_are_a_loop_as_well() -> None:
    sentences = ("I like red apples. ", "You are a nice person. ", "We go home now. ")
    shuffled = "".join(random.Random(7).choices(sentences, k=200))
    assert cut_at(shuffled) is not None


@given(st.text(min_size=1, max_size=100), st.text(max_size=60))
def test_whatever_is_repeated_is_cut_soon(unit: str, before: str) -> None:
    text = before + unit * (2 + (5 * LOOP_CHARS) // len(unit) + 5)
    assert cut_at(text[: len(before) + 5 * len(unit) + 2 * LOOP_CHARS + LOOP_WORDS]) is not None


@given(st.text(max_size=300))
def test_what_is_held_back_only_grows_or_is_let_go(text: str) -> None:
    passed = 0
    for end in range(len(text) + 1):
        fresh_end = examine(text[:end]).fresh_end
        assert 0 <= fresh_end <= end
        assert fresh_end >= passed or not text[fresh_end:passed].strip()
        passed = max(passed, fresh_end)


@given(st.lists(st.text("abcdefghij", min_size=1, max_size=8), unique=True, max_size=120))
def test_new_words_are_let_through_at_once(words: list[str]) -> None:
    text = " ".join(words)
    assert examine(text).fresh_end == len(text)
    assert not examine(text).is_loop


def test_a_repeated_beginning_is_held_until_it_goes_on_differently() -> None:
    said = "Paris is in France. "
    assert examine(f"{said}Par").fresh_end == len(said) - 1
    assert examine(f"{said}Paris is").fresh_end == len(said) - 1
    assert examine(f"{said}Paris is o").fresh_end == len(f"{said}Paris is o")
    assert examine(f"{said}It").fresh_end == len(f"{said}It")
    assert examine("Do this:\n1. Stand up.\n2.").fresh_end == len("Do this:\n1. Stand up.\n")


def test_only_the_end_of_a_long_text_is_looked_at() -> None:
    long = " ".join(f"word{at}" for at in range(WINDOW_CHARS))
    assert examine(long).fresh_end == len(long)
    assert cut_at(long[:WINDOW_CHARS] + "zero " * 200) is not None


def test_words_are_compared_without_case_marks_and_numbers_of_lists() -> None:
    assert words_of("1. Don’t STOP!\n- Go; 2 times. 東京") == ["don't", "stop", "go", "2", "times", "東", "京"]
