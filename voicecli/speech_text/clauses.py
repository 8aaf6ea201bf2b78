"""Where a text may be cut so that both halves still sound right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Strength(IntEnum):
    """How natural a pause is."""

    PHRASE = 1
    CLAUSE = 2
    SENTENCE = 3


@dataclass(frozen=True, slots=True)
class ClauseEnd:
    at: int  # characters before the cut
    strength: Strength


_OPENING = re.compile(r"[ \"'“‘(\[¿¡«「『（]*")
_SPACE = re.compile(r"\s*")
_CLOSERS = r"[\"'”’)\]»」』）】》]*"
_CANDIDATE = re.compile(
    rf"""
    (?P<line>\n)
    | (?P<wide_stop>[。！？｡।॥]+){_CLOSERS}  # East Asian marks need no space after them, Hindi's are no others
    | (?P<wide_pause>[，、；：]){_CLOSERS}
    | (?P<stop>[.!?…]+){_CLOSERS}
    | (?P<pause>[,;:]){_CLOSERS}
    | (?P<dash>—)
    | (?P<spaced_dash>[ ][–-](?=\s))
    | (?P<phrase>[ ](?=(?:and|but|because|so|which|or|who|that|when|while|where|if|as|than|since|until|after|before
                         |with|without|for|from|in|on|at|by|about|into|through|between|during)\s))
    """,
    re.VERBOSE,
)

PHRASE_REST_CHARS = 20
"""What follows a cut inside a clause is at least this long; a shorter rest is spoken with the clause."""

_MARK = re.compile(r"[.!?…,;:\n。！？｡，、；：।॥]")

_BEFORE_NAME = frozenset({
    "mr", "mrs", "ms", "dr", "prof", "st", "mt", "ft", "gen", "sen", "rep", "gov", "capt", "lt", "col", "sgt",
    "rev", "hon", "messrs", "mme", "sra", "srta", "dra", "sig", "dott", "avv",
})  # fmt: skip
_WITHIN_CLAUSE = frozenset({
    "vs", "e.g", "i.e", "cf", "approx", "ca", "viz", "dept", "est", "fig", "incl", "esp", "resp",
})  # fmt: skip
_BEFORE_DIGIT = frozenset({
    "no", "nos", "p", "pp", "vol", "ch", "sec", "art", "eq", "jan", "feb", "mar", "apr", "jun", "jul", "aug",
    "sep", "sept", "oct", "nov", "dec",
})  # fmt: skip
_MAY_END = frozenset({
    "etc", "a.m", "p.m", "inc", "ltd", "co", "corp", "jr", "sr", "al",
})  # fmt: skip
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_LAST_WORDS_CHARS = 100
"""So far back they are looked for."""

_LAST_WORDS = re.compile(r"(?:(\S+)\s+)?[\"'“‘(\[]*(\S*)$")


def clause_ends(text: str, is_complete: bool, long_clause_chars: int) -> Iterator[ClauseEnd]:
    """The ends of clauses in `text`, in order, that no text to come can make wrong.

    With `is_complete` nothing comes after `text`, and its end ends a sentence. A clause of more than
    `long_clause_chars` also ends before a phrase: at a conjunction or a preposition.
    """
    clause_start = 0
    for candidate in _CANDIDATE.finditer(text):
        if not (is_complete or _is_certain(text, candidate)):
            return
        is_long = candidate.end() - clause_start > long_clause_chars
        strength = _strength(text, candidate, is_long)
        if strength is not None:
            clause_start = candidate.end()
            yield ClauseEnd(candidate.end(), strength)
    if is_complete:
        yield ClauseEnd(len(text), Strength.SENTENCE)


def _is_certain(text: str, candidate: re.Match[str]) -> bool:
    """Whether enough has come after a mark: "3." may become "3.14", and "Dr. " may become "Dr. Who"."""
    end = candidate.end()
    match candidate.lastgroup:
        case "line":
            return True
        case "stop" | "spaced_dash":
            return bool(_after(_OPENING, text, end))
        case "phrase":
            return len(text) - end > PHRASE_REST_CHARS or _MARK.search(text, end) is not None
        case _:
            return end < len(text)


def _strength(text: str, candidate: re.Match[str], is_long: bool) -> Strength | None:
    """What the mark is worth, or None where no clause ends."""
    end = candidate.end()
    match candidate.lastgroup:
        case "line" | "wide_stop":
            return Strength.SENTENCE
        case "wide_pause" | "dash":
            return Strength.CLAUSE
        case "phrase":
            rest = text[end : end + PHRASE_REST_CHARS]
            is_rest_long = len(rest) == PHRASE_REST_CHARS and _MARK.search(rest) is None
            return Strength.PHRASE if is_long and is_rest_long else None
        case "spaced_dash":
            return None if _after(_SPACE, text, end).isdigit() else Strength.CLAUSE
    if end < len(text) and not text[end].isspace():
        return None
    if candidate.lastgroup == "pause":
        return Strength.CLAUSE
    before = text[max(0, candidate.start() - _LAST_WORDS_CHARS) : candidate.start()]
    return _stop_strength(before, candidate["stop"], _after(_OPENING, text, end))


def _after(skipped: re.Pattern[str], text: str, at: int) -> str:
    """The first character from `at` on that is not skipped, or none: a copy of the rest would cost as much as it is."""
    match = skipped.match(text, at)
    end = match.end() if match is not None else at
    return text[end : end + 1]


def _stop_strength(before: str, stop: str, next_char: str) -> Strength | None:
    if stop != ".":
        return Strength.CLAUSE if next_char.islower() else Strength.SENTENCE
    if next_char in ("", "\n"):
        return Strength.SENTENCE
    return None if next_char.islower() or _is_abbreviated(before, next_char) else Strength.SENTENCE


def _is_abbreviated(before: str, next_char: str) -> bool:
    """Whether a full stop after `before` belongs to its last word. `next_char` is no small letter."""
    previous, word = _LAST_WORDS.findall(before)[0]
    small = word.lower()
    if small in _MAY_END:
        return False
    if small in _BEFORE_DIGIT:
        return next_char.isdigit()
    is_initial = len(word) == 1 and word.isupper() and not previous[:1].islower()
    return is_initial or small in _BEFORE_NAME or small in _WITHIN_CLAUSE or _DOTTED.fullmatch(word) is not None
