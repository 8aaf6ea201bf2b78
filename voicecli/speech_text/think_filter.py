"""Remove a model's reasoning from its token stream, so that it is neither shown nor spoken.

Two formats exist: `<think>…</think>` (Qwen, DeepSeek and others) and the channels of Harmony, where
`<|channel|>analysis<|message|>…<|end|>` is reasoning and `<|channel|>final<|message|>…` is the answer
(https://cookbook.openai.com/articles/openai-harmony).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from enum import Enum, auto

from voicecli.types import Token


class _Mode(Enum):
    ANSWER = auto()
    THINK = auto()
    THINKING = auto()
    ROLE = auto()  # after <|start|>: the role's name
    CHANNEL = auto()  # after <|channel|>: the channel's name
    SIDE_SPEECH = auto()  # the text of a channel other than the final one


_TAGS: dict[_Mode, dict[str, _Mode]] = {
    _Mode.ANSWER: {
        "<think>": _Mode.THINK,
        "<thinking>": _Mode.THINKING,
        # Some chat templates put the opening tag into the prompt. The text before the closing tag has been passed on
        # already, so only the tag itself can still be removed.
        "</think>": _Mode.ANSWER,
        "</thinking>": _Mode.ANSWER,
        "<|start|>": _Mode.ROLE,
        "<|channel|>": _Mode.CHANNEL,
        "<|message|>": _Mode.ANSWER,
        "<|end|>": _Mode.ANSWER,
        "<|return|>": _Mode.ANSWER,
    },
    _Mode.THINK: {"</think>": _Mode.ANSWER},
    _Mode.THINKING: {"</thinking>": _Mode.ANSWER},
    _Mode.ROLE: {"<|channel|>": _Mode.CHANNEL, "<|message|>": _Mode.ANSWER},
    _Mode.CHANNEL: {"final<|message|>": _Mode.ANSWER, "<|message|>": _Mode.SIDE_SPEECH},
    _Mode.SIDE_SPEECH: {
        "<|start|>": _Mode.ROLE,
        "<|channel|>": _Mode.CHANNEL,
        "<|end|>": _Mode.ANSWER,
        "<|return|>": _Mode.ANSWER,
        "<|call|>": _Mode.ANSWER,
    },
}
"""The mode that each tag leads to. Tags that a mode does not list are text there."""


class ThinkFilter:
    """Passes the answer on and drops the reasoning. Text is held only while it may be the beginning of a tag."""

    def __init__(self) -> None:
        self._mode = _Mode.ANSWER
        self._held = ""
        self._after_tag = True  # white space after a tag separates nothing
        self._ends_in_space = True

    def push(self, text: str) -> str:
        """Add text and return the part of the answer that is now certain."""
        self._held += text
        shown: list[str] = []
        while (found := _first_tag(self._held, _TAGS[self._mode])) is not None:
            at, tag = found
            shown.append(self._show(self._held[:at]))
            self._held = self._held[at + len(tag) :]
            self._mode = _TAGS[self._mode][tag]
            self._after_tag = True
        certain = len(self._held) - _open_tag_length(self._held, _TAGS[self._mode])
        shown.append(self._show(self._held[:certain]))
        self._held = self._held[certain:]
        return "".join(shown)

    def close(self) -> str:
        """End the stream and return the rest of the answer. Reasoning that never ended is dropped."""
        rest, self._held = self._show(self._held), ""
        return rest

    def _show(self, text: str) -> str:
        if self._mode is not _Mode.ANSWER:
            return ""
        if self._after_tag and self._ends_in_space:
            text = text.lstrip()
        if text:
            self._after_tag = False
            self._ends_in_space = text[-1].isspace()
        return text


async def without_thinking(tokens: AsyncGenerator[Token, None]) -> AsyncGenerator[Token, None]:
    """Stream the tokens of the answer without reasoning. Closing this generator closes `tokens`."""
    answer = ThinkFilter()
    async with aclosing(tokens):
        async for token in tokens:
            if (text := answer.push(token.text)) or token.at_limit:
                yield Token(text, token.at_limit)
    if text := answer.close():
        yield Token(text)


def _first_tag(text: str, tags: dict[str, _Mode]) -> tuple[int, str] | None:
    found = [(at, tag) for tag in tags if (at := text.find(tag)) >= 0]
    return min(found, default=None)


def _open_tag_length(text: str, tags: dict[str, _Mode]) -> int:
    """Return the length of the longest end of `text` that a tag may begin with."""
    longest = min(len(text), max(map(len, tags)) - 1)
    return next((n for n in range(longest, 0, -1) if any(tag.startswith(text[-n:]) for tag in tags)), 0)
