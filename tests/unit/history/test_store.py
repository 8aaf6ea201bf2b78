"""The history file: what it holds, who may read it, and what it refuses."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.history.stage import BEGAN_AT, EXCHANGE, SESSION, asked
from voicecli.errors import HistoryDamaged, HistoryError
from voicecli.history.records import LAST, Exchange, Session
from voicecli.history.store import open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "history.db"


def kept(path: Path, *exchanges: Exchange, session: Session = SESSION) -> int:
    with open_store(path, create=True) as store:
        return store.add(session, exchanges)


def test_what_goes_in_comes_out(path: Path) -> None:
    silent = replace(EXCHANGE, typed=True, answered_from_s=None, answered_until_s=None, asked_from_s=9.0)
    session_id = kept(path, EXCHANGE, silent)
    with open_store(path) as store:
        assert store.session(session_id) == (Session(BEGAN_AT, session_id), (EXCHANGE, silent))


def test_exchanges_come_in_the_order_in_which_they_were_asked(path: Path) -> None:
    session_id = kept(path, asked("second", at_s=2.0), asked("first", at_s=1.0))
    with open_store(path) as store:
        assert [one.question for one in store.session(session_id)[1]] == ["first", "second"]
        assert store.sessions(1)[0].first == "first"


def test_the_file_and_its_folder_are_the_users_alone(path: Path) -> None:
    with open_store(path, create=True) as store:
        store.add(SESSION, [EXCHANGE])
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"history.db": 0o600, "history.db-wal": 0o600, "history.db-shm": 0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_others_could_read_is_closed_to_them_and_a_folder_of_the_users_is_left_alone(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    kept(path, EXCHANGE)
    path.chmod(0o644)
    kept(path, EXCHANGE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o755


def test_the_conversation_that_was_held_last_is_the_last_however_old_it_is(path: Path) -> None:
    first = kept(path, asked("one"))
    second = kept(path, asked("two"))
    with open_store(path, create=True) as store:
        assert store.session(LAST)[0].id == second
        store.add(Session(BEGAN_AT, first), [asked("three", at_s=99.0)])
        assert store.session(LAST)[0].id == first
        assert [(one.id, one.exchanges, one.first) for one in store.sessions(9)] == [
            (first, 2, "one"),
            (second, 1, "two"),
        ]
        assert len(store.sessions(1)) == 1


def test_a_search_finds_beginnings_of_words_in_any_order_without_case_and_accents(path: Path) -> None:
    kept(path, asked("Where is the café?", "Near the station."), asked("nothing"))
    with open_store(path) as store:
        for words in ("cafe", "CAFÉ", "stat near", "whe", "is the"):
            assert [hit.exchange.question for hit in store.search(words, 9)] == ["Where is the café?"], words
        assert store.search("tion", 9)  # inside a word, where no word begins so
        for words in ("museum", "café nothing", "  "):
            assert store.search(words, 9) == [], words


def test_a_search_finds_words_of_scripts_without_spaces(path: Path) -> None:
    kept(path, asked("東京の天気はどうですか"))
    with open_store(path) as store:
        assert len(store.search("天気", 9)) == 1


@pytest.mark.parametrize("words", ['"', "'", "a OR", "NEAR(", "-", "*", "question:", "%", "_", "\\", "(", "^a", "?"])
def test_nothing_that_is_typed_breaks_a_search(path: Path, words: str) -> None:
    kept(path, asked("hello"))
    with open_store(path) as store:
        assert store.search(words, 9) == []


def test_a_search_shows_no_more_than_was_asked_for(path: Path) -> None:
    kept(path, *[asked(f"hello {number}") for number in range(9)])
    with open_store(path) as store:
        assert len(store.search("hello", 4)) == 4
        assert len(store.search("ello", 4)) == 4


def test_deleted_words_are_in_no_file(path: Path) -> None:
    first = kept(path, *[asked(f"xylophone {number}", "zeppelin " * 50) for number in range(100)])
    second = kept(path, asked("wanted"))
    with open_store(path) as store:
        assert store.delete(first) == 1
        assert store.search("xylophone", 9) == []
        assert [one.id for one in store.sessions(9)] == [second]
        for file in path.parent.iterdir():
            assert b"xylophone" not in file.read_bytes(), file
            assert b"zeppelin" not in file.read_bytes(), file
        assert store.delete(first) == 0
        assert store.delete(None) == 1
        assert store.count() == 0


def test_the_number_of_a_deleted_conversation_is_not_given_again(path: Path) -> None:
    first = kept(path, EXCHANGE)
    with open_store(path) as store:
        store.delete(first)
        assert store.add(SESSION, [EXCHANGE]) > first


def test_a_conversation_that_was_deleted_while_it_is_held_goes_on(path: Path) -> None:
    first = kept(path, asked("one"))
    with open_store(path) as store:
        store.delete(None)
        assert store.add(Session(BEGAN_AT, first), [asked("two")]) == first
        assert [one.question for one in store.session(first)[1]] == ["two"]


def test_text_that_is_no_text_is_kept_as_far_as_it_is(path: Path) -> None:
    session_id = kept(path, asked("half \ud83d a smile, and \0"))
    with open_store(path) as store:
        assert store.session(session_id)[1][0].question == "half ? a smile, and \0"


def test_all_or_nothing_is_added(path: Path) -> None:
    broken = replace(EXCHANGE, question=None)  # type: ignore[arg-type]
    with pytest.raises(HistoryError), open_store(path, create=True) as store:
        store.add(SESSION, [EXCHANGE, broken])
    with open_store(path) as store:
        assert store.count() == 0


def reading(path: Path) -> str:
    """The message of what is raised."""
    with pytest.raises((HistoryError, HistoryDamaged)) as caught, open_store(path) as store:
        store.session(LAST)
    assert caught.value.exit_code == 7
    return caught.value.message


def test_what_is_not_there_is_said(path: Path) -> None:
    assert "no conversation has been saved yet" in reading(path)
    with open_store(path, create=True):
        pass
    assert reading(path) == "there is no conversation to resume"
    with pytest.raises(HistoryError, match="there is no conversation 7"), open_store(path) as store:
        store.session(7)


def test_a_newer_file_and_one_of_another_program_are_refused_and_left_as_they_are(path: Path) -> None:
    kept(path, EXCHANGE)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "newer voicecli (file version 99" in reading(path)
    other = path.with_name("other.db")
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    before = other.read_bytes()
    assert "another program" in reading(other)
    assert other.read_bytes() == before


def test_a_file_that_is_no_database_is_damaged(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database at all, but it is long enough to be looked at" * 20)
    assert "damaged" in reading(path)


def test_a_page_of_garbage_is_found_by_the_check(path: Path) -> None:
    kept(path, *[asked(f"question {number}", "answer " * 100) for number in range(200)])
    content = bytearray(path.read_bytes())
    content[4096 * 20 : 4096 * 30] = b"\xaa" * 4096 * 10
    path.write_bytes(content)
    with pytest.raises(HistoryDamaged), open_store(path) as store:
        store.check()


def test_a_whole_file_passes_the_check(path: Path) -> None:
    kept(path, EXCHANGE)
    with open_store(path) as store:
        store.check()


def test_a_place_where_no_file_can_be_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    for path in (tmp_path / "file" / "history.db", folder, pipe):
        with pytest.raises(HistoryError, match=str(path)), open_store(path, create=True):
            pass
    assert folder.stat().st_mode & 0o777 == 0o755
    assert pipe.stat().st_mode & 0o777 == 0o644


def test_a_file_that_somebody_else_writes_is_waited_for_only_shortly(path: Path) -> None:
    kept(path, EXCHANGE)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryError, match="locked"):
        kept(path, EXCHANGE)
    other.execute("ROLLBACK")
    other.close()
    assert kept(path, EXCHANGE)


def test_whoever_reads_does_not_keep_a_conversation_from_being_written(path: Path) -> None:
    first = kept(path, EXCHANGE)
    with open_store(path) as one, open_store(path) as another:
        another.sessions(9)
        one.add(Session(BEGAN_AT, first), [asked("second", at_s=50.0)])
        assert len(another.session(first)[1]) == 2
