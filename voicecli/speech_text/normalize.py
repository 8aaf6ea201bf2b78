"""What is written -> what is said: numbers, dates, units, abbreviations and names as words.

English is read by tables of rules; in other languages plain numbers become words and the rest is left to the voice,
which knows its own: not an English word is put into them.
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
    *WORDS,  # before names, whose dots are not those of "e.g."
    *BEFORE_UNITS,  # before names: "3.11.7" is no name
    *CALENDAR,  # before spans: "2024-05-03" is no span
    *NAMES,
    *SPANS,  # before units: the unit after "3-5" belongs to both
    *UNITS,
    *SIGNS,  # before the last numbers: signs stand between digits
    *AFTER_UNITS,
)
"""In order: each rule sees what the ones before it have left."""

_PLAIN_NUMBER = re.compile(r"(?<![\w.,:/+$€£¥₹-])\d{1,15}(?![\w%]|[.,:/-]\d)")

_COUNTING = {code: code for code in CONVERTER_CLASSES if code != "ja"} | {"pt": "pt_BR"}
"""Language -> num2words' name of it. Kokoro's Portuguese is Brazilian; what reads Japanese reads its numbers too."""


def normalize(text: str, language: str = "en") -> str:
    """A whole clause as a voice says it. `language` is ISO 639-1, with or without a region ("en-us")."""
    code = code_of(language).partition("-")[0]
    if code == "en":
        return _normalize_english(text)
    if code in _COUNTING:
        return _PLAIN_NUMBER.sub(lambda match: str(num2words(int(match[0]), lang=_COUNTING[code])), text)
    return text


def _normalize_english(text: str) -> str:
    said = text
    for pattern, replacement in ENGLISH:
        said = pattern.sub(replacement, said)
    return text if said == text else re.sub(r"\s+(?=[,.;:!?)](?:\s|$))|(?<=\s)\s+", "", said).strip()
