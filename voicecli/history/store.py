"""The history file, in SQLite. Every call blocks, so a conversation makes them on a separate thread (writer.py)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, fields
from datetime import UTC, datetime
from pathlib import Path

from voicecli.errors import HistoryDamaged, HistoryError
from voicecli.history.files import make_private
from voicecli.history.records import LAST, Exchange, Hit, Listed, Session
from voicecli.history.schema import prepare

EXCERPT_CHARACTERS = 60


def match_of(words: str) -> str:
    """Return an FTS5 query for texts that contain words beginning with each of the words, in any order."""
    return " ".join(f'"{quoted}"*' for word in words.split() if (quoted := word.replace('"', '""')))


def patterns_of(words: str) -> list[str]:
    r"""Return LIKE patterns, escaped with \, that find each word anywhere: some scripts have no spaces."""
    plain = (word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for word in words.split())
    return [f"%{word}%" for word in plain]


def excerpt(text: str, words: str, characters: int = EXCERPT_CHARACTERS) -> str:
    """Return one line of the text around the first word found, at most `characters` long plus two ellipses."""
    line = " ".join(text.split())
    places = [place for word in words.split() if (place := line.casefold().find(word.casefold())) >= 0]
    begin = max(0, min(places, default=0) - characters // 3)
    begin = min(begin, max(0, len(line) - characters))
    shown = line[begin : begin + characters]
    return f"{'…' if begin else ''}{shown}{'…' if begin + characters < len(line) else ''}"


WAIT_S = 0.5
"""Timeout for a lock that another program holds. Failed writes are retried after the next answer."""

COLUMNS = ", ".join(f"exchange.{field.name}" for field in fields(Exchange))
PLACES = ", ".join("?" * len(fields(Exchange)))

LISTED = """
    SELECT session.id, session.began_at, count(*), (
        SELECT one.question FROM exchange AS one WHERE one.session = session.id
        ORDER BY one.asked_from_s, one.id LIMIT 1
    ) FROM session JOIN exchange ON exchange.session = session.id
    GROUP BY session.id ORDER BY max(exchange.id) DESC LIMIT ?
"""

FOUND = f"SELECT session.id, session.began_at, {COLUMNS} FROM exchange JOIN session ON session.id = exchange.session"

Connect = Callable[[Path], sqlite3.Connection]


def connect(path: Path) -> sqlite3.Connection:
    """Open the file. Each statement is a transaction unless one is begun explicitly."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=WAIT_S, isolation_level=None)


@contextmanager
def open_store(path: Path, *, create: bool = False, connect: Connect = connect) -> Iterator[Store]:
    """Open the history inside the block.

    Raise HistoryDamaged if the file is not a valid database, and HistoryError if it is missing, was written by a newer
    version, or cannot be read or written. The same holds for each operation inside the block.
    """
    with readable_errors(path):
        if create:
            make_private(path)
        elif not path.exists():
            raise HistoryError(
                f"no conversation has been saved yet: {path} does not exist", "voicecli talk saves conversations"
            )
        with closing(connect(path)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # overwrite deleted data
            prepare(connection)
            yield Store(connection)


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and the system into errors that a user can act on."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise HistoryDamaged(
                f"the history file {path} is damaged: {error}",
                "the next voicecli talk sets it aside and starts a new one",
            ) from error
        raise HistoryError(f"{path}: {error}", "check free disk space and permissions, or use --no-history") from error
    except OSError as error:
        raise HistoryError(
            f"{path}: {error.strerror}", "set history.file to another path, or use --no-history"
        ) from error


class Store:
    """An open history file. Each write is atomic."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def check(self) -> None:
        """Check the whole file. Raise sqlite3.DatabaseError if it is damaged; `open_store` converts it."""
        (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            error = sqlite3.DatabaseError(found)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

    def add(self, session: Session, exchanges: Sequence[Exchange]) -> int:
        """Append exchanges to a session, created if it does not exist (any longer). Return its id."""
        began_at = session.began_at.astimezone(UTC).isoformat(timespec="milliseconds")
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection as within:
            row = (session.id, began_at)
            made = within.execute("INSERT INTO session VALUES (?, ?) ON CONFLICT DO NOTHING", row)
            session_id = int(made.lastrowid or 0) if session.id is None else session.id
            within.executemany(
                f"INSERT INTO exchange (session, {COLUMNS.replace('exchange.', '')}) VALUES (?, {PLACES})",
                [(session_id, *map(storable, astuple(exchange))) for exchange in exchanges],
            )
        return session_id

    def sessions(self, most: int) -> list[Listed]:
        """Return the latest sessions, newest first."""
        rows = self._connection.execute(LISTED, (most,))
        return [Listed(key, session_of(key, began_at).began_at, count, first) for key, began_at, count, first in rows]

    def count(self) -> int:
        """Return the number of sessions."""
        return int(self._connection.execute("SELECT count(*) FROM session").fetchone()[0])

    def session(self, session_id: int) -> tuple[Session, tuple[Exchange, ...]]:
        """Return a session with its exchanges; LAST: the latest one. Raise HistoryError if it does not exist."""
        if session_id == LAST:
            latest = self.sessions(1)
            if not latest:
                raise HistoryError("there is no conversation to resume", "voicecli talk saves conversations")
            return self.session(latest[0].id)
        where = "WHERE exchange.session = ? ORDER BY asked_from_s, exchange.id"
        rows = self._connection.execute(f"{FOUND} {where}", (session_id,)).fetchall()
        if not rows:
            raise HistoryError(f"there is no conversation {session_id}", "list them with voicecli history")
        return session_of(*rows[0][:2]), tuple(exchange_of(*row[2:]) for row in rows)

    def search(self, words: str, most: int) -> list[Hit]:
        """Return exchanges with words that begin with each of `words`, best first; if none, those that contain each."""
        if not words.split():
            return []
        matched = f"{FOUND} JOIN words ON words.rowid = exchange.id WHERE words MATCH ? ORDER BY words.rank LIMIT ?"
        rows = self._connection.execute(matched, (match_of(words), most)).fetchall()
        if not rows:
            patterns = patterns_of(words)
            one = r"exchange.question || ' ' || exchange.answer LIKE ? ESCAPE '\'"
            held = f"{FOUND} WHERE {' AND '.join([one] * len(patterns))} ORDER BY exchange.id DESC LIMIT ?"
            rows = self._connection.execute(held, (*patterns, most)).fetchall()
        return [Hit(session_of(*row[:2]), exchange_of(*row[2:])) for row in rows]

    def delete(self, session_id: int | None) -> int:
        """Delete a session, or all with None. Return how many. No deleted text remains in the file."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection as within:
            where = "" if session_id is None else "WHERE id = ?"
            gone = within.execute(f"DELETE FROM session {where}", () if session_id is None else (session_id,))
            within.execute("INSERT INTO words (words) VALUES ('rebuild')")  # otherwise the index keeps deleted words
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone.rowcount


def session_of(session_id: int, began_at: str) -> Session:
    """Return a session from its row."""
    return Session(datetime.fromisoformat(began_at), session_id)


def exchange_of(question: str, typed: int, *rest: object) -> Exchange:
    """Return an exchange from its row."""
    return Exchange(question, bool(typed), *rest)  # type: ignore[arg-type]


def storable(value: object) -> object:
    """Return the value without lone surrogates: a broken terminal may send them, and SQLite rejects them."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
