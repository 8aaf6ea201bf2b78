"""Text normalization for speech: numbers, dates, units, abbreviations and names become words.

English uses tables of rules. In other languages only plain numbers become words; the voice reads the rest, and no
English words are inserted.
"""

from __future__ import annotations

import re

from num2words import CONVERTER_CLASSES, num2words

from voicecli.languages import code_of
from voicecli.speech_text.english.calendar import CALENDAR
from voicecli.speech_text.english.numbers import AFTER_UNITS, BEFORE_UNITS, Rule
from voicecli.speech_text.english.units import UNITS
from voicecli.speech_text.english.words import NAMES, SIGNS, SPANS, WORDS

ENGLISH: tuple[Rule, ...] = (
    *WORDS,  # before names: the dots of "e.g." are not those of a name
    *BEFORE_UNITS,  # before names: "3.11.7" is not a name
    *CALENDAR,  # before spans: "2024-05-03" is not a span
    *NAMES,
    *SPANS,  # before units: the unit after "3-5" belongs to both numbers
    *UNITS,
    *SIGNS,  # before the last numbers: some signs stand between digits
    *AFTER_UNITS,
)
"""Applied in order, each rule to the result of those before it."""

_PLAIN_NUMBER = re.compile(r"(?<![\w.,:/+$€£¥₹-])\d{1,15}(?![\w%]|[.,:/-]\d)")

_COUNTING = {code: code for code in CONVERTER_CLASSES if code != "ja"} | {"pt": "pt_BR"}
"""num2words' name of each language. Kokoro's Portuguese is Brazilian; its Japanese phonemizer also reads numbers."""


def normalize(text: str, language: str = "en") -> str:
    """Return a whole clause in the words to speak. `language` is ISO 639-1, with or without a region ("en-us")."""
    code = code_of(language).partition("-")[0]
    if code == "en":
        return _normalize_english(text)
    if code in _COUNTING:
        return _PLAIN_NUMBER.sub(lambda match: str(num2words(int(match[0]), lang=_COUNTING[code])), text)
    return text


def _normalize_english(text: str) -> str:
    spoken = text
    for pattern, replacement in ENGLISH:
        spoken = pattern.sub(replacement, spoken)
    return text if spoken == text else re.sub(r"\s+(?=[,.;:!?)](?:\s|$))|(?<=\s)\s+", "", spoken).strip()
