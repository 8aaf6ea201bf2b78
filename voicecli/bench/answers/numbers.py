"""Numbers in a text, as digits or as English words, and a number as the words of another language. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from num2words import num2words

MOST_DIGITS = 30
"""Longer runs of digits are no number that anybody asked for."""

_DIGITS = re.compile(r"\d(?:[\d.,'\u00a0\u202f]*\d)?")
_SEPARATORS = re.compile(r"[.,'\u00a0\u202f]")

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
SMALL = {word: value for value, word in enumerate(_SMALL.split())}
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
TENS = {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}
SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_WORD = re.compile(r"[a-z]+|[^\sa-z-]")


def numbers_in(text: str) -> set[float]:
    """Return all numbers of a text in lower case. Each reading of an ambiguous one counts: "1.234" is also 1234."""
    found = {value for digits in _DIGITS.findall(text) for value in _readings(digits)}
    return found | set(spoken_numbers(text))


def _readings(digits: str) -> Iterator[float]:
    if len(digits) > MOST_DIGITS:
        return
    groups = [group for group in _SEPARATORS.split(digits) if group]
    first, *others = groups
    if all(len(group) == 3 for group in others):
        yield float("".join(groups))
    if others:
        yield float(f"{''.join(groups[:-1])}.{groups[-1]}")


def spoken_numbers(text: str) -> Iterator[float]:
    """Yield the numbers that are written as English words, two in a row also as a year: "nineteen forty-five"."""
    runs: list[tuple[float, bool]] = []  # values, and whether the one before is right beside it
    words, at = _WORD.findall(text), 0
    was_number = False
    while at < len(words):
        number = _Number()
        end = number.read(words, at)
        if end == at:
            was_number, at = False, at + 1
            continue
        runs.append((number.value, was_number))
        was_number, at = True, end
    yield from (value for value, _ in runs)
    for (before, _), (after, beside) in pairwise(runs):
        if beside and 10 <= before < 100 and 0 <= after < 100:
            yield 100 * before + after


class _Number:
    """One number, read word by word as long as its words fit together."""

    def __init__(self) -> None:
        self._total = self._group = 0.0
        self._last = ""  # kind of the last word: "", unit, tens, hundred or scale

    @property
    def value(self) -> float:
        return self._total + self._group

    def read(self, words: list[str], at: int) -> int:
        """Read words from `at` on; return where the number ends, which is `at` if there is none."""
        end = at
        while end < len(words):
            step = 2 if self._joins(words, end) else 1
            if not self._push(words[end + step - 1]):
                break
            end += step
        if self._last and words[end : end + 1] == ["point"]:
            end = self._decimals(words, end)
        return end

    def _joins(self, words: list[str], at: int) -> bool:
        """Return whether an "and" or a comma continues the number: "two hundred and five"."""
        after = words[at + 1] if at + 1 < len(words) else ""
        return self._last in ("hundred", "scale") and words[at] in ("and", ",") and (after in SMALL or after in TENS)

    def _push(self, word: str) -> bool:
        if word == "a" and not self._last:
            return False
        if word in SMALL and self._last in ("", "tens", "hundred", "scale"):
            if self._last == "tens" and not 0 < SMALL[word] < 10:
                return False
            self._group += SMALL[word]
            self._last = "unit"
        elif word in TENS and self._last in ("", "hundred", "scale"):
            self._group += TENS[word]
            self._last = "tens"
        elif word == "hundred" and self._last in ("", "unit", "tens"):
            self._group = 100 * (self._group or 1.0)
            self._last = "hundred"
        elif word in SCALES and self._last != "scale":
            self._total += SCALES[word] * (self._group or 1.0)
            self._group, self._last = 0.0, "scale"
        else:
            return False
        return True

    def _decimals(self, words: list[str], at: int) -> int:
        """Read the digits after "point"; return where they end, which is `at` if there are none."""
        digits, end = "", at + 1
        while end < len(words) and SMALL.get(words[end], 10) < 10 and len(digits) < MOST_DIGITS:
            digits += str(SMALL[words[end]])
            end += 1
        if not digits:
            return at
        self._group += float(f"0.{digits}")
        return end


def number_words(value: float, language: str) -> str:
    """Return a number as the words of a language; empty if they are not known."""
    try:
        return str(num2words(int(value) if value == int(value) else value, lang=language))
    except (NotImplementedError, OverflowError, KeyError, IndexError, TypeError, ValueError):
        return ""
