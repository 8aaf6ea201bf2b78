"""Tokens as words: what is written together is one word, and a pause that falls on a mark belongs to none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.engines.whisper.words import TAIL_S, Bit, join_words, time_bits, trim_words, without_tail
from voicecli.types import LISTEN_RATE_HZ, Pcm, Word


def bits(*texts: str) -> list[Bit]:
    """One bit a second."""
    return [Bit(text, float(at), at + 1.0, 0.5) for at, text in enumerate(texts)]


def spans(words: list[Word]) -> list[tuple[str, float, float]]:
    return [(word.text, word.start_s, word.end_s) for word in words]


def test_a_token_lasts_from_its_first_state_to_that_of_the_next() -> None:
    path = [(0, 0), (0, 1), (1, 5), (2, 5), (2, 9), (3, 12)]
    found = time_bits([" Gr", "üße"], [[7], [8, 9]], path, [0.5, 0.2, 0.4])
    assert [(bit.text, bit.start_s, bit.end_s) for bit in found] == [(" Gr", 0.0, 0.1), ("üße", 0.1, 0.24)]
    assert [bit.probability for bit in found] == pytest.approx([0.5, 0.3])


def test_no_tokens_are_no_words() -> None:
    assert join_words(time_bits([], [], [(0, 0)], []), "en") == []


def test_a_word_is_what_stands_between_spaces() -> None:
    assert spans(join_words(bits(" I", " re", "mem", "ber", " you"), "en")) == [
        ("I", 0, 1),
        ("remember", 1, 4),
        ("you", 4, 5),
    ]


def test_marks_are_written_with_their_word_and_not_part_of_its_time() -> None:
    words = join_words(bits(' "', "Well", ",", '"', " he", " said", "."), "en")
    assert spans(words) == [('"Well,"', 1, 2), ("he", 4, 5), ("said.", 5, 6)]


def test_marks_inside_a_word_are_inside_its_time() -> None:
    assert spans(join_words(bits(" medium", "-", "roast", "?"), "en")) == [("medium-roast?", 0, 3)]


@pytest.mark.parametrize("said", ["%", "&", "€"])
def test_a_sign_that_is_said_has_a_time(said: str) -> None:
    assert spans(join_words(bits(" 60", said), "en")) == [(f"60{said}", 0, 2)]


def test_a_mark_by_itself_keeps_its_time_and_a_space_by_itself_is_nothing() -> None:
    assert spans(join_words(bits(" so", " -", " ", " yes"), "en")) == [("so", 0, 1), ("-", 1, 2), ("yes", 3, 4)]


def test_a_word_is_as_probable_as_its_sounding_bits() -> None:
    [word] = join_words([Bit(" a", 0, 1, 0.2), Bit("b", 1, 2, 0.4), Bit(".", 2, 3, 1.0)], "en")
    assert word.probability == pytest.approx(0.3)


def test_without_spaces_each_bit_is_a_word_with_its_marks() -> None:
    words = join_words(bits("「", "今日", "は", "」", "。", "晴", "れ"), "ja")
    assert spans(words) == [("「今日", 1, 2), ("は」。", 2, 3), ("晴", 5, 6), ("れ", 6, 7)]


@given(st.lists(st.sampled_from([" a", " the", "ing", ",", ".", " “", "”", "-", " ", "é"]), max_size=30))
def test_the_words_are_those_of_the_text_in_order(texts: list[str]) -> None:
    words = join_words(bits(*texts), "en")
    assert [word.text for word in words] == "".join(texts).split()
    times = [at for word in words for at in (word.start_s, word.end_s)]
    assert times == sorted(times)


def tone(seconds: float, peak: float) -> Pcm:
    return (peak * np.sin(np.arange(round(seconds * LISTEN_RATE_HZ)) / 5)).astype(np.int16)


def trimmed_spans(words: list[tuple[float, float]], pcm: Pcm) -> list[tuple[float, float]]:
    found = trim_words([Word("w", start_s, end_s, 1.0) for start_s, end_s in words], pcm)
    return [(word.start_s, word.end_s) for word in found]


def test_silence_after_the_speech_is_cut_and_soft_speech_is_not() -> None:
    spoken = np.concatenate([tone(0.5, 0), tone(1.0, 12_000), tone(0.5, 0), tone(1.0, 240)])
    kept = without_tail(np.concatenate([spoken, tone(4.0, 12)]))
    assert len(kept) == len(spoken) + round(TAIL_S * LISTEN_RATE_HZ)


@pytest.mark.parametrize("pcm", [tone(3, 0), tone(3, 500), tone(0.01, 0)], ids=["silence", "hum", "nothing"])
def test_what_is_equally_loud_to_its_end_is_kept(pcm: Pcm) -> None:
    assert len(without_tail(pcm)) == len(pcm)


def test_silence_at_the_edges_of_a_word_is_not_part_of_it() -> None:
    pcm = np.concatenate([tone(1, 0), tone(0.5, 9000), tone(1, 0), tone(0.5, 9000), tone(1, 0)])
    assert trimmed_spans([(0.0, 1.8), (1.8, 3.2)], pcm) == [(1.0, 1.5), (2.5, 3.0)]


def test_words_that_touch_and_words_with_a_pause_inside_stay_as_they_are() -> None:
    pcm = np.concatenate([tone(1, 9000), tone(0.5, 0), tone(1, 9000)])
    assert trimmed_spans([(0.0, 0.4), (0.4, 2.0), (2.0, 2.4)], pcm) == [(0.0, 0.4), (0.4, 2.0), (2.0, 2.4)]


def test_a_soft_word_between_loud_ones_keeps_its_times() -> None:
    pcm = np.concatenate([tone(1, 9000), tone(0.5, 150), tone(1, 9000)])
    assert trimmed_spans([(1.02, 1.48)], pcm) == [(1.02, 1.48)]


def test_a_word_that_was_taken_for_silence_is_moved_to_the_nearest_sound() -> None:
    pcm = np.concatenate([tone(2, 0), tone(1, 9000), tone(1, 0)])
    assert trimmed_spans([(0.0, 0.3), (0.3, 2.5), (2.5, 3.2), (3.2, 4.5)], pcm) == [(2, 2), (2, 2.5), (2.5, 3), (3, 3)]


@pytest.mark.parametrize("pcm", [tone(0, 0), tone(0.01, 9000)], ids=["nothing", "half a step"])
def test_what_is_shorter_than_a_step_has_no_times(pcm: Pcm) -> None:
    assert trimmed_spans([(0.0, 0.3)], pcm) == [(0.0, 0.0)]
