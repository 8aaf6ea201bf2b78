"""One question and the answer to it, while they are alive."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from voicecli.conversation.history import heard_source_end, whole_words
from voicecli.conversation.sentences import PieceBuffer
from voicecli.errors import VoiceCliError
from voicecli.events import Stage
from voicecli.types import SpeechChunk, SpeechSegment, TurnId


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
class Turn:
    """A turn is one task with one id. Until it is released nothing of it may be heard, shown or remembered."""

    id: TurnId
    segment: SpeechSegment | None = None  # what was said; None for a typed question
    question: str = ""
    repeats: bool = False  # it says an earlier answer again
    written: str = ""  # the answer so far, markup included
    aside: str = ""  # said after it, and no part of it
    chunks: list[SpeechChunk] = field(default_factory=list)
    pieces: PieceBuffer = field(default_factory=PieceBuffer)
    more: asyncio.Event = field(default_factory=asyncio.Event)  # `pieces` has changed
    released: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def is_said_aloud(self) -> bool:
        """Whether there is something to say, now that the words of the user are known."""
        return bool(self.question) or self.repeats

    def is_whole(self, heard: str) -> bool:
        """Whether `heard` is all of the answer, and no more of it was to come."""
        return self.pieces.closed and heard.rstrip() == self.written.rstrip()

    def heard(self, heard_s: float) -> str:
        """The answer as written, as far as `heard_s` seconds of its speech go."""
        return whole_words(self.written, heard_source_end(self.chunks, heard_s))
