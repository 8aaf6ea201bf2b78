"""One conversation on its way into the history file. Blocks; all of it is called on one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from voicecli.errors import HistoryDamaged
from voicecli.history.files import Identity, identity, locked, set_aside
from voicecli.history.records import Exchange, Session
from voicecli.history.store import Connect, connect, open_store, readable_errors

FIRST_SAVED = "Conversations are kept in {path}, readable by you alone; --no-history keeps none."
SET_ASIDE = (
    "The history file was damaged. It is now {set_aside_file}; a new one was begun, with all of this conversation."
)


def utc_now() -> datetime:
    return datetime.now(UTC)


class HistoryWriter:
    """Knows what of the conversation is safely in the file, and what is not.

    The file is opened for each write: it may be set aside, removed or replaced by another program at any time, and then
    the whole conversation goes into the one that is there.
    """

    def __init__(
        self,
        path: Path,
        session: Session,
        written: int = 0,
        *,
        connect: Connect = connect,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`written`: exchanges of a resumed session that the file holds."""
        self.path = path
        self.written = written
        self.session = session
        self._file = identity(path) if session.id is not None else None
        self._checked = False
        self._connect = connect
        self._now = now

    def for_session(self, session: Session, written: int) -> HistoryWriter:
        """For another conversation, in the same file."""
        return HistoryWriter(self.path, session, written, connect=self._connect, now=self._now)

    def write(self, exchanges: Sequence[Exchange]) -> list[str]:
        """Write those of the conversation that are not in the file; returns what the user should know.

        Raises HistoryError or HistoryDamaged where that cannot be done; `written` says how far it came.
        """
        with readable_errors(self.path):
            was = identity(self.path)
            try:
                self._write(exchanges)
            except HistoryDamaged:
                set_aside_file = self._set_aside(was)
                self._write(exchanges)
                return [SET_ASIDE.format(set_aside_file=set_aside_file)] if set_aside_file else []
        return [FIRST_SAVED.format(path=self.path)] if was is None else []

    def _set_aside(self, damaged: Identity | None) -> Path | None:
        """None where another conversation has done it already."""
        with locked(self.path.parent):
            return set_aside(self.path, self._now()) if identity(self.path) == damaged else None

    def _write(self, exchanges: Sequence[Exchange]) -> None:
        with open_store(self.path, create=True, connect=self._connect) as store:
            if not self._checked:
                store.check()
                self._checked = True
            if (file := identity(self.path)) != self._file:
                self._file, self.written = file, 0
                self.session = replace(self.session, id=None)
            if fresh := exchanges[self.written :]:
                self.session = replace(self.session, id=store.add(self.session, fresh))
                self.written = len(exchanges)
