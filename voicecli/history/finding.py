"""Words to look for. Pure."""

from __future__ import annotations

EXCERPT_CHARACTERS = 60


def match_of(words: str) -> str:
    """An FTS5 query for texts in which each of the words begins a word, in any order."""
    return " ".join(f'"{quoted}"*' for word in words.split() if (quoted := word.replace('"', '""')))


def patterns_of(words: str) -> list[str]:
    r"""LIKE patterns, with \ as escape: each word anywhere, for scripts that set no spaces between words."""
    plain = (word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for word in words.split())
    return [f"%{word}%" for word in plain]


def excerpt(text: str, words: str, characters: int = EXCERPT_CHARACTERS) -> str:
    """One line of the text around the first of the words that is in it; at most so many characters and two marks."""
    line = " ".join(text.split())
    places = [place for word in words.split() if (place := line.casefold().find(word.casefold())) >= 0]
    begin = max(0, min(places, default=0) - characters // 3)
    begin = min(begin, max(0, len(line) - characters))
    shown = line[begin : begin + characters]
    return f"{'…' if begin else ''}{shown}{'…' if begin + characters < len(line) else ''}"
