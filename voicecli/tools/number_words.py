"""Numbers in a question: digits and number words as each language writes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache

DECIMAL_COMMA = frozenset({"es", "fr", "de", "it", "pt"})
"""Languages that write 3,5 and 1.000; the others write 3.5 and 1,000."""

SPELLED: Mapping[str, tuple[str, ...]] = {
    "es": ("es",),
    "fr": ("fr", "fr_BE"),
    "de": ("de",),
    "it": ("it",),
    "pt": ("pt", "pt_BR"),
}
"""num2words' names of the languages whose number words are read, with their variants, such as "nonante"."""

MOST_SPELLED = 1000
"""Larger numbers in words are long; recognizers write them in digits."""

_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SMALL = {word: value for value, word in enumerate(_UNITS)} | {word: 10 * at for at, word in enumerate(_TENS, 2)}
LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9}

_END = r"(?![.,]?\d|[^\W\d_\u0900-\uffff])"
"""Behind digits: no more of them and no letter, but Hindi, Japanese and Chinese may go on without a space."""

_POINT = re.compile(r"(?P<minus>[-−]|(?:minus|negative) )?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<part>\d+))?" + _END)
_COMMA = re.compile(
    r"(?P<minus>[-−]|(?:minus|menos|moins|meno) )?"
    r"(?P<whole>\d{1,3}(?:\.\d{3})+|\d{1,3}(?:[ \u202f]\d{3})+|\d+)(?:,(?P<part>\d+))?" + _END
)
_SCALE = re.compile(r" (thousand|million|billion)\b")
_MINUS = re.compile(r"(?:minus|negative) ")
_LARGE_FOLLOWS = re.compile(r" (?:hundred|thousand|million|billion)\b")
_POINT_DIGITS = re.compile(rf" point((?: (?:{'|'.join(_UNITS[:10])})\b)+)")
_WORD = re.compile(r"(?:[ -])?([a-z]+)")


def number_at(text: str, at: int, language: str) -> tuple[str, int] | None:
    """Return the number that begins at `at` in a text in lower case, with a decimal point, and where it ends."""
    digits = (_COMMA if language in DECIMAL_COMMA else _POINT).match(text, at)
    if digits is not None:
        whole = re.sub(r"\D", "", digits["whole"])
        value, end = f"{int(whole)}" + (f".{digits['part']}" if digits["part"] else ""), digits.end()
        if language == "en" and (scale := _SCALE.match(text, end)):
            value, end = f"{Decimal(value) * LARGE[scale[1]]:f}", scale.end()
        return (f"-{value}" if digits["minus"] else value), end
    return _words_at(text, at) if language == "en" else _spelled_at(text, at, language)


def decimal_comma(number: str, language: str) -> str:
    """Return a number as the language writes it."""
    return number.replace(".", ",") if language in DECIMAL_COMMA else number


def _spelled_at(text: str, at: int, language: str) -> tuple[str, int] | None:
    """Read a number from 0 to `MOST_SPELLED` in the words of another language than English."""
    if language not in SPELLED:
        return None
    pattern, numbers = _spelled(language)
    found = pattern.match(text, at)
    return (str(numbers[found[0].replace("-", " ")]), found.end()) if found else None


@cache
def _spelled(language: str) -> tuple[re.Pattern[str], Mapping[str, int]]:
    """Return a pattern for the number words of a language, and the number of each, without hyphens."""
    from num2words import num2words

    numbers = {
        str(num2words(number, lang=variant)).casefold().replace("-", " "): number
        for variant in SPELLED[language]
        for number in range(MOST_SPELLED + 1)
    }
    longest_first = sorted(numbers, key=len, reverse=True)
    words = "|".join(re.escape(word).replace(r"\ ", "[ -]") for word in longest_first)
    return re.compile(rf"(?:{words})(?!\w)"), numbers


def _words_at(text: str, at: int) -> tuple[str, int] | None:
    """Read an English number in words, such as "twenty-five", "a hundred and five" and "three point one four"."""
    begin, minus = at, ""
    if sign := _MINUS.match(text, at):
        begin, minus = sign.end(), "-"
    total = group = 0
    last, end = "", begin
    while (word := _WORD.match(text, end)) and (end > begin or word.start(1) == begin):
        name = word[1]
        if name == "and" and last in ("hundred", "large") and (after := _WORD.match(text, word.end())):
            if after[1] not in SMALL:
                break
            word, name = after, after[1]
        if name in SMALL and _may_follow(last, group, SMALL[name]):
            group, last = group + SMALL[name], "small"
        elif name == "a" and not last and _LARGE_FOLLOWS.match(text, word.end()):
            group, last = 1, "small"
        elif name == "hundred" and last == "small" and group < 100:
            group, last = group * 100, "hundred"
        elif name in LARGE and last in ("small", "hundred") and (total == 0 or LARGE[name] < _lowest(total)):
            total, group, last = total + group * LARGE[name], 0, "large"
        else:
            break
        end = word.end()
    if not last:
        return None
    value, end = f"{total + group}", end
    part = _POINT_DIGITS.match(text, end)
    if part:
        value, end = f"{value}." + "".join(str(SMALL[digit]) for digit in part[1].split()), part.end()
    return minus + value, end


def _may_follow(last: str, group: int, value: int) -> bool:
    """Return whether a small number may follow: at the beginning, behind hundreds, and a digit behind tens."""
    if last in ("", "hundred", "large"):
        return True
    return 1 <= value <= 9 and group % 10 == 0 and group % 100 >= 20


def _lowest(total: int) -> int:
    """Return the lowest multiple that `total` has been built from."""
    return max(scale for scale in LARGE.values() if total % scale == 0)
