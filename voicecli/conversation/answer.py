"""The text of one answer on its way from the language model to the voice."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from voicecli.conversation.history import heard_source_end, whole_words
from voicecli.conversation.language import ENGLISH, AnswerLanguage
from voicecli.speech_text.chunker import SHORT_CLAUSE_CHARS, TextChunker
from voicecli.speech_text.markdown_blocks import Span, SpeechMarkdownFilter
from voicecli.speech_text.think_filter import ThinkFilter
from voicecli.types import PlaybackChunk, TextChunk, TurnId


class AnswerStream:
    """Text goes in as it is written; chunks of what a voice says come out when the voice asks for them.

    The responder writes the text. The voice appends to `chunks`, the sound of the text so far.
    """

    def __init__(
        self, turn: TurnId, language: AnswerLanguage = ENGLISH, first_chunk_chars: int = SHORT_CLAUSE_CHARS
    ) -> None:
        self.turn = turn
        self.language = language
        self.written = ""
        """The answer so far, Markdown included."""
        self.side_speech = ""
        """What is said that is not part of the answer, such as "One moment."."""
        self.chunks: list[PlaybackChunk] = []
        self._pending_side_speech = deque[str]()
        self._markdown = SpeechMarkdownFilter(language.phrases)
        self._chunker = TextChunker(language.normalize, first_chunk_chars)
        self._changed = asyncio.Event()

    def set_language(self, language: AnswerLanguage) -> None:
        """Answer in `language`. Call before the first `write`."""
        self.language = language
        self._markdown = SpeechMarkdownFilter(language.phrases)
        self._chunker.set_normalizer(language.normalize)

    def set_normalizer(self, normalize: Callable[[str], str]) -> None:
        """Turn written text into spoken words with `normalize`, from the next chunk on."""
        self._chunker.set_normalizer(normalize)

    def write(self, text: str) -> None:
        """Append to the answer. The text may be cut anywhere."""
        self.written += text
        self._push(self._markdown.push(text))
        self._changed.set()

    def close(self) -> None:
        """End the text."""
        self._push(self._markdown.close())
        self._chunker.close()
        self._changed.set()

    def say_beside(self, text: str) -> None:
        """Queue a sentence that is not part of the answer. It is said before more of the answer is."""
        self._pending_side_speech.append(text)
        self.note_side_speech(text)
        self._changed.set()

    def note_side_speech(self, text: str) -> None:
        """Remember that `text` is said beside the answer."""
        self.side_speech = f"{self.side_speech} {text}".strip()

    def say_that_it_is_written(self) -> None:
        """Say that the answer is only on the screen, because no voice speaks its language."""
        self.side_speech = self.language.phrases.written
        self._chunker.push(Span(f"{self.side_speech}\n", 0))

    def next_chunk(self, budget_chars: int) -> TextChunk | None:
        """Return the next text for the voice, about `budget_chars` long; None where none is complete yet."""
        return self._chunker.next_chunk(budget_chars)

    def next_side_speech(self) -> str:
        """Return the next sentence from `say_beside`; empty where there is none."""
        return self._pending_side_speech.popleft() if self._pending_side_speech else ""

    def wake_voice(self) -> None:
        """Let the voice notice that there is nothing to say for now."""
        self._changed.set()

    async def changed(self) -> None:
        """Wait for more text, or for the end of it."""
        self._changed.clear()
        await self._changed.wait()

    @property
    def is_closed(self) -> bool:
        """Whether all of the text is there."""
        return self._chunker.closed

    @property
    def is_exhausted(self) -> bool:
        """Whether the voice has been given all of the text."""
        return self._chunker.exhausted

    @property
    def source_end(self) -> int:
        """Characters of `written` that the sound so far covers."""
        return self.chunks[-1].source_end if self.chunks else 0

    def heard(self, heard_s: float) -> str:
        """Return the answer as written, up to what `heard_s` seconds of its speech cover; all of an unspoken one."""
        if not self.language.is_spoken:
            return self.written
        return whole_words(self.written, heard_source_end(self.chunks, heard_s))

    def voiced(self, heard_s: float) -> str:
        """Return everything that a microphone may have picked up after `heard_s` seconds."""
        return f"{self.heard(heard_s)} {self.side_speech}".strip()

    def is_whole(self, heard: str) -> bool:
        """Return whether `heard` is the whole answer."""
        return self.is_closed and heard.rstrip() == self.written.rstrip()

    def _push(self, spans: Iterable[Span]) -> None:
        if self.language.is_spoken:
            for span in spans:
                self._chunker.push(span)


class TextTurn:
    """An answer that arrives as text from outside, bit by bit. The model's thoughts are left out."""

    def __init__(self, turn: TurnId, language: AnswerLanguage = ENGLISH) -> None:
        self.answer = AnswerStream(turn, language)
        self._thoughts = ThinkFilter()

    def write(self, text: str) -> None:
        """Append text. It may be cut anywhere."""
        self.answer.write(self._thoughts.push(text))

    def close(self) -> None:
        """End the text."""
        self.answer.write(self._thoughts.close())
        self.answer.close()
