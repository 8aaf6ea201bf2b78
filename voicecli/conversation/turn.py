"""One question and the answer to it, while they are alive."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from voicecli.conversation.answer import AnswerStream
from voicecli.conversation.answer_guard import AnswerGuard
from voicecli.conversation.approval import ToolApproval
from voicecli.conversation.rubbish import whole_sentences
from voicecli.errors import VoiceCliError
from voicecli.events import Stage
from voicecli.types import Message, SpeechSegment, ToolCall, TurnId

CANCELLED = "Cancelled: the user interrupted."
"""What the language model reads as the result of a call that was under way when its turn was interrupted."""


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
    """Raise whatever fails inside as a StageError of this stage."""
    try:
        yield
    except Exception as error:
        raise StageError(name, error) from error


def first_failure(error: Exception) -> StageError:
    """Return the failure to report: the first one, where several tasks of a turn failed together."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, StageError) else StageError("playout", error)


@dataclass(slots=True, eq=False)
class UserInput:
    """What the user said or typed. `Responder.transcribe` writes it."""

    segment: SpeechSegment | None = None  # None: it was typed, or nobody asked
    text: str = ""  # empty until the words are known
    language: str = ""  # ISO 639-1; empty until it is known


@dataclass(slots=True, eq=False)
class ToolRound:
    """Calls that the language model asked for at once, and their results so far."""

    said: str  # by the model, beside asking
    calls: tuple[ToolCall, ...]
    results: list[str] = field(default_factory=list)
    has_failed: bool = False  # one of the calls, or more

    def messages(self, *, aloud: bool) -> Iterator[Message]:
        """Yield the calls and a result for each, as a language model reads them. `aloud`: include what was said."""
        yield Message("assistant", self.said if aloud else "", calls=self.calls)
        for at, call in enumerate(self.calls):
            yield Message("tool", self.results[at] if at < len(self.results) else CANCELLED, answers=call)


@dataclass(slots=True, eq=False)
class ToolRounds:
    """The tool calls of a turn. `ToolCaller` writes it."""

    made: list[ToolRound] = field(default_factory=list)
    is_calling: bool = False  # a tool is at work, or the user is asked for approval
    approval: ToolApproval | None = None  # the question that the turn waits for

    @property
    def has_succeeded(self) -> bool:
        """Whether a round of calls was made without a failure."""
        return any(not one.has_failed for one in self.made)

    def messages(self, *, aloud: bool = False) -> list[Message]:
        """Return calls and results, as a language model reads them."""
        return [message for made in self.made for message in made.messages(aloud=aloud)]


@dataclass(slots=True, eq=False)
class Turn:
    """A turn is one task with one id. Until it is released nothing of it may be heard, shown or remembered."""

    id: TurnId
    answer: AnswerStream
    guard: AnswerGuard
    user: UserInput = field(default_factory=UserInput)
    script: str = ""  # what is read out instead of an answer: an announcement, or an earlier answer
    is_announcement: bool = False
    tools: ToolRounds = field(default_factory=ToolRounds)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def has_something_to_say(self) -> bool:
        """Whether there is a question to answer or a script to read, now that the user's words are known."""
        return bool(self.user.text or self.script)

    def good_part(self, heard: str) -> str:
        """Return what of the answer the language model may read again."""
        return whole_sentences(heard) if self.guard.ending == "loop" else heard

    @property
    def is_released(self) -> bool:
        """Whether it may be heard."""
        return self.released.is_set()
