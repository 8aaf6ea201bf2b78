"""Where the sound of a recording ends, and where that of a word does."""

from __future__ import annotations

import numpy as np
import pytest

from voicecli.engines.whisper.sound import TAIL_S, trim_words, without_tail
from voicecli.types import LISTEN_RATE_HZ, Pcm, Word


def tone(seconds: float, peak: float) -> Pcm:
    return (peak * np.sin(np.arange(round(seconds * LISTEN_RATE_HZ)) / 5)).astype(np.int16)


def spans(words: list[tuple[float, float]], pcm: Pcm) -> list[tuple[float, float]]:
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
    assert spans([(0.0, 1.8), (1.8, 3.2)], pcm) == [(1.0, 1.5), (2.5, 3.0)]


def test_words_that_touch_and_words_with_a_pause_inside_stay_as_they_are() -> None:
    pcm = np.concatenate([tone(1, 9000), tone(0.5, 0), tone(1, 9000)])
    assert spans([(0.0, 0.4), (0.4, 2.0), (2.0, 2.4)], pcm) == [(0.0, 0.4), (0.4, 2.0), (2.0, 2.4)]


def test_a_soft_word_between_loud_ones_keeps_its_times() -> None:
    pcm = np.concatenate([tone(1, 9000), tone(0.5, 150), tone(1, 9000)])
    assert spans([(1.02, 1.48)], pcm) == [(1.02, 1.48)]


def test_a_word_that_was_taken_for_silence_is_moved_to_the_nearest_sound() -> None:
    pcm = np.concatenate([tone(2, 0), tone(1, 9000), tone(1, 0)])
    assert spans([(0.0, 0.3), (0.3, 2.5), (2.5, 3.2), (3.2, 4.5)], pcm) == [(2, 2), (2, 2.5), (2.5, 3), (3, 3)]


@pytest.mark.parametrize("pcm", [tone(0, 0), tone(0.01, 9000)], ids=["nothing", "half a step"])
def test_what_is_shorter_than_a_step_has_no_times(pcm: Pcm) -> None:
    assert spans([(0.0, 0.3)], pcm) == [(0.0, 0.0)]
