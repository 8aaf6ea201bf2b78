"""What was said *and heard*, as the language model is told it. Pure.

Append-only, so that a server's prefix cache holds all but the last question; when the context is full the older half
goes at once, because each removal costs a whole new prefill.
"""

from __future__ import annotations

from collections.abc import Sequence

from voicecli.types import Message, SpeechChunk

CHARS_PER_TOKEN = 3.0
"""Fewer than English text has (about 4), so that the estimate errs on the safe side."""


class History:
    """Messages of one conversation."""

    def __init__(self, system_prompt: str, context_tokens: int) -> None:
        self._system = Message("system", system_prompt)
        self._room_chars = context_tokens * CHARS_PER_TOKEN
        self._turns: list[Message] = []
        self._unanswered: list[str] = []

    def asking(self, text: str) -> list[Message]:
        """The request for an answer to `text`. Nothing is remembered yet: the user may still go on.

        Earlier questions that got no answer are asked along: two user messages in a row confuse models.
        """
        question = Message("user", " ".join([*self._unanswered, text]))
        while self._turns and self._size([*self._turns, question]) > self._room_chars:
            self._turns = self._turns[max(2, len(self._turns) // 4 * 2) :]
        return [self._system, *self._turns, question]

    def add(self, question: str, heard: str) -> None:
        """Remember a turn: the question, and as much of the answer as was heard."""
        self._unanswered.append(question)
        if heard.strip():
            self._turns += [Message("user", " ".join(self._unanswered)), Message("assistant", heard.strip())]
            self._unanswered = []

    def _size(self, messages: Sequence[Message]) -> int:
        return sum(len(message.text) for message in [self._system, *messages])


def heard_source_end(chunks: Sequence[SpeechChunk], heard_s: float) -> int:
    """How many characters of the answer as written had been spoken after `heard_s` seconds of its chunks.

    Inside a chunk the voice is taken to go through the text at an even pace.
    """
    begin = 0
    for chunk in chunks:
        if heard_s < chunk.audio_s:
            return begin + int((chunk.source_end - begin) * max(0.0, heard_s) / chunk.audio_s)
        heard_s -= chunk.audio_s
        begin = chunk.source_end
    return begin


def whole_words(text: str, end: int) -> str:
    """`text` up to `end`, without the word that is cut there."""
    if end >= len(text) or text[end : end + 1].isspace():
        return text[:end]
    head = text[:end]
    return head[: max((i + 1 for i, c in enumerate(head) if c.isspace()), default=0)].rstrip()
