"""Takes a model's thoughts out of its stream of tokens, so that neither screen nor voice shows them.

Two spellings exist: `<think>…</think>` (Qwen, DeepSeek and their kin) and the channels of Harmony, where
`<|channel|>analysis<|message|>…<|end|>` is thought and `<|channel|>final<|message|>…` is the answer
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
    ROLE = auto()  # after <|start|>: who speaks
    CHANNEL = auto()  # after <|channel|>: in which channel
    SIDE_SPEECH = auto()  # the text of a channel that is not the final one


_TAGS: dict[_Mode, dict[str, _Mode]] = {
    _Mode.ANSWER: {
        "<think>": _Mode.THINK,
        "<thinking>": _Mode.THINKING,
        # Some chat templates put the opening tag into the prompt. What came before has been said already, so only
        # the tag itself can still be left out.
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
"""What each tag leads to. A tag that a mode does not list is text there."""


class ThinkFilter:
    """Passes the answer on and swallows the thoughts. Text waits only while it may be the beginning of a tag."""

    def __init__(self) -> None:
        self._mode = _Mode.ANSWER
        self._held = ""
        self._after_tag = True  # white space that follows a tag separates nothing
        self._ends_in_space = True

    def push(self, text: str) -> str:
        """The part of the answer that has become certain."""
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
        """The rest, when the stream is over. A thought that never ended stays unsaid."""
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
    """The tokens of the answer alone. Closing this generator closes `tokens`."""
    answer = ThinkFilter()
    async with aclosing(tokens):
        async for token in tokens:
            if text := answer.push(token.text):
                yield Token(text)
    if text := answer.close():
        yield Token(text)


def _first_tag(text: str, tags: dict[str, _Mode]) -> tuple[int, str] | None:
    found = [(at, tag) for tag in tags if (at := text.find(tag)) >= 0]
    return min(found, default=None)


def _open_tag_length(text: str, tags: dict[str, _Mode]) -> int:
    """Length of the longest end of `text` with which a tag may begin."""
    longest = min(len(text), max(map(len, tags)) - 1)
    return next((n for n in range(longest, 0, -1) if any(tag.startswith(text[-n:]) for tag in tags)), 0)
