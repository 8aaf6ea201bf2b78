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
    """An FTS5 query for texts in which each of the words begins a word, in any order."""
    return " ".join(f'"{quoted}"*' for word in words.split() if (quoted := word.replace('"', '""')))


def patterns_of(words: str) -> list[str]:
    r"""LIKE patterns, with \ as escape: each word anywhere, for scripts that set no spaces between words."""
    plain = (word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for word in words.split())
    return [f"%{word}%" for word in plain]


def excerpt(text: str, words: str, characters: int = EXCERPT_CHARACTERS) -> str:
    """One line of the text around the first of the words that is in it; at most so many characters and two marks."""
    line = " ".join(text.split())
    places = [place for word in words.split() if (place := line.casefold().find(word.casefold())) >= 0]
    begin = max(0, min(places, default=0) - characters // 3)
    begin = min(begin, max(0, len(line) - characters))
    shown = line[begin : begin + characters]
    return f"{'…' if begin else ''}{shown}{'…' if begin + characters < len(line) else ''}"


WAIT_S = 0.5
"""For another program that is writing. What cannot be written is tried again after the next answer."""

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
    """Every statement is a transaction of its own unless one is begun."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=WAIT_S, isolation_level=None)


@contextmanager
def open_store(path: Path, *, create: bool = False, connect: Connect = connect) -> Iterator[Store]:
    """The history, open inside the block.

    Raises HistoryDamaged where the file is no whole database, and HistoryError where it is missing, belongs to a newer
    version or cannot be read or written; so does everything that is done with it inside the block.
    """
    with readable_errors(path):
        if create:
            make_private(path)
        elif not path.exists():
            raise HistoryError(f"no conversation has been kept yet: there is no {path}", "voicecli talk keeps them")
        with closing(connect(path)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten, not only forgotten
            prepare(connection)
            yield Store(connection)


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the system as errors that a user can act on."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise HistoryDamaged(
                f"the history file {path} is damaged: {error}",
                "the next voicecli talk sets it aside and begins a new one",
            ) from error
        raise HistoryError(f"{path}: {error}", "is the disk full, or the folder read-only? --no-history") from error
    except OSError as error:
        raise HistoryError(f"{path}: {error.strerror}", "history.file puts it elsewhere; or --no-history") from error


class Store:
    """An open history file. Each method that writes does all of it or nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def check(self) -> None:
        """Read all of it. Raises sqlite3.DatabaseError where it is damaged, which `open_store` puts into words."""
        (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            error = sqlite3.DatabaseError(found)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

    def add(self, session: Session, exchanges: Sequence[Exchange]) -> int:
        """Append to a session, which is made if it is not there (any longer); returns its id."""
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
        """The latest ones, the newest first."""
        rows = self._connection.execute(LISTED, (most,))
        return [Listed(key, session_of(key, began_at).began_at, count, first) for key, began_at, count, first in rows]

    def count(self) -> int:
        """How many sessions there are."""
        return int(self._connection.execute("SELECT count(*) FROM session").fetchone()[0])

    def session(self, session_id: int) -> tuple[Session, tuple[Exchange, ...]]:
        """One with its exchanges; None: the one that was held last. Raises HistoryError where there is none."""
        if session_id == LAST:
            latest = self.sessions(1)
            if not latest:
                raise HistoryError("there is no conversation to go on with", "voicecli talk keeps them")
            return self.session(latest[0].id)
        where = "WHERE exchange.session = ? ORDER BY asked_from_s, exchange.id"
        rows = self._connection.execute(f"{FOUND} {where}", (session_id,)).fetchall()
        if not rows:
            raise HistoryError(f"there is no conversation {session_id}", "voicecli history lists them")
        return session_of(*rows[0][:2]), tuple(exchange_of(*row[2:]) for row in rows)

    def search(self, words: str, most: int) -> list[Hit]:
        """Exchanges in which each word begins a word, the best first; where there are none, those that hold each."""
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
        """One session, or with None all; returns how many that were. Nothing of their words stays in the file."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection as within:
            where = "" if session_id is None else "WHERE id = ?"
            gone = within.execute(f"DELETE FROM session {where}", () if session_id is None else (session_id,))
            within.execute("INSERT INTO words (words) VALUES ('rebuild')")  # the index keeps deleted words otherwise
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone.rowcount


def session_of(session_id: int, began_at: str) -> Session:
    return Session(datetime.fromisoformat(began_at), session_id)


def exchange_of(question: str, typed: int, *rest: object) -> Exchange:
    return Exchange(question, bool(typed), *rest)  # type: ignore[arg-type]


def storable(value: object) -> object:
    """Text that is no text (half of a surrogate pair, as a broken terminal sends it) would be refused as a whole."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
