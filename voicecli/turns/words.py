"""The words of a text, compared without case and marks. Pure."""

from __future__ import annotations

import re


def words_of(text: str) -> tuple[str, ...]:
    """Return the words without case and marks: "Uh-huh." is one, and so is "it's"."""
    return tuple(re.findall(r"\w+", re.sub(r"(?<=\w)['’-](?=\w)", "", text.casefold())))


def bare(word: str) -> str:
    """Return a word without case and marks; the word itself where nothing else is left."""
    return "".join(c for c in word.lower() if c.isalnum()) or word
