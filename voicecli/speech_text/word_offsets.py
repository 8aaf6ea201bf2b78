"""Which words of the written text have been said when the voice has come to a word of the spoken one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher


def count_written_words(written: Sequence[str], spoken: Sequence[str]) -> list[int]:
    """For each word of `spoken`, how many of `written` have been said at its end; never decreases.

    Exact for words that are the same in both. Where others stand for them ("£3" is "three pounds") the voice is taken
    to go through the written words evenly, and none counts before all of it has been said. The last word covers all.
    """
    covered: list[int] = []
    for _, begin, end, spoken_begin, spoken_end in SequenceMatcher(None, written, spoken, autojunk=False).get_opcodes():
        count = spoken_end - spoken_begin
        covered += [begin + (end - begin) * said // count for said in range(1, count + 1)]
    return [*covered[:-1], len(written)] if covered else []
