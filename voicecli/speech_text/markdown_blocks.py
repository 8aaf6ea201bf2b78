"""Turn a streamed Markdown answer into plain text that a voice can speak.

This module handles lines and blocks: headings and list items become sentences; code and tables are announced instead of
read. `markdown_inline` handles marks inside a line. The screen shows the Markdown itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from voicecli.speech_text.markdown_inline import EMOJI, inline_mark
from voicecli.speech_text.phrases import PHRASES, SpokenPhrases


@dataclass(frozen=True, slots=True)
class Span:
    r"""Plain text, and how much of the written answer it covers.

    "\n" inside the text always ends a sentence. An empty text covers writing that is not spoken.
    """

    text: str
    source_end: int  # characters of the written answer consumed up to and including this text


class _Line(Enum):
    PROSE = auto()
    SENTENCE = auto()  # a heading or a list item: its end ends a sentence


class _Opening(Enum):
    """The kind of line that its first characters show."""

    BLANK = auto()
    RULE = auto()
    FENCE = auto()
    TABLE = auto()
    QUOTE = auto()
    SENTENCE = auto()


_MOST_MARKS = 200
"""Most marks of a rule. A longer row is prose: testing each of ten thousand marks for a rule would take seconds."""

_OPENINGS: tuple[tuple[_Opening, re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (opening, re.compile(growing), re.compile(whole))
    for opening, growing, whole in (
        (_Opening.BLANK, r"[ \t]*", r"[ \t]*\n"),
        (
            _Opening.FENCE,
            r"[ \t]*(?:`{1,2}|~{1,2}|(?:`{3,}|~{3,})[^`\n]{0,200})",
            r"[ \t]*(?P<fence>`{3,}|~{3,})[^`\n]{0,200}\n",
        ),
        (
            _Opening.RULE,
            rf"[ \t]*(?P<rule>[-*_=])(?:[ \t]*(?P=rule)){{0,{_MOST_MARKS - 1}}}[ \t]*",
            rf"[ \t]*(?P<rule>[-*_=])(?:[ \t]*(?P=rule)){{2,{_MOST_MARKS - 1}}}[ \t]*\n",
        ),
        (_Opening.TABLE, r"(?!)", r"[ \t]*\|"),
        (_Opening.QUOTE, r"(?!)", r"[ \t]*>[ \t]?"),
        (_Opening.SENTENCE, r"[ \t]*#{1,6}[ \t]*", r"[ \t]*#{1,6}[ \t]+"),
        (
            _Opening.SENTENCE,
            r"[ \t]*(?:(?:[-+*•]|\d{1,3}[.)])[ \t]*(?:\[(?:[ xX](?:\][ \t]*)?)?)?|\d{1,3})",
            r"[ \t]*(?:[-+*•]|(?P<number>\d{1,3})[.)])[ \t]+(?:\[[ xX]\][ \t]+)?",
        ),
        (
            _Opening.SENTENCE,
            rf"[ \t]*(?:[{EMOJI}]+|\d\ufe0f?)[ \t]*",
            rf"[ \t]*(?:[{EMOJI}]+|\d\ufe0f?\u20e3)[ \t]*",
        ),
    )
)
_LINE_END = re.compile(r"\n")
_DISPLAYS = {"$$": re.compile(r"\$\$"), "\\[": re.compile(r"\\\]")}
"""Delimiters of formulas on lines of their own: the opening one, and a pattern of the closing one."""
_DISPLAY_STARTS = ("$", "\\")

_LETTERS = re.compile(r"[^\W\d_]+")
_BEFORE_FIRST_LETTER = " \t*_\"'“‘([`"
_CLOSERS = "\"'”’)]»」』）】》*"
_STOPS = ".!?…:;,—–。！？．｡、，；：।॥"
_NO_SPACE_BEFORE = ".,;:!?)।॥"
_SILENT_MARKS = "*_~"  # they wrap words, so the text after them keeps its space


class SpeechMarkdownFilter:
    """Converts the answer as it streams: prose word by word, marks as soon as they are certain.

    The result does not depend on how the answer is divided into calls of `push`. `source_end` never decreases; after
    `close` the last span covers the whole answer.
    """

    def __init__(self, phrases: SpokenPhrases = PHRASES["en"]) -> None:
        self._phrases = phrases
        self._text = "\n"  # one decided character, which marks depend on, and all undecided text
        self._decided = 0  # characters of the answer before the undecided ones
        self._length = 0
        self._line: _Line | None = None  # None: at the beginning of a line
        self._block_end: re.Pattern[str] | None = None  # set while a block is skipped
        self._highest_item = 0  # of the numbered lists so far
        self._in_table = False
        self._breaks = False  # the line before has ended, and nothing has been said since
        self._gap = False  # white space has been read and not emitted
        self._dropped = False  # unspeakable text came after that white space
        self._tail = "\n"  # the end of the emitted text
        self._spans: list[Span] = []

    def push(self, text: str) -> list[Span]:
        """Add text and return the spans that are now certain."""
        self._length += len(text)
        self._text += text.replace("\r", " ")
        while len(self._text) > 1 and self._step():
            pass
        spans, self._spans = self._spans, []
        return spans

    def close(self) -> list[Span]:
        """End the answer and return the rest. Marks that were never closed are spoken as written."""
        length = self._length
        spans = [Span(span.text, min(span.source_end, length)) for span in self.push("\n")]
        return [*spans, Span("", length)] if length else spans

    def _step(self) -> bool:
        """Decide on the next part of the text; return False if more text is needed."""
        if self._block_end is not None:
            return self._skip_block(self._block_end)
        return self._open_line() if self._line is None else self._go_on()

    def _open_line(self) -> bool:
        for opening, growing, whole in _OPENINGS:
            if growing.fullmatch(self._text, 1) is not None:
                return False
            if (match := whole.match(self._text, 1)) is not None and self._is_in_order(match):
                self._open(opening, match)
                return True
        return self._open_prose()

    def _is_in_order(self, opening: re.Match[str]) -> bool:
        """Return whether a number continues a list from one: "42. That is the answer" is not a list item."""
        return _item_number(opening) <= self._highest_item + 1

    def _open(self, opening: _Opening, match: re.Match[str]) -> None:
        self._advance(match.end() - 1)
        if opening is _Opening.QUOTE:
            return
        self._end_sentence()
        was_table, self._in_table = self._in_table, opening is _Opening.TABLE
        match opening:
            case _Opening.SENTENCE:
                self._line = _Line.SENTENCE
                self._highest_item = max(self._highest_item, _item_number(match))
            case _Opening.FENCE:
                fence = match["fence"]
                self._announce(self._phrases.code, re.compile(rf"(?<=\n)[ \t]*{fence[0]}{{{len(fence)},}}[ \t]*\n"))
            case _Opening.TABLE if was_table:
                self._block_end = _LINE_END
            case _Opening.TABLE:
                self._announce(self._phrases.table, _LINE_END)
            case _:
                pass

    def _open_prose(self) -> bool:
        if self._breaks:
            rest = self._text[1:].lstrip(_BEFORE_FIRST_LETTER)
            if not rest:
                return False
            if rest[0].isupper() and self._tail[-1].isalnum():
                self._emit(",")  # models do not wrap lines: this is verse, or one fact per line
        self._breaks = False
        self._in_table = False
        self._line = _Line.PROSE
        return True

    def _go_on(self) -> bool:
        first = self._text[1]
        if first == "\n":
            self._end_line()
        elif first.isspace():
            self._advance(1)
            self._gap = True
        elif self._text[1:] in _DISPLAY_STARTS:
            return False
        elif (end := _DISPLAYS.get(self._text[1:3])) is not None:
            self._advance(2)
            self._end_sentence()
            self._announce(self._phrases.formula, end)
        else:
            return self._go_on_with(first)
        return True

    def _go_on_with(self, first: str) -> bool:
        mark = inline_mark(self._text, 1, self._phrases)
        if mark is None:
            letters = _LETTERS.match(self._text, 1)
            end = letters.end() if letters is not None else 2
            mark = end, self._text[1:end]
        end, spoken = mark
        self._advance(end - 1)
        if spoken.strip():
            self._say(spoken)
        else:
            self._gap |= bool(spoken)
            self._dropped |= first not in _SILENT_MARKS
        return end > 1

    def _end_line(self) -> None:
        self._advance(1)
        self._gap = True
        if self._line is _Line.SENTENCE:
            self._end_sentence()
        else:
            self._breaks = True
        self._line = None

    def _skip_block(self, block_end: re.Pattern[str]) -> bool:
        match = block_end.search(self._text, 1)
        if match is None:
            self._advance(max(0, self._text.rfind("\n")))
            return False
        self._advance(match.end() - 1)
        self._block_end = None
        if match[0].endswith("\n"):
            self._line = None
        return True

    def _advance(self, count: int) -> None:
        self._text = self._text[count:]
        self._decided += count

    def _say(self, text: str) -> None:
        glued = self._dropped and text[0] in _NO_SPACE_BEFORE
        spaced = self._gap and not glued and self._tail != "\n"
        self._emit(f" {text}" if spaced else text)
        self._gap = self._dropped = False

    def _end_sentence(self) -> None:
        self._breaks = False
        if self._tail == "\n":
            return
        is_ended = self._tail.rstrip(_CLOSERS).endswith(tuple(_STOPS))
        self._emit("\n" if is_ended else ".\n")
        self._tail = "\n"

    def _announce(self, notice: str, block_end: re.Pattern[str]) -> None:
        self._emit(f"{notice}\n")
        self._tail = "\n"
        self._block_end = block_end

    def _emit(self, text: str) -> None:
        self._tail = (self._tail + text)[-8:]
        if self._spans and self._decided - len(text) == self._spans[-1].source_end:
            text = self._spans.pop().text + text
        self._spans.append(Span(text, self._decided))


def _item_number(opening: re.Match[str]) -> int:
    return int(opening.groupdict().get("number") or 0)
