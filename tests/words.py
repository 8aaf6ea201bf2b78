"""Texts as words, for comparing what was said with what was heard."""

from __future__ import annotations

import re

import jiwer


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Share of words that differ, case and marks aside."""
    return float(jiwer.wer(plain(reference), plain(hypothesis)))


def plain(text: str) -> str:
    """Lower-case words without marks."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))
