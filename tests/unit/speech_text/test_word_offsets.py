"""Which written words have been said, by the voice's place among the spoken ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.speech_text.word_offsets import count_written_words

WORDS = st.lists(st.sampled_from(["the", "a", "of", "three", "pounds", "£3", "tea"]), max_size=12)


@pytest.mark.parametrize(
    ("written", "spoken", "expected"),
    [
        ("It costs £3 now.", "It costs three pounds now.", [1, 2, 2, 3, 4]),
        ("See you on 3 May 2024 then.", "See you on the third of May twenty twenty-four then.", None),
        ("A-B and C", "A B and C", [0, 1, 2, 3]),
        ("one two * three", "one two three", [1, 2, 4]),
        ("Dr Who", "Doctor Who", [1, 2]),
        ("tea ***", "tea", [2]),
        ("***", "", []),
    ],
)
def test_words_that_differ_count_when_all_of_them_are_said(
    written: str, spoken: str, expected: list[int] | None
) -> None:
    covered = count_written_words(written.split(), spoken.split())
    assert covered == expected if expected is not None else covered[2] == 3 and covered[-2:] == [6, 7]


@given(WORDS)
def test_the_same_words_cover_each_other(words: list[str]) -> None:
    assert count_written_words(words, words) == list(range(1, len(words) + 1))


@given(WORDS, WORDS)
def test_the_voice_never_goes_back_and_covers_all_at_its_end(written: list[str], spoken: list[str]) -> None:
    covered = count_written_words(written, spoken)
    assert len(covered) == len(spoken)
    assert covered == sorted(covered)
    assert not covered or (covered[0] >= 0 and covered[-1] == len(written))
