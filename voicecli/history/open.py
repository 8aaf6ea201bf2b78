"""What `voicecli talk` remembers: the conversation that it goes on with, and where this one is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from voicecli.events import Clock
from voicecli.history.log import ConversationLog, SessionLog, UnsavedLog
from voicecli.history.records import Exchange, Session
from voicecli.history.store import open_store
from voicecli.history.writer import HistoryWriter, utc_now

RESUMED = "Conversation {id} of {date} goes on: {count} so far. The last question was: {last}"


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one conversation."""

    earlier: tuple[Exchange, ...] = ()  # what was said in it before
    log: SessionLog | None = None  # None: it is not kept
    notice: str = ""
    session: Session | None = None  # that goes on


def remember(
    path: Path, clock: Clock, *, keep: bool, resume: int | None = None, now: Callable[[], datetime] = utc_now
) -> Memory:
    """`resume`: the id of a session that goes on. Raises HistoryError or HistoryDamaged where it cannot be had."""
    if resume is None:
        return Memory(log=SessionLog(HistoryWriter(path, Session(now())), clock) if keep else None)
    with open_store(path) as store:
        session, earlier = store.session(resume)
    age_s = (now() - session.began_at).total_seconds()
    log = SessionLog(HistoryWriter(path, session, len(earlier)), clock, age_s, earlier) if keep else None
    return Memory(earlier, log, resumed(session, earlier), session)


def record_of(memory: Memory, clock: Clock, now: Callable[[], datetime] = utc_now) -> ConversationLog:
    """What is known of the conversation, kept or not."""
    if memory.log is not None:
        return memory.log
    session = memory.session or Session(now())
    return UnsavedLog(clock, session, (now() - session.began_at).total_seconds(), memory.earlier)


def resumed(session: Session, earlier: tuple[Exchange, ...]) -> str:
    """What the user is told."""
    count = f"{len(earlier)} exchange{'s' if len(earlier) > 1 else ''}"
    date = session.began_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return RESUMED.format(id=session.id, date=date, count=count, last=" ".join(earlier[-1].question.split()))
