"""Notice that a text goes round in circles, as small language models do. Pure.

A passage may come back: in a refrain, or in a list of similar lines. So a text is a loop only where it says the same
over and over without a break, for longer than people do.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

LOOP_WORDS = 30
"""Least length of a loop, in words. In Poe's poem "bells" comes seven times in a row."""

LOOP_ROUNDS = 3
"""Least number of times that the same words have to come one after the other."""

LOOP_CHARS, LOOP_CHAR_ROUNDS = 160, 4
"""The same for characters, whatever they are: zeros, dashes, line ends."""

SHUFFLED_WORDS, SHUFFLED_TIMES = 48, 4
"""Also a loop: so many words in a row of which every three have been said so many times, in any order. In "The Twelve
Days of Christmas" the longest such passage has 35 words."""

WINDOW_CHARS = 2000
"""How far back a text is looked at."""

_NUMBER = r"(?:(?<=\n)|\A)[ \t]*(?:\d+[.)]|[-*•])[ \t]"
_UNIT = re.compile(
    rf"""(?P<number>{_NUMBER})                     # of a list: items that differ in it alone are the same
    | (?P<word>[\u3041-\u30ff\u3400-\u9fff]        # Japanese and Chinese have no spaces between words
        | (?:(?![\u3041-\u30ff\u3400-\u9fff])[^\W_])+ (?:['’](?:(?![\u3041-\u30ff\u3400-\u9fff])[^\W_])+)*)
    | (?P<end>[.!?…,;:\n。！？｡，、；：।])""",
    re.VERBOSE,
)
_OPEN_NUMBER = re.compile(r"\n[ \t]*(?:\d+[.)]?|[-*•])?[ \t]*\Z")


@dataclass(frozen=True, slots=True)
class Repetition:
    """What is known of the end of a text that is still being written."""

    fresh_end: int  # characters before the clauses at the end that so far only repeat earlier ones
    is_loop: bool


def examine(text: str) -> Repetition:
    """Return whether `text` has become a loop, and how much of it comes before what may be a repetition."""
    skipped = max(0, len(text) - WINDOW_CHARS)
    seen = text[skipped:]
    words, begins, ends = _words_and_clauses(seen)
    finished = words[:-1] if ends and ends[-1] == len(seen) else words
    is_loop = (
        _ends_in_rounds(finished, LOOP_WORDS, LOOP_ROUNDS)
        or _ends_in_rounds(seen, LOOP_CHARS, LOOP_CHAR_ROUNDS)
        or _is_shuffled(finished)
    )
    fresh_end = next((at for word, at in begins if _is_repeated(words, word, begins)), len(seen))
    if (number := _OPEN_NUMBER.search(seen)) is not None:
        fresh_end = min(fresh_end, number.start() + 1)
    return Repetition(skipped + fresh_end, is_loop)


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without marks and the numbers of a list."""
    return _words_and_clauses(text)[0]


def _words_and_clauses(text: str) -> tuple[list[str], list[tuple[int, int]], list[int]]:
    """Return the words in lower case, for each clause its first word and where its text begins, and ends of words."""
    words, begins, ends = list[str](), [(0, 0)], list[int]()
    for unit in _UNIT.finditer(text):
        if unit["word"] is not None:
            words.append(unit["word"].casefold().replace("’", "'"))
            ends.append(unit.end())
        elif unit["end"] is not None:
            if begins[-1][0] == len(words):
                begins.pop()
            begins.append((len(words), unit.end()))
    return words, begins, ends


def _is_repeated(words: Sequence[str], begin: int, begins: Sequence[tuple[int, int]]) -> bool:
    """Return whether all words from `begin` on, the last of them perhaps unfinished, follow each other earlier too."""
    tail = words[begin:]
    if not tail:
        return False
    *whole, last = tail
    return any(
        words[earlier + len(whole)].startswith(last) and words[earlier : earlier + len(whole)] == whole
        for earlier, _ in begins
        if earlier < begin
    )


def _ends_in_rounds(units: Sequence[Hashable], least: int, rounds: int) -> bool:
    """Return whether the last `least` units or more are the same sequence, `rounds` times or more.

    The prefix function of Knuth, Morris and Pratt, on the reversed sequence.
    """
    backwards = units[::-1]
    borders = [0] * len(backwards)
    border = 0
    for at in range(1, len(backwards)):
        while border and backwards[at] != backwards[border]:
            border = borders[border - 1]
        border += backwards[at] == backwards[border]
        borders[at] = border
        length = at + 1
        if length >= least and length >= rounds * (length - border):
            return True
    return False


def _is_shuffled(words: Sequence[str]) -> bool:
    if len(words) < SHUFFLED_WORDS + 2:
        return False
    triples = list(zip(words, words[1:], words[2:], strict=False))
    counts = dict.fromkeys(triples, 0)
    for triple in triples:
        counts[triple] += 1
    return all(counts[triple] >= SHUFFLED_TIMES for triple in triples[-SHUFFLED_WORDS:])
