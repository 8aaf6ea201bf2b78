"""The messages of a conversation: what was said, and what was heard of the answers. Pure.

Append-only, so that a server's prefix cache holds all but the last question. When the context is nearly full, exchanges
are dropped until it is half empty. Each removal costs a whole new prefill, so there should be few, and no question
should wait for one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import chain

from voicecli.conversation.rubbish import is_rubbish
from voicecli.types import Message, PlaybackChunk, WordEnd

ASCII_PER_TOKEN, BYTES_PER_TOKEN = 2.3, 1.5
"""Characters of ASCII, and bytes of UTF-8 of all others, that a token has at the least. SmolLM2-135M, of a
small vocabulary, took one for 3.9 bytes of English, 2.5 of German, 2.4 of Python, 2.2 of Hindi and 1.7 of Japanese."""

MESSAGE_TOKENS = 6
"""What a chat template adds to each message: in ChatML and Llama 3 the role, two marks and line ends, 5 or 6 in all."""

NEARLY_FULL = 0.75
"""Of the context: what is left still holds a long question, so that none has to wait for a removal."""

INTERRUPTED = "Sorry to interrupt."
"""What the next question begins with after the user has cut an answer short.

A mark at the end of the answer itself is copied: with "…" there SmolLM2-135M broke off 3 of 16 answers in the same way,
all of them among the 8 after three cuts in a row. With these words it broke off none of 16, and spoke of the
interruption in none.
"""

AFTER_CALLS = "All right."
"""The assistant's answer after tool calls of which the user heard nothing. Templates require an answer to each
question, and a question that is asked again would have its calls made again."""

_CLOSING = re.compile(r"(?<=\S)(?:\]\([^()\s]*\)|[^\w\s])*(?=\s|\Z)")
"""What may follow a word that has been said: marks and the address of a link, as far as the next space."""

_UNSPACED = re.compile(r"[\u3041-\u30ff\u3400-\u9fff]")
"""Japanese and Chinese have no spaces between words, so any two of their characters may be parted."""


class History:
    """The messages of one conversation."""

    def __init__(self, system_prompt: str, context_tokens: int, about_now: Callable[[], str] = str) -> None:
        """`about_now` returns sentences that follow the system prompt, such as the date; they should rarely change."""
        self._prompt, self._about_now, self._prompt_end = system_prompt, about_now, ""
        self._examples: Sequence[Message] = ()
        self._context_tokens = self._room_tokens = float(context_tokens)
        self._exchanges: list[tuple[Message, ...]] = []  # a question, calls of tools with their results, the answer
        self._unanswered: list[str] = []
        self._is_reopened = False  # the last of them

    def prompt(self, text: str) -> list[Message]:
        """Return the request for an answer to `text`. Nothing is remembered yet: the user may still continue.

        Earlier questions without an answer are included in it: two user messages in a row confuse models.
        """
        if self._tokens(text) > self._room_tokens:
            self._forget(text)
        return [*self.messages(), self._question(text)]

    def exchange(self, question: str, answer: str, calls: Sequence[Message] = ()) -> tuple[Message, ...]:
        """Return what a turn adds to the messages; nothing without an answer.

        `calls`: tool calls, each followed by its result.
        """
        if not (answer := answer.strip() or (AFTER_CALLS if calls else "")):
            return ()
        return self._question(question), *calls, Message("assistant", answer)

    def add(
        self, question: str, heard: str, *, cut: bool = False, calls: Sequence[Message] = (), reopened: bool = False
    ) -> None:
        """Remember a turn: the question, and as much of the answer as was heard.

        `cut`: the user interrupted it; `reopened`: the user continued the question. An answer that would lead the model
        astray is not remembered, nor is its question.
        """
        self._is_reopened = False
        if not calls and is_rubbish(question, heard, self._answers):
            self._unanswered = []
        elif exchange := self.exchange(question, heard, calls):
            self._exchanges.append(exchange)
            self._unanswered = [INTERRUPTED] if cut else []
        else:
            self._unanswered.append(question)
            self._is_reopened = reopened

    def withdraw_question(self) -> str:
        """Remove and return the last question if the user seemed to continue it; otherwise return an empty string."""
        is_reopened, self._is_reopened = self._is_reopened, False
        return self._unanswered.pop() if is_reopened and self._unanswered else ""

    def reserve_tokens(self, tokens: float) -> None:
        """Set aside `tokens` of the context for what each prompt contains besides the messages."""
        self._room_tokens = self._context_tokens - tokens

    def make_room(self, coming: Sequence[Message] = ()) -> bool:
        """Drop the oldest exchanges if the context is nearly full. Return whether the model has to read the rest again.

        `coming`: an exchange that is about to be added.
        """
        exchanges = len(self._exchanges)
        if self._tokens("", coming) > NEARLY_FULL * self._room_tokens:
            self._forget("", coming)
        return len(self._exchanges) < exchanges

    def messages(self) -> list[Message]:
        """Return the messages that each request begins with."""
        return [self._system, *self._examples, *chain.from_iterable(self._exchanges)]

    def set_system_prompt(self, system_prompt: str) -> None:
        """Use another system prompt from the next request on."""
        self._prompt = system_prompt

    def set_examples(self, examples: Sequence[Message]) -> None:
        """Begin each request with a conversation that shows how to answer, from the next one on."""
        self._examples = examples

    def add_to_prompt(self, sentence: str) -> None:
        """Set the last sentence of the system prompt, from the next request on; empty for none."""
        self._prompt_end = sentence

    def forget(self) -> None:
        """Forget everything that was said."""
        self._exchanges, self._unanswered = [], []

    def halve(self) -> bool:
        """Drop the older half, because the model holds less than estimated. Return False where there was nothing."""
        exchanges = len(self._exchanges)
        del self._exchanges[: (exchanges + 1) // 2]
        if not exchanges and self._unanswered:
            self._unanswered = []
            return True
        return exchanges > 0

    @property
    def _system(self) -> Message:
        return Message("system", " ".join(filter(None, (self._prompt, self._about_now(), self._prompt_end))))

    @property
    def _answers(self) -> list[tuple[str, str]]:
        """The questions and answers that are remembered."""
        return [(exchange[0].text, exchange[-1].text) for exchange in self._exchanges]

    def _question(self, text: str) -> Message:
        return Message("user", " ".join([*self._unanswered, text]))

    def _tokens(self, text: str, coming: Sequence[Message] = ()) -> float:
        return sum(map(estimated_tokens, (*self.messages(), *coming, self._question(text))))

    def _forget(self, text: str, coming: Sequence[Message] = ()) -> None:
        """Drop the oldest, down to half the room. The newest exchange stays as long as it fits, `text` in any case."""
        left, dropped = self._tokens(text, coming), 0
        for at, exchange in enumerate(self._exchanges):
            is_newest = at == len(self._exchanges) - 1 and not coming
            if left <= (self._room_tokens if is_newest else self._room_tokens / 2):
                break
            left -= sum(map(estimated_tokens, exchange))
            dropped += 1
        del self._exchanges[:dropped]
        if left > self._room_tokens:
            while self._unanswered and self._tokens(text) > self._room_tokens / 2:
                del self._unanswered[0]


def estimated_tokens(message: Message) -> float:
    """Return about how many tokens a message takes; an overestimate."""
    calls = sum(MESSAGE_TOKENS + text_tokens(call.name + call.arguments) for call in message.calls)
    return MESSAGE_TOKENS + text_tokens(message.text) + calls


def text_tokens(text: str) -> float:
    """Return about how many tokens a text takes; an overestimate."""
    ascii_characters = sum(map(str.isascii, text))
    others = len(text.encode(errors="replace")) - ascii_characters
    return ascii_characters / ASCII_PER_TOKEN + others / BYTES_PER_TOKEN


def heard_source_end(chunks: Sequence[PlaybackChunk], heard_s: float) -> int:
    """Return how many characters of the answer as written were spoken after `heard_s` seconds of its chunks.

    Exact at the end of each word that a chunk lists, and at the end of each chunk. In between, the voice is assumed to
    read at an even pace.
    """
    begin = 0
    for chunk in chunks:
        if heard_s < chunk.audio_s:
            return _reached(chunk, begin, max(0.0, heard_s))
        heard_s -= chunk.audio_s
        begin = chunk.source_end
    return begin


def _reached(chunk: PlaybackChunk, begin: int, heard_s: float) -> int:
    known = [WordEnd(0.0, begin), *chunk.words, WordEnd(chunk.audio_s, chunk.source_end)]
    after = bisect_right(known, heard_s, key=lambda word: word.at_s)
    last, coming = known[after - 1], known[after]
    share = (heard_s - last.at_s) / (coming.at_s - last.at_s)
    return last.source_end + int((coming.source_end - last.source_end) * share)


def whole_words(text: str, end: int) -> str:
    """Return `text` up to `end`, without the word that is cut there."""
    if end >= len(text):
        return text
    head = text[:end]
    if head and _UNSPACED.match(head[-1]) and _UNSPACED.match(text[end]):
        return head
    if closing := _CLOSING.match(text, end):
        return head + closing[0]
    return head[: max((i + 1 for i, c in enumerate(head) if c.isspace()), default=0)].rstrip()
