"""Compare what was said with what was recognized: word errors and expected phrases. Pure.

Word errors are counted as in Whisper's paper (Radford et al. 2022, appendix C).
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Sequence

import jiwer
from num2words import num2words

from voicecli.bench.result import Metric
from voicecli.languages import UNSPACED


def word_errors(reference: str, hypothesis: str, language: str = "en") -> tuple[int, int]:
    """Return the number of wrong words (replaced, deleted or inserted), and of words in the reference, normalized."""
    said, heard = normalize(reference, language), normalize(hypothesis, language)
    if not said:
        return len(heard.split()), 0
    measured = jiwer.process_words(said, heard)
    return measured.substitutions + measured.deletions + measured.insertions, len(said.split())


def wer_metric(group: str, name: str, said: Sequence[tuple[str, tuple[int, int]]]) -> Metric:
    """Return the share of wrong words of each recording; texts without a word are omitted.

    The share over all texts is a count instead: there, long texts weigh more.
    """
    known = [(of, 100 * wrong / total) for of, (wrong, total) in said if total]
    return Metric(group, name, "%", tuple(share for _, share in known), of=tuple(of for of, _ in known))


def normalize(text: str, language: str = "en") -> str:
    """Return words in one spelling, with single spaces: "I've 20 oz" and "i have twenty oz" become the same."""
    return " ".join(str(normalizer(language)(text)).split())


@functools.cache
def normalizer(language: str) -> Callable[[str], str]:
    """Return OpenAI's normalizer; the English one also handles contractions, spellings and numbers."""
    if language == "en":
        from whisper_normalizer.english import EnglishTextNormalizer

        english: Callable[[str], str] = EnglishTextNormalizer()
        return english
    from whisper_normalizer.basic import BasicTextNormalizer

    basic: Callable[[str], str] = BasicTextNormalizer(split_letters=language in UNSPACED)
    return basic


SPELLINGS = {"%": "percent", "oz": "ounce", "ounces": "ounce"}
"""Correct spellings that differ from the reference texts."""


def words(text: str) -> list[str]:
    """Return lower-case words without marks and accents, numbers spelled out: "20-oz Latté" is twenty, ounce, latte."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    found: list[str] = []
    for word in re.findall(r"\d+|[a-z']+|%", bare):
        spelled = num2words(int(word)) if word.isdigit() else SPELLINGS.get(word, word)
        found += re.findall(r"[a-z']+", spelled)
    return found


def found_slots(slots: Sequence[str], text: str) -> int:
    """Return how many of the phrases occur in the text, word for word."""
    heard = f" {' '.join(words(text))} "
    return sum(f" {' '.join(words(slot))} " in heard for slot in slots)
