"""Subtitles (SRT and WebVTT) from words with times. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LINE_CHARACTERS, CUE_LINES = 42, 2
"""Characters in a line and lines in a cue (Netflix' Timed Text Style Guide)."""

CUE_S = 7.0
"""Longest duration of a cue (ibid.)."""

GAP_S = 1.0
"""A silence this long starts a new cue."""

SENTENCE_ENDS = tuple(".?!…。？！")


@dataclass(frozen=True, slots=True)
class TimedText:
    """Text and when it was said, in seconds of the recording."""

    text: str
    start_s: float
    end_s: float


def spread(text: str, start_s: float, end_s: float) -> list[TimedText]:
    """Divide a time span among the words of a text by their lengths."""
    words = text.split()
    per_character_s = (end_s - start_s) / max(1, sum(map(len, words)))
    spread_words: list[TimedText] = []
    for word in words:
        until_s = start_s + per_character_s * len(word)
        spread_words.append(TimedText(word, start_s, until_s))
        start_s = until_s
    return spread_words


def cues(words: Iterable[TimedText]) -> list[TimedText]:
    """Join words, in order, into cues of at most one sentence each."""
    found: list[TimedText] = []
    for word in words:
        last = found[-1] if found else None
        if last is None or not _belongs(word, last):
            found.append(word)
        else:
            found[-1] = TimedText(f"{last.text} {word.text}", last.start_s, word.end_s)
    return found


def _belongs(word: TimedText, cue: TimedText) -> bool:
    return (
        not cue.text.endswith(SENTENCE_ENDS)
        and len(_lines(f"{cue.text} {word.text}")) <= CUE_LINES
        and word.end_s - cue.start_s <= CUE_S
        and word.start_s - cue.end_s < GAP_S
    )


def _lines(text: str) -> list[str]:
    return textwrap.wrap(text, LINE_CHARACTERS)


def srt(cues: Sequence[TimedText]) -> str:
    """Format as SubRip: numbered from 1, times with a comma."""
    return "".join(
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{_shown(cue)}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def vtt(cues: Sequence[TimedText]) -> str:
    """Format as WebVTT (W3C): a header, times with a point, and escaped text."""
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n{_escaped(_shown(cue))}\n\n" for cue in cues
    )


def _shown(cue: TimedText) -> str:
    return "\n".join(_lines(cue.text))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    """Format as 00:00:00.000; hours may have more digits."""
    whole_ms = round(seconds * 1000)
    minutes, ms = divmod(whole_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{point}{ms % 1000:03}"
