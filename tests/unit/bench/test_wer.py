"""Word errors are counted in one spelling."""

from __future__ import annotations

import pytest

from voicecli.bench.result import Metric
from voicecli.bench.wer import normalize, wer_metric, word_errors


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I've got a 20 oz Latté, please!", "i have got a twenty oz latte please"),
        ("Um, the colour is grey.", "the color is gray"),
        ("Set a timer for 25 minutes", "set a timer for twenty five minutes"),
        ("It costs $20 million [laughs]", "it costs twenty million dollars"),
    ],
)
def test_english_that_sounds_the_same_is_the_same(one: str, other: str) -> None:
    assert normalize(one) == normalize(other)


def test_replaced_lost_and_added_words_are_errors() -> None:
    assert word_errors("the boat drifted past the bridge", "A boat drifted past bridge slowly.") == (3, 6)
    assert word_errors("good morning", "") == (2, 2)


def test_what_is_heard_where_nothing_was_said_is_an_error_of_no_words() -> None:
    assert word_errors("", "thank you") == (2, 0)


def test_the_share_of_wrong_words_is_reported_for_each_text_that_has_words() -> None:
    found = wer_metric("whisper-base", "WER", [("a.wav", (1, 4)), ("b.wav", (2, 0)), ("c.wav", (3, 2))])
    assert found == Metric("whisper-base", "WER", "%", (25.0, 150.0), of=("a.wav", "c.wav"))


def test_other_languages_keep_their_numbers_and_some_are_counted_by_character() -> None:
    assert word_errors("Drei Äpfel, bitte!", "drei äpfel bitte", "de") == (0, 3)
    assert word_errors("今日は", "今日も", "ja") == (1, 3)
