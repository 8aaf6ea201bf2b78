"""One question and the answer to it, while they are alive."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from voicecli.conversation.approval import ToolApproval
from voicecli.conversation.history import heard_source_end, whole_words
from voicecli.conversation.language import ENGLISH, AnswerLanguage
from voicecli.errors import VoiceCliError
from voicecli.events import Stage
from voicecli.speech_text.chunker import TextChunker
from voicecli.types import Message, PlaybackChunk, SpeechSegment, ToolCall, TurnId

CANCELLED = "Cancelled: the user interrupted."
"""What the language model is told of a call that was not over when its turn was."""


class StageError(Exception):
    """What ended a turn, and in which stage."""

    def __init__(self, stage: Stage, error: Exception) -> None:
        super().__init__(str(error))
        self.stage = stage
        self.error = error
        self.message = error.message if isinstance(error, VoiceCliError) else f"{type(error).__name__}: {error}"
        self.hint = error.hint if isinstance(error, VoiceCliError) else "the log file has the details"


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Book whatever fails inside on a stage."""
    try:
        yield
    except Exception as error:
        raise StageError(name, error) from error


def first_failure(error: Exception) -> StageError:
    """The failure that counts: the first one, where several tasks of a turn failed together."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, StageError) else StageError("playout", error)


@dataclass(slots=True, eq=False)
class ToolRound:
    """Calls of tools that the language model asked for at once, and what came of them so far."""

    said: str  # by the model, beside asking
    calls: tuple[ToolCall, ...]
    results: list[str] = field(default_factory=list)

    def messages(self, *, aloud: bool) -> Iterator[Message]:
        """As a language model is told it: each call has a result. `aloud`: with what was said."""
        yield Message("assistant", self.said if aloud else "", calls=self.calls)
        for at, call in enumerate(self.calls):
            yield Message("tool", self.results[at] if at < len(self.results) else CANCELLED, answers=call)


@dataclass(slots=True, eq=False)
class Turn:
    """A turn is one task with one id. Until it is released nothing of it may be heard, shown or remembered."""

    id: TurnId
    segment: SpeechSegment | None = None  # what was said; None for a typed question
    question: str = ""
    replayed: str = ""  # an earlier answer that is said again, as it was written
    language: str = ""  # of the question, ISO 639-1; empty until it is known
    answer_language: AnswerLanguage = ENGLISH  # of the answer
    written: str = ""  # the answer so far, markup included
    announcement: str = ""  # what is said, where nobody has asked
    rounds: list[ToolRound] = field(default_factory=list)  # of calls that were made
    calling: bool = False  # tools are at work, or leave for one is asked
    approval: ToolApproval | None = None  # the question to the user that the turn waits for
    side_speech: str = ""  # what was said that is no part of the answer
    pending_side_speech: deque[str] = field(default_factory=deque)  # of it, what is still to be said
    chunks: list[PlaybackChunk] = field(default_factory=list)
    chunker: TextChunker = field(default_factory=TextChunker)
    more: asyncio.Event = field(default_factory=asyncio.Event)  # `text_chunks` has changed
    released: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def is_said_aloud(self) -> bool:
        """Whether there is something to say, now that the words of the user are known."""
        return bool(self.question or self.announcement or self.replayed)

    def say_beside_answer(self, text: str) -> None:
        """Have a sentence said that is no part of the answer, before more of the answer is."""
        self.side_speech = f"{self.side_speech} {text}".strip()
        self.pending_side_speech.append(text)
        self.more.set()

    def calls_made(self, *, aloud: bool = False) -> list[Message]:
        """Calls and their results, as the language model is told them."""
        return [message for made in self.rounds for message in made.messages(aloud=aloud)]

    def is_whole(self, heard: str) -> bool:
        """Whether `heard` is all of the answer, and no more of it was to come."""
        return self.chunker.closed and heard.rstrip() == self.written.rstrip()

    def voiced(self, heard_s: float) -> str:
        """All that a microphone may have heard after `heard_s` seconds."""
        return f"{self.heard(heard_s)} {self.side_speech}".strip()

    def heard(self, heard_s: float) -> str:
        """The answer as written, as far as `heard_s` seconds of its speech go; all of it where none is spoken."""
        if not self.answer_language.is_spoken:
            return self.written
        return whole_words(self.written, heard_source_end(self.chunks, heard_s))
