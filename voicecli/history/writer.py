"""Write one conversation to the history file. All methods block and are called on one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from voicecli.errors import HistoryDamaged
from voicecli.history.files import Identity, identity, locked, set_aside
from voicecli.history.records import Exchange, Session
from voicecli.history.store import Connect, connect, open_store, readable_errors

FIRST_SAVED = "Conversations are saved in {path}, readable only by you. Use --no-history to save none."
SET_ASIDE = (
    "The history file was damaged and was renamed to {set_aside_file}. A new one contains all of this conversation."
)


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class HistoryWriter:
    """Writes the exchanges of one session, and tracks which are in the file.

    The file is opened for each write, because another program may rename, remove or replace it at any time. Then the
    whole conversation is written to the new file.
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
        """`written` is the number of exchanges of a resumed session that the file holds."""
        self.path = path
        self.written = written
        self.session = session
        self._file = identity(path) if session.id is not None else None
        self._checked = False
        self._connect = connect
        self._now = now

    def for_session(self, session: Session, written: int) -> HistoryWriter:
        """Return a writer of another session in the same file."""
        return HistoryWriter(self.path, session, written, connect=self._connect, now=self._now)

    def write(self, exchanges: Sequence[Exchange]) -> list[str]:
        """Write the exchanges that are not in the file. Return notices for the user.

        Raise HistoryError or HistoryDamaged if that fails; `written` is the number of exchanges in the file.
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
        """Rename the damaged file. Return None if another conversation has already done it."""
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
