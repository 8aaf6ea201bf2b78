"""Ends of words among phonemes, by what espeak makes of sentences and of their words alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.engines.kokoro.words import MARKS, aligned, split_ends, word_ends

SYMBOLS = st.text("aʌvðɹ ˈː,.", max_size=30)
SOUNDS = st.text("aʌvðɹˈː", min_size=1, max_size=8).filter(lambda word: any(c not in "ˈː" for c in word))


def said(spoken: str, alone: list[str]) -> list[str]:
    """What is between one end and the next, without spaces and marks."""
    ends = word_ends(spoken, alone)
    parts = [spoken[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    return ["".join(c for c in part if c not in MARKS) for part in parts]


@pytest.mark.parametrize(
    ("spoken", "alone", "expected"),
    [
        ("ɪt wɪl ɹˈeɪn.", ["ɪt", "wɪl", "ɹˈeɪn."], ["ɪt", "wɪl", "ɹˈeɪn"]),
        ("kˈʌp ʌvðə wˈɔːɾɚ.", ["kˈʌp", "ʌv", "ðə", "wˈɔːɾɚ."], ["kˈʌp", "ʌv", "ðə", "wˈɔːɾɚ"]),
        ("ɪnðɪ ˌæftɚnˈuːn, sˌoʊ", ["ɪn", "ðə", "ˌæftɚnˈuːn,", "sˈoʊ"], ["ɪn", "ðɪ", "ˌæftɚnˈuːn", "sˌoʊ"]),
        ("stˈɑːɹts æɾə kwˈɔːɹɾɚ", ["stˈɑːɹts", "æt", "ɐ", "kwˈɔːɹɾɚ"], ["stˈɑːɹts", "æɾ", "ə", "kwˈɔːɹɾɚ"]),
        ("kˈɔːɹnɚɹ ʌvðə skwˈɛɹ", ["kˈɔːɹnɚ", "ʌv", "ðə", "skwˈɛɹ"], ["kˈɔːɹnɚɹ", "ʌv", "ðə", "skwˈɛɹ"]),
        ("lˈʌndən ˌɛndˈʌbəljˌuː wˈʌn.", ["lˈʌndən", "ˌɛndˈʌbəljˌuː wˈʌn."], ["lˈʌndən", "ˌɛndˈʌbəljˌuːwˈʌn"]),
        ("wˈɛl — nˈoʊ", ["wˈɛl", "—", "nˈoʊ"], ["wˈɛl", "", "nˈoʊ"]),
        ("ʌvðə", ["—", "ʌv", "", "ðə"], ["", "ʌv", "", "ðə"]),
        ("", ["", "—"], ["", ""]),
    ],
)
def test_each_word_has_its_sounds(spoken: str, alone: list[str], expected: list[str]) -> None:
    assert said(spoken, alone) == expected


@given(st.lists(SOUNDS, min_size=1, max_size=8))
def test_words_that_are_spoken_as_they_are_alone_end_where_they_are_written(words: list[str]) -> None:
    assert said(" ".join(words), words) == words


@given(SYMBOLS, st.lists(SYMBOLS, max_size=6))
def test_ends_never_decrease_and_lie_inside(spoken: str, alone: list[str]) -> None:
    ends = word_ends(spoken, [" ".join(word.split()) for word in alone])
    assert len(ends) == len(alone)
    assert ends == sorted(ends)
    assert all(0 <= end <= len(spoken) for end in ends)


@given(SYMBOLS, SYMBOLS)
def test_an_alignment_goes_forward_to_the_end(one: str, other: str) -> None:
    reached = aligned(one, other)
    assert len(reached) == len(one) + 1
    assert reached == sorted(reached)
    assert reached[-1] == len(other)


@given(SYMBOLS)
def test_a_text_is_aligned_with_itself(text: str) -> None:
    assert aligned(text, text) == list(range(len(text) + 1))


@given(st.lists(SOUNDS, min_size=1, max_size=8), st.data())
def test_a_batch_has_the_words_that_end_in_it(words: list[str], data: st.DataObject) -> None:
    phonemes = " ".join(words)
    ends = word_ends(phonemes, words)
    cut = data.draw(st.integers(0, len(words) - 1))
    batches = [batch for batch in (" ".join(words[:cut]), " ".join(words[cut:])) if batch]
    found = split_ends(ends, phonemes, batches)
    assert [len(some) for some in found] == [len(batch.split()) for batch in batches]
    for batch, some in zip(batches, found, strict=True):
        assert [batch[:end].split()[-1] for end in some] == batch.split()


def test_a_word_that_is_cut_ends_in_the_second_part() -> None:
    assert split_ends([3, 8], "aaa bbbb", ["aaa bb", "bb"]) == [[3], [2]]


def test_without_phonemes_no_word_ends() -> None:
    assert split_ends([0, 0], "", []) == []
