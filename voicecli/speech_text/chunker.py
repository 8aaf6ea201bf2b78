"""Cut spoken text into chunks for synthesis: a short first one, so that speech starts soon, and longer ones later.

The caller asks for a chunk when it can use one, and gives a length budget. The more speech is still queued, the longer
the next chunk may be, and the better its intonation. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import IntEnum
from itertools import islice

from voicecli.speech_text.markdown_blocks import Span
from voicecli.speech_text.normalize import normalize
from voicecli.types import TextChunk

MIN_TEXT_CHUNK_LETTERS = 10
"""Least letters of a chunk: Kokoro slurs and repeats very short texts (github.com/jamiepine/voicebox/issues/960)."""

SHORT_CLAUSE_CHARS = 16
LONG_CLAUSE_CHARS = 80
"""A clause longer than this may be cut before a phrase. The short limit is for small budgets, since a gap in the speech
is worse than a restart of the intonation, and for the first chunk, which the user waits for (`tts.first_chunk_chars`).
"""

MAX_TEXT_CHUNK_CHARS = 200
"""Kokoro accepts at most 510 phonemes and rushes through texts near that limit."""

LONGEST_WORD_CHARS = 400
"""Longer runs of letters are cut: ten thousand letters in one chunk would block everything else for seconds."""

SIGNS_CHARS = 40
"""Signs at most this far from a letter are kept. A longer row is decoration, and would cost as much as words."""

_LETTER = re.compile(r"[^\W_]")  # what str.isalnum says
_NEAR_LETTERS = re.compile(rf"(?:[\W_]{{0,{SIGNS_CHARS}}}[^\W_])+[\W_]{{0,{SIGNS_CHARS}}}")
_WORD = re.compile(r"\S+")
_WORD_END = re.compile(r"(?<=\S)\s")


class Strength(IntEnum):
    """How natural a pause at the end is."""

    PHRASE = 1
    CLAUSE = 2
    SENTENCE = 3


@dataclass(frozen=True, slots=True)
class ClauseEnd:
    """A place where text may be cut so that both halves still sound right."""

    at: int  # characters before the cut
    strength: Strength


_OPENING = re.compile(r"[ \"'“‘(\[¿¡«「『（]*")
_SPACE = re.compile(r"\s*")
_CLOSERS = r"[\"'”’)\]»」』）】》]*"
_CANDIDATE = re.compile(
    rf"""
    (?P<line>\n)
    | (?P<wide_stop>[。！？｡।॥]+){_CLOSERS}  # East Asian and Hindi marks need no space after them
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
"""Least length of the text after a cut inside a clause; a shorter rest is spoken with the clause."""

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
"""How far back from a stop to look for its last words."""

_LAST_WORDS = re.compile(r"(?:(\S+)\s+)?[\"'“‘(\[]*(\S*)$")


def clause_ends(text: str, is_complete: bool, long_clause_chars: int) -> Iterator[ClauseEnd]:
    """Return the ends of clauses in `text`, in order, that later text cannot change.

    With `is_complete` nothing comes after `text`, and its end ends a sentence. A clause of more than
    `long_clause_chars` also ends before a phrase, at a conjunction or a preposition.
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
    """Return whether enough text follows a mark: "3." may become "3.14", and "Dr. " may become "Dr. Who"."""
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
    """Return the strength of the clause end at a mark, or None if no clause ends there."""
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
    """Return the first character from `at` on that is not skipped, or "". Copying the rest would be slow."""
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
    """Return whether a period after `before` belongs to its last word. `next_char` is not lowercase."""
    previous, word = _LAST_WORDS.findall(before)[0]
    small = word.lower()
    if small in _MAY_END:
        return False
    if small in _BEFORE_DIGIT:
        return next_char.isdigit()
    is_initial = len(word) == 1 and word.isupper() and not previous[:1].islower()
    return is_initial or small in _BEFORE_NAME or small in _WITHIN_CLAUSE or _DOTTED.fullmatch(word) is not None


class TextChunker:
    """Cuts pushed spans into chunks.

    Every chunk has a letter or a digit. Text without any joins a neighbor, or is left out at the very end if the
    previous chunk has been returned already. `source_end` never decreases, and reaches the end of the last span if
    everything was pushed before the last chunk was returned.
    """

    def __init__(
        self, normalize: Callable[[str], str] = normalize, first_chunk_chars: int = SHORT_CLAUSE_CHARS
    ) -> None:
        """`normalize` turns written text into the words to speak.

        A first clause of more than `first_chunk_chars` may be cut before a phrase.
        """
        self._normalize = normalize
        self._first_chunk_chars = first_chunk_chars
        self._text = ""
        self._span_ends: list[int] = []  # where each span ends in the text, counted from the first span on
        self._source_ends: list[int] = []
        self._returned_chars = 0
        self._source_end = 0
        self._is_first = True
        self._closed = False

    def set_normalizer(self, normalize: Callable[[str], str]) -> None:
        """Use this normalizer for the chunks from now on."""
        self._normalize = normalize

    def push(self, span: Span) -> None:
        """Append a span."""
        self._text += span.text
        self._span_ends.append(self._returned_chars + len(self._text))
        self._source_ends.append(span.source_end)

    def close(self) -> None:
        """Declare the text complete: the rest can be returned, finished or not."""
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether the text is complete."""
        return self._closed

    @property
    def exhausted(self) -> bool:
        """Whether the text is complete and every speakable character has been returned."""
        return self._closed and _LETTER.search(self._text) is None

    def next_chunk(self, budget_chars: int) -> TextChunk | None:
        """Return the next chunk, or None if no clause is complete yet or nothing is left.

        The first chunk is the first clause. Later chunks hold as many whole clauses as fit into `budget_chars`, and at
        least one.
        """
        end = self._chunk_end(0 if self._is_first else min(budget_chars, MAX_TEXT_CHUNK_CHARS))
        if end is None:
            return None
        words = _words_to_say(self._text[:end])
        written = [word[0] for word in words]
        spoken = self._normalize(" ".join(written))
        offsets = [0, *(word.end() for word in words[:-1]), end]
        ends = [max(self._source_end, self._source_at(self._returned_chars + offset)) for offset in offsets]
        self._source_end = ends[-1]
        self._returned_chars += end
        self._text = self._text[end:]
        self._is_first = False
        word_ends = tuple(ends[count] for count in count_written_words(written, spoken.split()))
        return TextChunk(spoken, self._source_end, word_ends)

    def _chunk_end(self, budget_chars: int) -> int | None:
        if self.exhausted:
            return None
        ends: list[ClauseEnd] = []
        enough = _letters_end(self._text)
        long_clause_chars = max(SHORT_CLAUSE_CHARS, min(budget_chars // 2, LONG_CLAUSE_CHARS))
        if self._is_first:
            long_clause_chars = self._first_chunk_chars
        may_end = enough is not None or self._closed
        for end in clause_ends(self._text, self._closed, long_clause_chars) if may_end else ():
            is_rest = self._closed and end.at == len(self._text)
            if (enough is None or end.at < enough) and not is_rest:
                continue
            if ends and end.at > budget_chars:
                break
            ends.append(end)
            if self._is_first:
                break
        if ends:
            return self._fitted(_best_end(ends, budget_chars))
        return self._cut_at_space() if len(self._text) > MAX_TEXT_CHUNK_CHARS else None

    def _fitted(self, end: int) -> int:
        """Move `end` so that the chunk is not too long and the rest has enough letters for a chunk of its own."""
        if end > MAX_TEXT_CHUNK_CHARS:
            end = self._cut_at_space() or end
        rest_too_short = self._closed and _letters_end(self._text, end) is None
        return len(self._text) if rest_too_short else end

    def _cut_at_space(self) -> int | None:
        """Return the last space that makes the chunk short enough, or the first one after a letter.

        Cut inside a run of letters that is longer than any word.
        """
        letter = _LETTER.search(self._text)
        if letter is None:
            return None
        short = [match.start() for match in _WORD_END.finditer(self._text, letter.end(), MAX_TEXT_CHUNK_CHARS + 1)]
        if short:
            return short[-1]
        space = _WORD_END.search(self._text, letter.end())
        longest = letter.start() + LONGEST_WORD_CHARS
        if (space.start() if space is not None else len(self._text)) > longest:
            return longest
        return space.start() if space is not None else None

    def _source_at(self, offset: int) -> int:
        """Return how many characters of the written answer `offset` characters of the plain text cover."""
        span = bisect_left(self._span_ends, offset)
        if self._span_ends[span] == offset:
            return self._source_ends[bisect_right(self._span_ends, offset) - 1]
        before = self._source_ends[span - 1] if span else 0
        return max(before, self._source_ends[span] - (self._span_ends[span] - offset))


def _best_end(ends: list[ClauseEnd], budget_chars: int) -> int:
    """Return the most natural end in the second half of the budget, else the last one."""
    for strength in (Strength.SENTENCE, Strength.CLAUSE):
        fitting = [end.at for end in ends if end.strength is strength and end.at > budget_chars / 2]
        if fitting:
            return fitting[-1]
    return ends[-1].at


def _letters_end(text: str, begin: int = 0) -> int | None:
    """Return the position after the `MIN_TEXT_CHUNK_LETTERS`th letter from `begin` on; None if there are fewer."""
    letters = islice(_LETTER.finditer(text, begin), MIN_TEXT_CHUNK_LETTERS - 1, None)
    return next((letter.end() for letter in letters), None)


def _words_to_say(text: str) -> list[re.Match[str]]:
    """Return the words that have a letter nearby."""
    return [word for near in _NEAR_LETTERS.finditer(text) for word in _WORD.finditer(text, *near.span())]


def count_written_words(written: Sequence[str], spoken: Sequence[str]) -> list[int]:
    """Return, for each word of `spoken`, how many of `written` have been said at its end; never decreases.

    Exact for words that are the same in both. Where words differ ("£3" is "three pounds"), assume that the voice goes
    through the written words evenly, and count a word only once all of it has been said. The last word covers all.
    """
    covered: list[int] = []
    for _, begin, end, spoken_begin, spoken_end in SequenceMatcher(None, written, spoken, autojunk=False).get_opcodes():
        count = spoken_end - spoken_begin
        covered += [begin + (end - begin) * said // count for said in range(1, count + 1)]
    return [*covered[:-1], len(written)] if covered else []
