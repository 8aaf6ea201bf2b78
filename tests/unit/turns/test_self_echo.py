"""The assistant's own words are known again; a user may repeat them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.turns.self_echo import AFTER_S, MIN_WORDS, SelfEchoFilter, fewest_edits, letters

ANSWER = "Once upon a time there was a **king** who had three daughters, and each of them kept a dragon."
END_S = 100.0


@pytest.fixture
def own() -> SelfEchoFilter:
    voice = SelfEchoFilter(audible=True)
    voice.note_spoken(ANSWER, END_S)
    return voice


@pytest.mark.parametrize(
    "heard",
    [
        "there was a king who had three daughters",
        "There was a king, who had free doctors and each",
        "once upon a time",
        "of them kept the dragons",
    ],
)
def test_its_own_words_are_known_again_misheard_ones_too(own: SelfEchoFilter, heard: str) -> None:
    assert own.is_echo(heard, END_S - 2.0)


@pytest.mark.parametrize(
    "heard",
    [
        "stop",
        "three daughters",
        "the three daughters",
        "what is the weather like today",
        "tell me about the dragon instead of the king",
        "once upon a time is how all of your stories begin",
        "",
    ],
)
def test_words_of_the_user_s_are_left_alone(own: SelfEchoFilter, heard: str) -> None:
    assert not own.is_echo(heard, END_S - 2.0)


def test_who_waits_for_the_end_may_repeat_it(own: SelfEchoFilter) -> None:
    assert own.is_echo("there was a king who had three daughters", END_S + AFTER_S)
    assert not own.is_echo("there was a king who had three daughters", END_S + AFTER_S + 0.01)


def test_who_has_said_nothing_hears_no_echo() -> None:
    assert not SelfEchoFilter(audible=True).is_echo("there was a king who had three daughters", 0.0)


words = st.lists(st.text("abcdefghij", min_size=1, max_size=8), max_size=30)


@given(words, st.integers(0, 30), st.integers(MIN_WORDS, 30))
def test_whatever_was_spoken_is_known_again_from_any_word_on(spoken: list[str], begin: int, count: int) -> None:
    voice = SelfEchoFilter(audible=True)
    voice.note_spoken(" ".join(spoken), END_S)
    heard = spoken[begin : begin + count]
    assert voice.is_echo(", ".join(heard).upper(), END_S) == (len(heard) >= MIN_WORDS)


@given(words, st.floats(AFTER_S + 0.01, 1e6))
def test_nothing_that_came_later_is_an_echo(spoken: list[str], later_s: float) -> None:
    voice = SelfEchoFilter(audible=True)
    voice.note_spoken(" ".join(spoken), END_S)
    assert not voice.is_echo(" ".join(spoken), END_S + later_s)


@given(st.text("abc", max_size=7), st.text("abc", max_size=12))
def test_the_edits_are_the_fewest_to_any_audio_chunk(part: str, whole: str) -> None:
    audio_chunks = [whole[i:j] for i in range(len(whole) + 1) for j in range(i, len(whole) + 1)]
    assert fewest_edits(part, whole) == min(distance(part, audio_chunk) for audio_chunk in audio_chunks)


def distance(one: str, two: str) -> int:
    row = list(range(len(two) + 1))
    for index, letter in enumerate(one, 1):
        before, row[0] = row[0], index
        for column, other in enumerate(two, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (letter != other))
    return row[-1]


def test_case_marks_and_spaces_are_no_letters() -> None:
    assert letters("The **King's** 3 daugh-ters_") == "thekings3daughters"
