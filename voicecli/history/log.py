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

NOT_SAVED = "The history cannot be saved: {message}. voicecli tries again after each answer."
SAVED_AGAIN = "The history is saved again; nothing of this conversation is missing."


class ConversationLog(Protocol):
    """The log of the current conversation."""

    @property
    def session(self) -> Session: ...

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Return the exchanges so far; open ones with what happened so far."""
        ...

    def observe(self, event: Event) -> None:
        """Log an event. Return at once."""
        ...

    def start_session(self, session: Session, age_s: float = 0.0, earlier: tuple[Exchange, ...] = ()) -> None:
        """Log what is asked from now on in another session, which began `age_s` ago with the `earlier` exchanges."""
        ...

    async def saved(self) -> None:
        """Return when all finished exchanges are in the history file."""
        ...


class UnsavedLog:
    """A log that is not saved."""

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
    """One session: its exchanges and its writer."""

    writer: HistoryWriter
    fold: ExchangeFold

    @property
    def unsaved(self) -> tuple[Exchange, ...]:
        return self.fold.ended[self.writer.written :]


class SessionLog:
    """A log that saves each exchange when it is over. `observe`, `start_session` and `run` belong to the loop."""

    def __init__(
        self, writer: HistoryWriter, clock: Clock, age_s: float = 0.0, earlier: tuple[Exchange, ...] = ()
    ) -> None:
        """Create the log. A resumed session began `age_s` ago with the `earlier` exchanges."""
        self.path = writer.path
        self.trouble = ""  # why the latest exchange could not be saved
        self._clock = clock
        self._current = LoggedConversation(writer, ExchangeFold(clock() - age_s, earlier))
        self._parted: list[LoggedConversation] = []  # earlier sessions, until they are saved completely
        self._more, self._saved = asyncio.Event(), asyncio.Event()

    @property
    def unsaved(self) -> tuple[Exchange, ...]:
        """Return the exchanges that are not in the file. Call it after `run` has ended."""
        return tuple(exchange for logged in self._all() for exchange in logged.unsaved)

    @property
    def session(self) -> Session:
        return self._current.writer.session

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return self._current.fold.closed(self._clock()).ended

    def observe(self, event: Event) -> None:
        owner = next((logged for logged in self._parted if logged.fold.knows(event)), self._current)
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
        """Save until cancelled; then save open exchanges, too. Publish a notice if saving fails or works again."""
        with ThreadWorker("history") as worker:
            try:
                while True:
                    self._more.clear()
                    await self._save(worker, publish)
                    if not self._more.is_set():
                        self._saved.set()
                    await self._more.wait()
            finally:
                for logged in self._all():
                    logged.fold = logged.fold.closed(self._clock())
                await self._save(worker, publish)

    def _all(self) -> list[LoggedConversation]:
        return [*self._parted, self._current]

    def _wake(self) -> None:
        self._saved.clear()
        self._more.set()

    async def _save(self, worker: ThreadWorker, publish: Publish) -> None:
        notices: list[str] = []
        try:
            for logged in self._all():
                notices += await worker.run(logged.writer.write, logged.fold.ended)
            self._parted = [logged for logged in self._parted if logged.unsaved or logged.fold.drafts]
            if self.trouble:
                notices.append(SAVED_AGAIN)
            self.trouble = ""
        except VoiceCliError as error:
            if not self.trouble:
                notices.append(NOT_SAVED.format(message=error.message))
            self.trouble = error.message
        for text in notices:
            publish(Notice(at_s=self._clock(), text=text))


RESUMED_NOTICE = "Resuming conversation {id} of {date} with {count}. The last question was: {last}"


@dataclass(frozen=True, slots=True)
class OpenedHistory:
    """The log of a conversation, and what was resumed."""

    earlier: tuple[Exchange, ...] = ()  # exchanges of the resumed session
    log: SessionLog | None = None  # None: it is not logged
    notice: str = ""
    session: Session | None = None  # the resumed session


def open_history(
    path: Path, clock: Clock, *, keep: bool, resume: int | None = None, now: Callable[[], datetime] = utc_now
) -> OpenedHistory:
    """Open the history; resume the session with the id `resume`. Raise HistoryError or HistoryDamaged."""
    if resume is None:
        return OpenedHistory(log=SessionLog(HistoryWriter(path, Session(now())), clock) if keep else None)
    with open_store(path) as store:
        session, earlier = store.session(resume)
    age_s = (now() - session.began_at).total_seconds()
    log = SessionLog(HistoryWriter(path, session, len(earlier)), clock, age_s, earlier) if keep else None
    return OpenedHistory(earlier, log, resumed_notice(session, earlier), session)


def conversation_log(memory: OpenedHistory, clock: Clock, now: Callable[[], datetime] = utc_now) -> ConversationLog:
    """Return the log of the conversation, saved or not."""
    if memory.log is not None:
        return memory.log
    session = memory.session or Session(now())
    return UnsavedLog(clock, session, (now() - session.began_at).total_seconds(), memory.earlier)


def resumed_notice(session: Session, earlier: tuple[Exchange, ...]) -> str:
    """Return the notice about a resumed session."""
    count = f"{len(earlier)} exchange{'s' if len(earlier) > 1 else ''}"
    date = session.began_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return RESUMED_NOTICE.format(id=session.id, date=date, count=count, last=" ".join(earlier[-1].question.split()))
