"""Tool calls that a language model writes into its answer: recognized in the stream, before a word of them is spoken.

Pure. Recognized forms, of the tools that were offered:

- `<tool_call>{"name": …, "arguments": {…}}</tool_call>` and the like, with or without the closing tag;
- such an object, or a list of them, bare or in a fenced block, also after a sentence;
- `set_timer(minutes=5)` where a sentence may begin, bare or in a fenced block.

Text is held back only while it may be the beginning of a call. What turns out to be none comes out unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from voicecli.engines.llm.call_shapes import (
    Parameters,
    WrittenCall,
    calls_in_block,
    calls_in_function,
    calls_in_json,
    closing_index,
)
from voicecli.types import ToolSpec

Part = str | WrittenCall

MAX_CALL_CHARS = 4000
"""Longest call. What is longer comes out as text, because it is held back meanwhile."""

TAGS = {
    "<tool_call>": "</tool_call>",
    "<function_call>": "</function_call>",
    "<tools>": "</tools>",
    "[TOOL_CALLS]": "[/TOOL_CALLS]",
}
"""Opening and closing tags of calls: Qwen and Hermes, Granite, what Qwen2.5-Coder makes of the former, Mistral."""

FENCE = "```"

FENCE_LANGUAGES = ("json", "tool_call", "tool_code", "python", "xml", "")
"""What may follow the first fence of a block with a call."""

_KEYS = ("name", "function", "tool", "tool_name", "type", "arguments", "parameters", "args", "tool_calls", "id")
"""The first key of an object that is a call."""

_SENTENCE_ENDS = frozenset(".!?:")

MORE: Literal["more"] = "more"
NO: Literal["no"] = "no"


@dataclass(frozen=True, slots=True)
class Found:
    """Calls at the beginning of a text, and how many characters they take."""

    calls: tuple[WrittenCall, ...]
    chars: int


Verdict = Found | Literal["more", "no"]
"""More: the text may become a call. A verdict other than that is the same for every longer text."""


class TextCallParser:
    """Splits a streamed answer into text and calls. How the stream is cut makes no difference."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._offered = {tool.name: parameter_names(tool) for tool in tools}
        self._held = ""
        self._before = ""  # the last visible character that came out, and a space if one followed it
        self._in_code = False  # in a fenced block without calls: nothing in it is one

    def push(self, text: str) -> list[Part]:
        """Read the next part of the stream. Return what is certain by now."""
        self._held += text
        return self._parts(is_over=False)

    def close(self) -> list[Part]:
        """Return the rest when the answer is over."""
        return self._parts(is_over=True)

    def _parts(self, *, is_over: bool) -> list[Part]:
        parts: list[Part] = []
        begin = at = 0
        while at < len(self._held):
            verdict = self._verdict(at, is_over=is_over)
            if verdict == MORE:
                break
            if isinstance(verdict, Found):
                parts += [*filter(None, [self._held[begin:at]]), *verdict.calls]
                begin = at = at + verdict.chars
                self._before = ""
            elif self._held.startswith(FENCE, at):
                self._in_code = not self._in_code
                self._before = FENCE[0]
                at += len(FENCE)
            else:
                self._note(self._held[at])
                at += 1
        parts += filter(None, [self._held[begin:at]])
        self._held = self._held[at:]
        return parts

    def _note(self, character: str) -> None:
        if character not in " \t":
            self._before = character
        elif self._before:
            self._before = self._before[0] + " "

    def _verdict(self, at: int, *, is_over: bool) -> Verdict:
        held = self._held[at : at + MAX_CALL_CHARS]
        is_over = is_over or len(held) == MAX_CALL_CHARS
        verdict: Verdict
        match held[0]:
            case "`" if len(held) < len(FENCE) and FENCE.startswith(held):
                verdict = MORE
            case _ if self._in_code:
                verdict = NO
            case "<" | "[" | "{":
                verdict = _marked(held, self._offered, is_over=is_over)
            case "`" if held.startswith(FENCE):
                verdict = _fenced(held, self._offered, is_over=is_over)
            case "`" if self._may_begin():
                verdict = _function(held, self._offered, is_over=is_over, quote="`")
            case _ if self._may_begin():
                verdict = _function(held, self._offered, is_over=is_over)
            case _:
                verdict = NO
        return NO if verdict == MORE and is_over else verdict

    def _may_begin(self) -> bool:
        """Return whether a sentence may begin here."""
        before = self._before
        return before[:1] in ("", "\n") or (before[0] in _SENTENCE_ENDS and before[1:] == " ")


def parameter_names(tool: ToolSpec) -> tuple[str, ...]:
    """Return the names of a tool's parameters, in order."""
    properties = tool.parameters.get("properties")
    return tuple(properties) if isinstance(properties, Mapping) else ()


def _marked(held: str, offered: Parameters, *, is_over: bool) -> Verdict:
    """Judge a text that begins with an angle, square or curly bracket."""
    for opening, closing in TAGS.items():
        if len(held) < len(opening) and opening.startswith(held):
            return MORE
        if held.startswith(opening):
            end = held.find(closing)
            if end < 0 and not is_over:
                return MORE
            inside = held[len(opening) : end] if end >= 0 else held[len(opening) :]
            calls = calls_in_block(inside, offered, tagged=True)
            return Found(calls, end + len(closing) if end >= 0 else len(held)) if calls else NO
    if not _may_be_json_call(held):
        return NO
    end_of_json = closing_index(held)
    if end_of_json is None and not is_over:
        return MORE
    calls = calls_in_json(held[:end_of_json], offered, tagged=False)
    return Found(calls, end_of_json or len(held)) if calls else NO


def _may_be_json_call(held: str) -> bool:
    """Return whether a text that begins with a bracket may become an object that is a call, or a list of them."""
    inside = held.lstrip("[ \t\r\n")
    if not inside.startswith("{"):
        return not inside
    quoted = inside[1:].lstrip()
    if not quoted or quoted[0] not in "\"'":
        return not quoted
    key, end, _ = quoted[1:].partition(quoted[0])
    return key in _KEYS if end else any(known.startswith(key) for known in _KEYS)


def _fenced(held: str, offered: Parameters, *, is_over: bool) -> Verdict:
    """Judge a text that begins with a fence: a block that holds nothing but calls is one of calls."""
    line, line_end, block = held[len(FENCE) :].partition("\n")
    language = line.strip()
    if not line_end and not is_over:
        return MORE if any(known.startswith(language) for known in FENCE_LANGUAGES) else NO
    if language not in FENCE_LANGUAGES or not _may_be_block(block.lstrip(), offered):
        return NO
    inside, closing, _ = block.partition(FENCE)
    if not closing and not is_over:
        return MORE
    calls = calls_in_block(inside, offered, tagged=False)
    return Found(calls, len(FENCE) + len(line) + 1 + len(inside) + len(closing)) if calls else NO


def _may_be_block(inside: str, offered: Parameters) -> bool:
    if inside[:1] in ("{", "["):
        return _may_be_json_call(inside)
    return any(opening.startswith(inside[: len(opening)]) for opening in (*TAGS, *(f"{name}(" for name in offered)))


def _function(held: str, offered: Parameters, *, is_over: bool, quote: str = "") -> Verdict:
    """Judge a text that begins where a sentence may begin: a call, unless the sentence goes on behind it."""
    for name in offered:
        opening = f"{quote}{name}("
        if len(held) < len(opening) and opening.startswith(held):
            return MORE
        if held.startswith(opening):
            length = closing_index(held[len(opening) - 1 :])
            if length is None:
                return MORE
            end = len(opening) - 1 + length
            behind = held[end:].removeprefix(quote).lstrip(" \t")
            if not behind and not is_over:
                return MORE
            calls = calls_in_function(held[len(quote) : end], offered)
            is_call = bool(calls) and not (behind[:1].isalnum() or behind.startswith("("))
            return Found(calls, end + len(quote) if held[end:].startswith(quote) else end) if is_call else NO
    return NO
