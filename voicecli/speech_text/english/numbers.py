"""Numbers as words, and the rules for numbers that carry no unit, date or currency."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from num2words import num2words

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
"""A pattern and its replacement."""

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?!,?\d)"
"""A cardinal: thousands separators and decimals allowed."""

GLYPHS = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip
"""Fractions with a character of their own."""

_SPOKEN_DENOMINATORS = frozenset({2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 32, 64, 100})
_MOST_DIGITS = 15
"""Longer numbers are read digit by digit: nobody understands them as a number."""


@lru_cache(maxsize=1024)
def _words(number: int, form: str) -> str:
    return str(num2words(number, to=form)).replace(",", "").replace(" and ", " ")


def cardinal(written: str) -> str:
    """Spell a cardinal: "1,250" -> "one thousand two hundred fifty", "3.14" -> "three point one four"."""
    whole, point, decimals = written.replace(",", "").partition(".")
    said = _words(int(whole), "cardinal") if len(whole) <= _MOST_DIGITS else digits(whole)
    return f"{said} point {digits(decimals)}" if point else said


def ordinal(number: int) -> str:
    """Spell an ordinal: 22 -> "twenty-second"."""
    return _words(number, "ordinal")


def year(number: int) -> str:
    """Spell a year: 1998 -> "nineteen ninety-eight", 1905 -> "nineteen oh five"."""
    return _words(number, "year").replace("oh-", "oh ")


def digits(written: str) -> str:
    """Spell digit by digit, leaving out other characters: "555" -> "five five five"."""
    return " ".join(_words(int(digit), "cardinal") for digit in written if digit.isdecimal())


def fraction(whole: str, numerator: str, denominator: str) -> str:
    """Spell a fraction: "2", "1", "2" -> "two and a half"; "", "3", "4" -> "three quarters"."""
    top, bottom = int(numerator), int(denominator)
    part = {2: "half", 4: "quarter"}.get(bottom) or ordinal(bottom)
    plural = {2: "halves"}.get(bottom, f"{part}s")
    if not whole:
        return f"{cardinal(numerator)} {part if top == 1 else plural}"
    return f"{cardinal(whole)} and {f'a {part}' if top == 1 else f'{cardinal(numerator)} {plural}'}"


def plural(words: str) -> str:
    """Form the plural: "nineteen ninety" -> "nineteen nineties"."""
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _slashed(match: re.Match[str]) -> str:
    """Spell a fraction, a score or a quotient."""
    top, bottom = match["top"], match["bottom"]
    if top == bottom or (bottom in ("10", "100") and top != "1"):
        return f"{cardinal(top)} out of {cardinal(bottom)}"
    if 0 < int(top) < int(bottom) and int(bottom) in _SPOKEN_DENOMINATORS:
        return fraction("", top, bottom)
    return f"{cardinal(top)} over {cardinal(bottom)}"


def _version(match: re.Match[str]) -> str:
    return " point ".join(map(cardinal, match["version"].split(".")))


def _dimensions(match: re.Match[str]) -> str:
    """Spell a screen size like two years: "1920x1080" -> "nineteen twenty by ten eighty"."""
    return " by ".join(year(int(side)) if len(side) == 4 else cardinal(side) for side in match[0].split("x"))


def _address(match: re.Match[str]) -> str:
    return " dot ".join(map(cardinal, match[0].split(".")))


def _named_version(match: re.Match[str]) -> str:
    return f"{match['name']}{match['gap']}{_version(match)}"


def _telephone(match: re.Match[str]) -> str:
    plus = "plus " if match[0].startswith("+") else ""
    return plus + ", ".join(map(digits, re.findall(r"\d+", match[0])))


_PLAIN = r"(?<![\w.,])"

BEFORE_UNITS: tuple[Rule, ...] = (
    (re.compile(r"(?<=\d),(?=\d{1,2}(?!\d))"), ", "),
    (re.compile(r"(?<=[a-z\d]):(?=\d{4,5}\b)"), " port "),
    (re.compile(rf"{_PLAIN}(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?![\w.]*\d)"), _address),
    (re.compile(r"\b(?:[Vv]ersion )?v(?P<version>\d+(?:\.\d+)*)\b"), lambda match: f"version {_version(match)}"),
    (re.compile(rf"{_PLAIN}(?P<version>\d+(?:\.\d+){{2,}})(?!\d)"), _version),
    (
        re.compile(
            r"\b(?P<name>[Vv]ersion|Python|Java|Node|Ruby|Ubuntu|Debian|Go|Django|Angular|Qt|iOS|macOS|Android|Kernel)"
            r"(?P<gap>\s)(?P<version>\d+\.\d{2})(?![\d%.]*\d)"
        ),
        _named_version,
    ),
    (re.compile(r"(?<![\w+])(?:\+?\d{1,3}[ -])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}\b"), _telephone),
    (re.compile(r"(?<![\w+])\+\d{1,3}(?:[ -]\d{2,8}){2,5}\b"), _telephone),
    (re.compile(r"(?<![\w.,-])\d{3}-\d{4}\b"), _telephone),
    (re.compile(r"(?<![\w.,:/-])0\d+(?!\w|[.:/-]\d)"), lambda match: digits(match[0])),
    (re.compile(r"(?<![\w.,])[1-9]\d{2,3}x[1-9]\d{2,3}(?!\w)"), _dimensions),
    (re.compile(rf"(?<=\d)({'|'.join(GLYPHS)})"), lambda match: f" {GLYPHS[match[0]]}"),
    (re.compile("|".join(GLYPHS)), lambda match: GLYPHS[match[0]]),
    (re.compile(r"\b24/7\b"), "twenty-four seven"),
    (re.compile(r"\b50/50\b"), "fifty-fifty"),
    (re.compile(r"\b9/11\b"), "nine eleven"),
)
AFTER_UNITS: tuple[Rule, ...] = (
    (re.compile(r"(?<![\w.])\.(?P<decimals>\d+)\b"), lambda match: f"point {digits(match['decimals'])}"),
    (
        re.compile(rf"{_PLAIN}(?P<whole>\d+) (?P<top>[1-9]\d?)/(?P<bottom>[1-9]\d?)(?![\w/])"),
        lambda match: fraction(match["whole"], match["top"], match["bottom"]),
    ),
    (re.compile(rf"{_PLAIN}(?P<top>\d+)/(?P<bottom>[1-9]\d*)(?![\w/]|\.\d)"), _slashed),
    (
        re.compile(r"(?<![\w.])(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b"),
        lambda match: ordinal(int(match["number"].replace(",", ""))),
    ),
    (re.compile(rf"(?<!\w){NUMBER}(?![\w])"), lambda match: cardinal(match[0])),
)
