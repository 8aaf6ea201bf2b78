"""Log a conversation while it is held. The event loop folds events; a separate thread writes to the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from voicecli.engines.worker import ThreadWorker
from voicecli.errors import VoiceCliError
from voicecli.events import Clock, Event, Notice, Publish
from voicecli.history.fold import ExchangeFold
from voicecli.history.records import Exchange, Session
from voicecli.history.store import open_store
from voicecli.history.writer import HistoryWriter, utc_now

NOT_SAVED = "This conversation is not in the history for now: {message}. It is tried again after each answer."
SAVED_AGAIN = "The history is written again, and nothing of the conversation is missing."


class ConversationLog(Protocol):
    """What is known of the conversation that is being held."""

    @property
    def session(self) -> Session: ...

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What was said in it so far; of what is still open, as far as it came."""
        ...

    def observe(self, event: Event) -> None:
        """Take note of an event. Returns at once."""
        ...

    def start_session(self, session: Session, age_s: float = 0.0, earlier: tuple[Exchange, ...] = ()) -> None:
        """What is asked from now on belongs to another conversation: how long ago that began, what was said in it."""
        ...

    async def saved(self) -> None:
        """When all that can be in the history file is there."""
        ...


class UnsavedLog:
    """A `Record` that no file has."""

    def __init__(self, clock: Clock, session: Session, age_s: float = 0.0, earlier: tuple[Exchange, ...] = ()) -> None:
        self.session = session
        self._clock = clock
        self._fold = ExchangeFold(clock() - age_s, earlier)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return self._fold.closed(self._clock()).ended

    def observe(self, event: Event) -> None:
        self._fold = self._fold.apply(event)

    def start_session(self, session: Session, age_s: float = 0.0, earlier: tuple[Exchange, ...] = ()) -> None:
        self.session = session
        _, self._fold = self._fold.split(self._clock() - age_s, earlier)

    async def saved(self) -> None: ...


@dataclass(eq=False)
class LoggedConversation:
    """One conversation: what is known of it, and who writes it."""

    writer: HistoryWriter
    fold: ExchangeFold

    @property
    def unsaved(self) -> tuple[Exchange, ...]:
        return self.fold.ended[self.writer.written :]


class SessionLog:
    """A `Record`. An exchange is written when it is over. `see`, `part` and `run` belong to the loop."""

    def __init__(
        self, writer: HistoryWriter, clock: Clock, age_s: float = 0.0, earlier: tuple[Exchange, ...] = ()
    ) -> None:
        """`age_s` and `earlier`: of a session that is resumed, how long ago it began and what was said in it."""
        self.path = writer.path
        self.trouble = ""  # why the latest exchange could not be written
        self._clock = clock
        self._current = LoggedConversation(writer, ExchangeFold(clock() - age_s, earlier))
        self._parted: list[LoggedConversation] = []  # conversations before it, until all of them is written
        self._more, self._saved = asyncio.Event(), asyncio.Event()

    @property
    def unsaved(self) -> tuple[Exchange, ...]:
        """What is not in the file; ask when `run` is over."""
        return tuple(exchange for kept in self._all() for exchange in kept.unsaved)

    @property
    def session(self) -> Session:
        return self._current.writer.session

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return self._current.fold.closed(self._clock()).ended

    def observe(self, event: Event) -> None:
        owner = next((kept for kept in self._parted if kept.fold.knows(event)), self._current)
        known = len(owner.fold.ended)
        owner.fold = owner.fold.apply(event)
        if len(owner.fold.ended) > known:
            self._wake()

    def start_session(self, session: Session, age_s: float = 0.0, earlier: tuple[Exchange, ...] = ()) -> None:
        self._current.fold, fresh = self._current.fold.split(self._clock() - age_s, earlier)
        self._parted.append(self._current)
        self._current = LoggedConversation(self._current.writer.for_session(session, len(earlier)), fresh)
        self._wake()

    async def saved(self) -> None:
        await self._saved.wait()

    async def run(self, publish: Publish) -> None:
        """Until cancelled; then what is still open is written, too. Trouble is told once, and when it is over."""
        with ThreadWorker("history") as worker:
            try:
                while True:
                    self._more.clear()
                    await self._save(worker, publish)
                    if not self._more.is_set():
                        self._saved.set()
                    await self._more.wait()
            finally:
                for kept in self._all():
                    kept.fold = kept.fold.closed(self._clock())
                await self._save(worker, publish)

    def _all(self) -> list[LoggedConversation]:
        return [*self._parted, self._current]

    def _wake(self) -> None:
        self._saved.clear()
        self._more.set()

    async def _save(self, worker: ThreadWorker, publish: Publish) -> None:
        reported: list[str] = []
        try:
            for kept in self._all():
                reported += await worker.run(kept.writer.write, kept.fold.ended)
            self._parted = [kept for kept in self._parted if kept.unsaved or kept.fold.drafts]
            if self.trouble:
                reported.append(SAVED_AGAIN)
            self.trouble = ""
        except VoiceCliError as error:
            if not self.trouble:
                reported.append(NOT_SAVED.format(message=error.message))
            self.trouble = error.message
        for text in reported:
            publish(Notice(at_s=self._clock(), text=text))


RESUMED_NOTICE = "Conversation {id} of {date} goes on: {count} so far. The last question was: {last}"


@dataclass(frozen=True, slots=True)
class OpenedHistory:
    """Of one conversation."""

    earlier: tuple[Exchange, ...] = ()  # what was said in it before
    log: SessionLog | None = None  # None: it is not kept
    notice: str = ""
    session: Session | None = None  # that goes on


def open_history(
    path: Path, clock: Clock, *, keep: bool, resume: int | None = None, now: Callable[[], datetime] = utc_now
) -> OpenedHistory:
    """`resume`: the id of a session that goes on. Raises HistoryError or HistoryDamaged where it cannot be had."""
    if resume is None:
        return OpenedHistory(log=SessionLog(HistoryWriter(path, Session(now())), clock) if keep else None)
    with open_store(path) as store:
        session, earlier = store.session(resume)
    age_s = (now() - session.began_at).total_seconds()
    log = SessionLog(HistoryWriter(path, session, len(earlier)), clock, age_s, earlier) if keep else None
    return OpenedHistory(earlier, log, resumed_notice(session, earlier), session)


def conversation_log(memory: OpenedHistory, clock: Clock, now: Callable[[], datetime] = utc_now) -> ConversationLog:
    """What is known of the conversation, kept or not."""
    if memory.log is not None:
        return memory.log
    session = memory.session or Session(now())
    return UnsavedLog(clock, session, (now() - session.began_at).total_seconds(), memory.earlier)


def resumed_notice(session: Session, earlier: tuple[Exchange, ...]) -> str:
    """What the user is told."""
    count = f"{len(earlier)} exchange{'s' if len(earlier) > 1 else ''}"
    date = session.began_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return RESUMED_NOTICE.format(id=session.id, date=date, count=count, last=" ".join(earlier[-1].question.split()))
