from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.speech_text.subtitles import CUE_LINES, CUE_S, LINE_CHARACTERS, TimedText, cues, spread, srt, vtt

TEXTS = st.lists(st.text("abcdefg", min_size=1, max_size=12), max_size=40)


def said(text: str, word_s: float = 0.5, from_s: float = 0.0) -> list[TimedText]:
    """Words of equal length, one after the other."""
    return [TimedText(word, from_s + at * word_s, from_s + (at + 1) * word_s) for at, word in enumerate(text.split())]


def test_a_sentence_is_a_cue() -> None:
    assert cues(said("Stop here. Go on!")) == [TimedText("Stop here.", 0, 1), TimedText("Go on!", 1, 2)]


def test_a_silence_begins_a_cue() -> None:
    assert [cue.text for cue in cues([*said("one two"), *said("three", from_s=2)])] == ["one two", "three"]
    assert [cue.text for cue in cues([*said("one two"), *said("three", from_s=1.9)])] == ["one two three"]


@given(TEXTS)
def test_a_cue_can_be_read_and_none_loses_a_word(words: list[str]) -> None:
    found = cues(said(" ".join(words)))
    assert " ".join(cue.text for cue in found).split() == words
    for cue in found:
        assert cue.end_s - cue.start_s <= CUE_S
        assert len(cue.text) <= CUE_LINES * (LINE_CHARACTERS + 1)
    assert all(one.end_s <= other.start_s for one, other in zip(found, found[1:], strict=False))


@given(TEXTS, st.floats(0, 1000), st.floats(0, 30))
def test_words_without_times_share_their_audio_chunk(words: list[str], start_s: float, audio_s: float) -> None:
    found = spread(" ".join(words), start_s, start_s + audio_s)
    assert [word.text for word in found] == words
    if words:
        assert found[0].start_s == start_s
        assert found[-1].end_s == pytest.approx(start_s + audio_s)


def test_longer_words_take_longer() -> None:
    assert spread("a bcd", 1, 5) == [TimedText("a", 1, 2), TimedText("bcd", 2, 5)]


def test_subrip() -> None:
    text = srt([TimedText("Hello <there>.", 0.0, 1.2345), TimedText("Bye.", 3599.9996, 360_000)])
    assert text == ("1\n00:00:00,000 --> 00:00:01,234\nHello <there>.\n\n2\n01:00:00,000 --> 100:00:00,000\nBye.\n\n")


def test_webvtt_has_no_mark_up_in_its_text() -> None:
    assert vtt([TimedText("<b> & c", 61.5, 62)]) == "WEBVTT\n\n00:01:01.500 --> 00:01:02.000\n&lt;b&gt; &amp; c\n\n"


def test_long_texts_have_two_lines() -> None:
    [shown] = [line for line in srt([TimedText("abc " * 15, 0, 1)]).split("\n\n") if line]
    assert [len(line) <= LINE_CHARACTERS for line in shown.splitlines()[2:]] == [True, True]
