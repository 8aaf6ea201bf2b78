"""Whisper's tokens as words with times. Pure.

The decoder's cross-attention tells which sound each token was read from; CTranslate2 finds the best monotone path
through it (dynamic time warping, as in OpenAI's `whisper/timing.py`). Here that path becomes words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean

from voicecli.languages import UNSPACED
from voicecli.types import Word

STATE_S = 0.02  # sound of one encoder state
OPENING = frozenset("\"'“‘([{¿¡「『《«")
MARKS = OPENING | frozenset("”’)]}」』》».。,，!！?？:：;；、…-–—")
"""Make no sound of their own: a pause that falls on one is not part of the word. Unlike "%" or "&", which are said."""


@dataclass(frozen=True, slots=True)
class Bit:
    """The least text that is made of whole characters: a token, or the few that make up one character."""

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
    """Bits with their times. `path` pairs tokens with encoder states; the token after the last is the text's end."""
    starts_s: dict[int, float] = {}
    for token, state in path:
        starts_s.setdefault(token, state * STATE_S)
    bounds = pairwise(accumulate(map(len, tokens), initial=0))
    return [
        Bit(text, starts_s[begin], starts_s[end], fmean(probabilities[begin:end]))
        for text, (begin, end) in zip(texts, bounds, strict=True)
    ]


def join_words(bits: Sequence[Bit], language: str) -> list[Word]:
    """Words as they are written: between spaces, or each bit by itself in a language without them."""
    groups: list[list[Bit]] = []
    for bit in bits:
        if not groups or _begins_word(bit, groups[-1], spaced=language not in UNSPACED):
            groups.append([])
        groups[-1].append(bit)
    return [word for group in groups if (word := _word(group)).text]


def _begins_word(bit: Bit, before: Sequence[Bit], *, spaced: bool) -> bool:
    """Whether a word begins here."""
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
