"""Find where each word of a text ends in Kokoro's phonemes. Pure.

espeak phonemizes sentences, not words: it joins small words ("of the" is one), reads others as several ("NW1"), and
changes sounds where words meet. The phonemes of each word alone show where the words are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

MARKS = frozenset(';:,.!?—…"()“” ')
"""Symbols of Kokoro's vocabulary without sound; their frames are the pause between two words."""

STRESS = frozenset("ˈˌ")
"""Stress marks; they move when words meet, so they do not help to match a sound to a word."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Phonemes for one run of the model."""

    tokens: Sequence[int]
    word_ends: Sequence[int]  # of each word that ends in it: tokens up to the end of its last sound


def word_ends(spoken: str, alone: Sequence[str]) -> list[int]:
    """Return, for each word, how many symbols of `spoken` have been said at the end of its last sound.

    `spoken` are the phonemes of the text, `alone` those of each word by itself. The result is exact if the text has as
    many spoken as written words; otherwise it follows the alignment with the fewest differences. It never decreases; a
    word without any sound ends where the word before it does.
    """
    groups = [group for group in _groups(spoken) if _sounds(spoken[slice(*group)])]
    sounding = [bool(_sounds(word)) for word in alone]
    if len(groups) == sum(sounding):
        ends = [0, *(end for _, end in groups)]
        return [_without_trailing_marks(spoken, ends[count]) for count in accumulate(sounding)]
    plain = "".join(c for c in spoken if c not in STRESS)
    places = [i + 1 for i, c in enumerate(spoken) if c not in STRESS]
    words = ["".join(c for c in word if c not in STRESS) for word in alone]
    reached = aligned(" ".join(word for word in words if word), plain)
    lengths = accumulate(len(word) + 1 if word else 0 for word in words)
    columns = [reached[max(0, length - 1)] for length in lengths]
    return [_without_trailing_marks(spoken, places[column - 1] if column else 0) for column in columns]


def split_ends(ends: Sequence[int], phonemes: str, batches: Sequence[str]) -> list[list[int]]:
    """Convert `ends` in `phonemes` to ends in its batches, between which only spaces were lost."""
    if not batches:
        return []
    said = [0, *accumulate(not c.isspace() for c in phonemes)]
    totals = list(accumulate(sum(not c.isspace() for c in batch) for batch in batches))
    found: list[list[int]] = [[] for _ in batches]
    for end in ends:
        index = min(bisect_left(totals, said[end]), len(batches) - 1)
        inside = said[end] - (totals[index - 1] if index else 0)
        counts = [0, *accumulate(not c.isspace() for c in batches[index])]
        found[index].append(bisect_left(counts, inside))
    return found


def aligned(one: str, other: str) -> list[int]:
    """Return, for each prefix of `one`, the longest prefix of `other` aligned to it by the cheapest edits.

    A space is never aligned to a sound.
    """
    left, right = (np.array([ord(c) for c in text], np.int64) for text in (one, other))
    columns = np.arange(len(other) + 1)
    costs = np.empty((len(one) + 1, len(other) + 1), np.int64)
    costs[0] = columns
    swaps = (left[:, None] != right).astype(np.int64) + ((left == ord(" "))[:, None] != (right == ord(" ")))
    for row, swap in enumerate(swaps):
        best = costs[row] + 1
        best[1:] = np.minimum(best[1:], costs[row, :-1] + swap)
        # An insertion costs one for each column: a running minimum once that slope is taken off.
        costs[row + 1] = np.minimum.accumulate(best - columns) + columns
    reached, row, column = [0] * len(one) + [len(other)], len(one), len(other)
    while row:
        if column and costs[row, column] == costs[row - 1, column - 1] + swaps[row - 1, column - 1]:
            row, column = row - 1, column - 1
        elif costs[row, column] == costs[row - 1, column] + 1:
            row -= 1
        else:
            column -= 1
            continue
        reached[row] = column
    return reached


def _groups(spoken: str) -> list[tuple[int, int]]:
    """Return begin and end of each run without spaces."""
    begins = [i for i, c in enumerate(spoken) if c != " " and (i == 0 or spoken[i - 1] == " ")]
    ends = [i + 1 for i, c in enumerate(spoken) if c != " " and (i + 1 == len(spoken) or spoken[i + 1] == " ")]
    return list(zip(begins, ends, strict=True))


def _sounds(phonemes: str) -> bool:
    return any(c not in MARKS for c in phonemes)


def _without_trailing_marks(spoken: str, end: int) -> int:
    while end and spoken[end - 1] in MARKS:
        end -= 1
    return end
