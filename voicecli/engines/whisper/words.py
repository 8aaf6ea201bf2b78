"""Convert Whisper's tokens to words with times, and trim silence by level. Pure.

The decoder's cross-attention shows which sound each token was read from; CTranslate2 finds the best monotone path
through it (dynamic time warping, as in OpenAI's `whisper/timing.py`). This module turns that path into words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from voicecli.languages import UNSPACED
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm, Word

STATE_S = 0.02  # sound of one encoder state
OPENING = frozenset("\"'“‘([{¿¡「『《«")
MARKS = OPENING | frozenset("”’)]}」』》».。,，!！?？:：;；、…-–—")
"""Marks without sound: a pause at one is not part of the word. "%" or "&" are spoken, and not among them."""

TAIL_DB, TAIL_S = 40.0, 0.3  # level below the loudest of the silent tail, and how much of it to keep for soft endings
WORD_DB = 30.0  # level below the loudest of silence at the edge of a word
LOUDEST_STEPS = 10  # 0.2 s, so that soft speech is not a tail because of a click


@dataclass(frozen=True, slots=True)
class Bit:
    """The smallest text of whole characters: a token, or the tokens of one character."""

    text: str  # with the space before it
    start_s: float
    end_s: float
    probability: float  # mean over its tokens


def time_bits(
    texts: Sequence[str],
    tokens: Sequence[Sequence[int]],
    path: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
) -> list[Bit]:
    """Return bits with their times. `path` pairs tokens with encoder states; an extra token marks the text's end."""
    starts_s: dict[int, float] = {}
    for token, state in path:
        starts_s.setdefault(token, state * STATE_S)
    bounds = pairwise(accumulate(map(len, tokens), initial=0))
    return [
        Bit(text, starts_s[begin], starts_s[end], fmean(probabilities[begin:end]))
        for text, (begin, end) in zip(texts, bounds, strict=True)
    ]


def join_words(bits: Sequence[Bit], language: str) -> list[Word]:
    """Return written words: between spaces, or each bit by itself in a language without spaces."""
    groups: list[list[Bit]] = []
    for bit in bits:
        if not groups or _begins_word(bit, groups[-1], spaced=language not in UNSPACED):
            groups.append([])
        groups[-1].append(bit)
    return [word for group in groups if (word := _word(group)).text]


def _begins_word(bit: Bit, before: Sequence[Bit], *, spaced: bool) -> bool:
    """Return whether a word begins here."""
    if spaced:
        return bit.text[:1].isspace()
    opened = set("".join(one.text for one in before).strip()) <= OPENING
    mark = bit.text.strip()
    return not opened and (_sounds(mark) or mark in OPENING)


def _word(bits: Sequence[Bit]) -> Word:
    sounding = [bit for bit in bits if _sounds(bit.text)] or bits
    text = "".join(bit.text for bit in bits).strip()
    return Word(text, sounding[0].start_s, sounding[-1].end_s, fmean(bit.probability for bit in sounding))


def _sounds(text: str) -> bool:
    return not set(text.strip()) <= MARKS


def without_tail(pcm: Pcm) -> Pcm:
    """Cut the recording shortly after its last sound: encoding silence takes as long as encoding speech."""
    sounding = np.flatnonzero(_loud_steps(pcm, TAIL_DB))
    if not len(sounding):
        return pcm
    return pcm[: (sounding[-1] + 1) * FRAME_SAMPLES + round(TAIL_S * LISTEN_RATE_HZ)]


def trim_words(words: Iterable[Word], pcm: Pcm) -> tuple[Word, ...]:
    """Trim the silence at the edges of words, which the aligner assigns to one neighbor or the other.

    A word that is entirely softer keeps its times. All words lie between the first sound and the last.
    """
    sounds = np.flatnonzero(_loud_steps(pcm, TAIL_DB))
    first_s, last_s = (sounds[0] * FRAME_S, (sounds[-1] + 1) * FRAME_S) if len(sounds) else (0.0, 0.0)
    sounding = _loud_steps(pcm, WORD_DB)
    return tuple(_trim_word(word, sounding, first_s, last_s) for word in words)


def _trim_word(word: Word, sounding: NDArray[np.bool_], first_s: float, last_s: float) -> Word:
    start_s, end_s = (min(max(at_s, first_s), last_s) for at_s in (word.start_s, word.end_s))
    first = int(start_s / FRAME_S + 0.5)
    steps = first + np.flatnonzero(sounding[first : int(end_s / FRAME_S + 0.5)])
    if len(steps):
        start_s, end_s = max(start_s, steps[0] * FRAME_S), min(end_s, (steps[-1] + 1) * FRAME_S)
    return replace(word, start_s=round(float(start_s), 3), end_s=round(float(end_s), 3))


def _loud_steps(pcm: Pcm, below_db: float) -> NDArray[np.bool_]:
    """Return for each 20 ms step whether it is within `below_db` of the loudest ones, shape (steps,)."""
    steps = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].astype(np.float32).reshape(-1, FRAME_SAMPLES)
    levels_db = 10 * np.log10((steps**2).mean(axis=1) + 1)
    if not len(levels_db):
        return np.zeros(0, np.bool_)
    sounding: NDArray[np.bool_] = levels_db > np.sort(levels_db)[-LOUDEST_STEPS:].mean() - below_db
    return sounding
