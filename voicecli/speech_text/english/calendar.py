"""Dates, times of day, years and decades."""

from __future__ import annotations

import re

from voicecli.speech_text.english.numbers import Rule, cardinal, ordinal, plural, year

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MONTH_OF = {name: name for name in _MONTHS} | {name[:3]: name for name in _MONTHS} | {"Sept": "September"}
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|(?:{'|'.join(set(_MONTH_OF) - set(_MONTHS))})\.?)"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?P<year>1[1-9]\d\d|20\d\d)"
_START = r"(?<![\w.,$€£-])(?P<start>1[1-9]\d\d|20\d\d)"


def _date(month: str, day: str, written_year: str | None) -> str:
    said = f"{month} {ordinal(int(day))}"
    return f"{said}, {year(int(written_year))}" if written_year else said


def _numeric_date(match: re.Match[str]) -> str:
    return _date(_MONTHS[int(match["month"]) - 1], match["day"], match["year"])


def _named_date(match: re.Match[str]) -> str:
    return _date(_MONTH_OF[match["month"].rstrip(".")], match["day"], match["year"])


def _time(match: re.Match[str]) -> str:
    hour, minute, half = int(match["hour"]), match["minute"], match["half"]
    said = cardinal(str(hour))
    if minute != "00":
        said += f" oh {cardinal(minute[1])}" if minute[0] == "0" else f" {cardinal(minute)}"
    elif not half:
        said += " o'clock" if hour <= 12 else " hundred"
    if match["second"]:
        said += f" and {cardinal(match['second'])} seconds"
    return f"{said} {half[0].upper()}M" if half else said


def _full_hour(match: re.Match[str]) -> str:
    return f"{cardinal(match['hour'])} {match['half'][0].upper()}M"


def _year_span(match: re.Match[str]) -> str:
    start, end = match["start"], match["end"]
    return f"{year(int(start))} to {year(int(end)) if len(end) == 4 else cardinal(end)}"


def _decade(match: re.Match[str]) -> str:
    decade = plural(year(int(match["year"])))
    return f"{plural(year(int(match['start'])))} to {decade}" if match["start"] else decade


def _small_decade(match: re.Match[str]) -> str:
    return match["lead"] + plural(cardinal(match["decade"]))


_HALF = r"(?P<half>[aApP](?:\.\s?)?[mM])\b(?:\.(?=\s?[a-z,;:!?)]))?"
_COUNTED_BEFORE = frozenset({
    "over", "under", "than", "nearly", "almost", "only", "just", "another", "least", "most",
    "approximately", "roughly", "exactly", "some", "every", "per", "costs", "cost", "weighs", "times", "plus",
    "minus", "equals", "is", "×", "x", "=", "+", "<", ">", "≤", "≥", "~",
})  # fmt: skip
_AFTER_YEAR = frozenset({
    "and", "or", "but", "to", "was", "were", "is", "are", "had", "has", "have", "when", "while", "after",
    "before", "until", "through", "as", "at", "by", "for", "from", "in", "of", "on", "the", "that", "which",
    "who", "with", "saw", "did", "marked", "it", "he", "she", "they", "we", "i", "you", "there", "because", "so",
    "if", "there's", "onwards", "onward", "ad", "bc", "ce", "bce", "under", "during", "then", "also", "alone",
})  # fmt: skip
_DATING = frozenset({
    "in", "since", "year", "years", "until", "till", "during", "circa", "ca", "spring", "summer", "autumn",
    "fall", "winter", "early", "mid", "late", "pre", "post", "class", "copyright", "january", "february", "march",
    "april", "may", "june", "july", "august", "september", "october", "november", "december",
})  # fmt: skip
_POINTING = frozenset({
    "the", "a", "an", "this", "that", "his", "her", "its", "their", "our", "my",
})  # fmt: skip
_MANY = frozenset({
    "people", "men", "women", "children",
})  # fmt: skip
_BARE_YEAR = (
    r"(?:(?P<before>[\w'’~<>=×+≤≥]+)[ (-]*)?(?<![\w.,:/$€£#+-])(?P<year>1[1-9]\d\d|20\d\d)\b"
    r"(?![,.:/]?\d|[-/%°]|['’]s)(?:(?= (?P<after>[\w'’]+)))?"
)


def _bare_year(match: re.Match[str]) -> str:
    """Read a four-digit number as a year unless it counts the noun after it; later rules read other numbers."""
    if not _is_year(match["before"] or "", match["after"] or ""):
        return match[0]
    return match[0][: match.start("year") - match.start()] + year(int(match["year"]))


def _is_year(before: str, after: str) -> bool:
    before = before.lower()
    if before in _DATING:
        return True
    if before in _COUNTED_BEFORE:
        return False
    if not after or after[0].isupper() or after.lower() in _AFTER_YEAR:
        return True
    is_plural = after in _MANY or (after.endswith("s") and not after.endswith("ss"))
    return before in _POINTING and not is_plural


CALENDAR: tuple[Rule, ...] = tuple(
    (re.compile(pattern), say)
    for pattern, say in (
        (rf"\b{_YEAR}-(?P<month>0[1-9]|1[0-2])-{_DAY}\b", _numeric_date),
        (rf"(?<![\w/.])(?P<month>0?[1-9]|1[0-2])/{_DAY}/{_YEAR}\b", _numeric_date),
        (rf"\b{_MONTH} {_DAY}(?:st|nd|rd|th)?\b(?:,? {_YEAR}\b)?(?![:/%.,]?\d|%)", _named_date),
        (rf"(?<![\w:/.,])(?:the )?{_DAY}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? {_YEAR})?\b", _named_date),
        (
            r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])"
            rf"(?:\s?{_HALF}|\s?o['’]clock\b)?",
            _time,
        ),
        (rf"(?<![\w:.,$])(?P<hour>1[0-2]|[1-9])\s?{_HALF}", _full_hour),
        (rf"{_START}\s?[-–—]\s?(?P<end>1[1-9]\d\d|20\d\d|\d\d)(?![\w%-]|[.,]\d)", _year_span),
        (r"(?<![\w$])(?:(?P<start>1[1-9]\d0|20\d0)s?\s?[-–]\s?)?(?P<year>1[1-9]\d0|20\d0)['’]?s\b", _decade),
        (r"(?<=[a-z])-(?=(?:1[1-9]|20)\d\d\b)", " "),
        (r"(?<!\w)(?P<lead>)['’](?P<decade>[2-9]0)s\b", _small_decade),
        (r"\b(?P<lead>(?:the|his|her|their|my|your|our|early|mid|late)[ -])(?P<decade>[1-9]0)s\b", _small_decade),
        (_BARE_YEAR, _bare_year),
    )
)
