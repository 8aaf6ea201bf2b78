"""Where in Kokoro's phonemes each word of a text ends. Pure.

espeak says a sentence, not words: it joins small ones ("of the" is one), reads others as several ("NW1"), and changes
sounds where words meet. What each word sounds like alone tells them apart again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

MARKS = frozenset(';:,.!?—…"()“” ')
"""Symbols of Kokoro's vocabulary that are no sound; their frames are the pause between two words."""

STRESS = frozenset("ˈˌ")
"""Stress moves when words meet, so it tells nothing about which word a sound is of."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Phonemes that the model takes in one go."""

    tokens: Sequence[int]
    word_ends: Sequence[int]  # of each word that ends in it: tokens up to the end of its last sound


def word_ends(spoken: str, alone: Sequence[str]) -> list[int]:
    """For each word, how many symbols of `spoken` have been said at the end of its last sound.

    `spoken` are the phonemes of the text, `alone` those of each of its words by itself. Exact where as many words are
    spoken as are written; else by the alignment of both with the fewest differences. Never decreases; a word without
    any sound ends where the one before it does.
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
    """`ends` in `phonemes` as ends in the batches that it was cut into; only spaces were lost in between."""
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
    """For each number of symbols of `one`, the most of `other` that the cheapest edits make of them.

    A space and a sound are never taken for each other.
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
    """Begin and end of each run without spaces."""
    begins = [i for i, c in enumerate(spoken) if c != " " and (i == 0 or spoken[i - 1] == " ")]
    ends = [i + 1 for i, c in enumerate(spoken) if c != " " and (i + 1 == len(spoken) or spoken[i + 1] == " ")]
    return list(zip(begins, ends, strict=True))


def _sounds(phonemes: str) -> bool:
    return any(c not in MARKS for c in phonemes)


def _without_trailing_marks(spoken: str, end: int) -> int:
    while end and spoken[end - 1] in MARKS:
        end -= 1
    return end
