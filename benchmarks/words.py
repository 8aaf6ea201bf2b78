"""What was said against what was heard. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import jiwer
from num2words import num2words

SAME = {"%": "percent", "oz": "ounce", "ounces": "ounce"}
"""Spellings that are right and differ from the recordings' own."""

REPEATED_WORDS = 4
LONGER = 1.5  # than the longest of the other transcripts: something was said twice


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


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Words that were replaced, lost or added, and words of the reference."""
    said, heard = words(reference), words(hypothesis)
    measured = jiwer.process_words(" ".join(said), " ".join(heard))
    return measured.substitutions + measured.deletions + measured.insertions, len(said)


def repeats(text: str, others: Sequence[str] = ()) -> bool:
    """Whether the sentence begins again: four words stand in it twice, or it is far longer than all others heard."""
    heard = words(text)
    runs = [tuple(heard[i : i + REPEATED_WORDS]) for i in range(len(heard) - REPEATED_WORDS + 1)]
    longest = max((len(words(other)) for other in others), default=0)
    return len(set(runs)) < len(runs) or bool(longest and len(heard) > LONGER * longest)
