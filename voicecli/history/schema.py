"""The tables of the history file, and the check of its version."""

from __future__ import annotations

import sqlite3

from voicecli.errors import HistoryError

VERSION = 1

APPLICATION = 0x766F6963
"""`PRAGMA application_id` of a history file: "voic"."""

TABLES = (
    "CREATE TABLE session (id INTEGER PRIMARY KEY AUTOINCREMENT, began_at TEXT NOT NULL)",  # ISO 8601, UTC
    """
    CREATE TABLE exchange (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
        question TEXT NOT NULL,
        typed INTEGER NOT NULL,
        language TEXT NOT NULL,
        answer TEXT NOT NULL,
        heard TEXT NOT NULL,
        outcome TEXT NOT NULL,
        trouble TEXT NOT NULL,
        llm TEXT NOT NULL,
        asked_from_s REAL NOT NULL,
        asked_until_s REAL NOT NULL,
        answered_from_s REAL,
        answered_until_s REAL
    )
    """,
    "CREATE INDEX exchange_of_session ON exchange (session, asked_from_s)",
    """
    CREATE VIRTUAL TABLE words USING fts5 (
        question, answer, content = 'exchange', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
    )
    """,
    """
    CREATE TRIGGER exchange_added AFTER INSERT ON exchange BEGIN
        INSERT INTO words (rowid, question, answer) VALUES (new.id, new.question, new.answer);
    END
    """,
    """
    CREATE TRIGGER exchange_deleted AFTER DELETE ON exchange BEGIN
        INSERT INTO words (words, rowid, question, answer) VALUES ('delete', old.id, old.question, old.answer);
    END
    """,
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables in an empty file. Raise HistoryError for the file of another program or a newer version."""
    if number(connection, "user_version") == VERSION and number(connection, "application_id") == APPLICATION:
        return
    if not number(connection, "schema_version"):
        connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
    connection.execute("BEGIN IMMEDIATE")  # two conversations may begin at once
    with connection:
        version, application = number(connection, "user_version"), number(connection, "application_id")
        if application == APPLICATION and version > VERSION:
            raise HistoryError(
                f"the history was written by a newer voicecli (file version {version}, {VERSION} is supported)",
                "update voicecli, or set history.file to another file",
            )
        if application == APPLICATION:
            return
        if version or number(connection, "schema_version"):
            raise HistoryError("the history file belongs to another program", "set history.file to a file of its own")
        for statement in TABLES:
            connection.execute(statement)


def number(connection: sqlite3.Connection, pragma: str) -> int:
    """Return the value of a pragma."""
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
