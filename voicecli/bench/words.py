"""What should be heard against what was heard. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from num2words import num2words

SAME = {"%": "percent", "oz": "ounce", "ounces": "ounce"}
"""Spellings that are right and differ from the recordings' own."""


def words(text: str) -> list[str]:
    """Lower-case words without marks and accents, numbers in words: "A 20-oz Latté." is a, twenty, ounce, latte."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    found: list[str] = []
    for word in re.findall(r"\d+|[a-z']+|%", bare):
        spelt = num2words(int(word)) if word.isdigit() else SAME.get(word, word)
        found += re.findall(r"[a-z']+", spelt)
    return found


def found_slots(slots: Sequence[str], text: str) -> int:
    """How many of the phrases stand in the text, word for word."""
    heard = f" {' '.join(words(text))} "
    return sum(f" {' '.join(words(slot))} " in heard for slot in slots)
