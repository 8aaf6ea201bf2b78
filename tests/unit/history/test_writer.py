"""Hostile disks: whatever happens to the history file, the conversation goes on and nothing that was said is lost."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.history.stage import BEGAN_AT, SESSION, answered, asked, ready, typed
from voicecli.errors import HistoryError
from voicecli.events import Event, Notice
from voicecli.history import store
from voicecli.history.files import damaged_files, set_aside
from voicecli.history.log import SessionLog, open_history
from voicecli.history.records import LAST, Session
from voicecli.history.store import open_store
from voicecli.history.writer import HistoryWriter

ONE, TWO, THREE = asked("one", at_s=1.0), asked("two", at_s=2.0), asked("three", at_s=3.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def questions(path: Path, session_id: int = LAST) -> list[str]:
    with open_store(path) as opened:
        return [exchange.question for exchange in opened.session(session_id)[1]]


class TinyDisk:
    """A disk that is full after `pages` pages, until the test lets it grow. SQLite itself refuses."""

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def connect(self, path: Path) -> sqlite3.Connection:
        connection = store.connect(path)
        connection.execute(f"PRAGMA max_page_count = {self.pages}")
        return connection


class TestHistoryWriter:
    def test_writes_what_is_new_and_tells_of_a_new_file_once(self, path: Path) -> None:
        writer = HistoryWriter(path, SESSION)
        (reported,) = writer.write([])
        assert str(path) in reported
        assert "--no-history" in reported
        assert writer.write([ONE]) == []
        assert writer.write([ONE, TWO]) == []
        assert (questions(path), writer.written) == (["one", "two"], 2)

    def test_a_conversation_in_which_nothing_was_said_is_none(self, path: Path) -> None:
        HistoryWriter(path, SESSION).write([])
        with open_store(path) as opened:
            assert opened.count() == 0

    def test_a_damaged_file_is_set_aside(self, path: Path) -> None:
        path.write_bytes(b"garbage " * 1000)
        writer = HistoryWriter(path, SESSION, now=lambda: BEGAN_AT)
        (reported,) = writer.write([ONE])
        assert questions(path) == ["one"]
        set_aside_file = path.with_name("history.db.damaged-2026-03-01")
        assert str(set_aside_file) in reported
        assert set_aside_file.read_bytes() == b"garbage " * 1000

    def test_so_is_what_stands_beside_it(self, path: Path) -> None:
        for end in ("", "-wal", "-shm"):
            path.with_name(f"history.db{end}").write_text(end)
        set_aside_file = set_aside(path, BEGAN_AT)
        assert {file.name: file.read_text() for file in path.parent.iterdir()} == {
            f"{set_aside_file.name}{end}": end for end in ("", "-wal", "-shm")
        }

    def test_a_second_damaged_file_does_not_replace_the_first(self, path: Path) -> None:
        for content in (b"first " * 1000, b"second " * 1000):
            path.write_bytes(content)
            HistoryWriter(path, SESSION, now=lambda: BEGAN_AT).write([ONE])
        assert [file.read_bytes()[:5] for file in damaged_files(path)] == [b"first", b"secon"]

    def test_damage_in_the_middle_costs_nothing_of_the_conversation(self, path: Path) -> None:
        writer = HistoryWriter(path, SESSION)
        writer.write([ONE, TWO])
        path.write_bytes(b"garbage " * 1000)
        (reported,) = writer.write([ONE, TWO, THREE])
        assert "damaged" in reported
        assert questions(path) == ["one", "two", "three"]

    def test_a_resumed_conversation_survives_damage_too(self, path: Path) -> None:
        HistoryWriter(path, SESSION).write([ONE])
        with open_store(path) as opened:
            session, earlier = opened.session(LAST)
        writer = HistoryWriter(path, session, len(earlier))
        writer.write([*earlier, TWO])
        assert questions(path, session.id or 0) == ["one", "two"]
        path.write_bytes(b"garbage " * 1000)
        writer.write([*earlier, TWO, THREE])
        assert questions(path) == ["one", "two", "three"]

    def test_a_page_that_was_overwritten_is_noticed_before_anything_is_written(self, path: Path) -> None:
        HistoryWriter(path, SESSION).write([asked(f"question {number}", "answer " * 100) for number in range(200)])
        content = bytearray(path.read_bytes())
        content[4096 * 20 : 4096 * 30] = b"\xaa" * 4096 * 10
        path.write_bytes(content)
        (reported,) = HistoryWriter(path, SESSION).write([ONE])
        assert "damaged" in reported
        assert questions(path) == ["one"]

    def test_a_file_that_was_removed_is_begun_anew_with_all_of_the_conversation(self, path: Path) -> None:
        writer = HistoryWriter(path, SESSION)
        writer.write([ONE])
        path.rename(path.with_name("moved.db"))
        writer.write([ONE, TWO])
        assert questions(path) == ["one", "two"]

    def test_another_conversation_that_set_the_file_aside_first_is_not_undone(self, path: Path) -> None:
        """Between the damage and its discovery the file becomes a good one."""

        def connect(path: Path) -> sqlite3.Connection:
            if path.read_bytes()[:7] == b"garbage":
                opened = store.connect(path)
                HistoryWriter(path, SESSION).write([TWO])
                return opened
            return store.connect(path)

        path.write_bytes(b"garbage " * 1000)
        HistoryWriter(path, SESSION, connect=connect).write([ONE])
        with open_store(path) as opened:
            assert sorted(one.first for one in opened.sessions(9)) == ["one", "two"]
        assert len(damaged_files(path)) == 1

    def test_a_full_disk_is_said_and_all_is_written_when_there_is_room(self, path: Path) -> None:
        disk = TinyDisk(pages=30)
        writer = HistoryWriter(path, SESSION, connect=disk.connect)
        writer.write([ONE])
        long = replace(TWO, answer="word " * 100_000)
        for _ in range(2):
            with pytest.raises(HistoryError, match="full"):
                writer.write([ONE, long])
        assert (questions(path), writer.written) == (["one"], 1)
        disk.pages = 100_000
        assert writer.write([ONE, long, THREE]) == []
        assert questions(path) == ["one", "two", "three"]

    def test_a_place_where_no_file_can_be_is_an_error_like_any_other(self, path: Path) -> None:
        path.write_text("")
        writer = HistoryWriter(path / "history.db", SESSION)
        with pytest.raises(HistoryError, match="history.db"):
            writer.write([ONE])
        path.unlink()
        writer.write([ONE])
        assert questions(path / "history.db") == ["one"]

    def test_a_disk_without_room_for_the_tables_is_full_too(self, path: Path) -> None:
        disk = TinyDisk(pages=3)
        writer = HistoryWriter(path, SESSION, connect=disk.connect)
        with pytest.raises(HistoryError, match="full"):
            writer.write([ONE])
        disk.pages = 1000
        writer.write([ONE])
        assert questions(path) == ["one"]


def hold_many(path: Path, name: str, count: int) -> None:
    """A conversation in a process of its own. What cannot be written is tried again."""
    writer = HistoryWriter(path, Session(BEGAN_AT))
    said = [asked(f"{name} {number}", at_s=float(number)) for number in range(count)]
    number = 0
    while writer.written < count:
        number = min(count, number + 1)
        with suppress(HistoryError):  # locked: tried again, as a conversation does
            writer.write(said[:number])


def test_conversations_at_once_do_not_mix_and_lose_nothing(path: Path) -> None:
    path.write_bytes(b"garbage " * 1000)  # and whoever comes first sets it aside
    spawn = multiprocessing.get_context("spawn")
    holders = [spawn.Process(target=hold_many, args=(path, name, 25)) for name in ("ada", "bob", "eve")]
    for holder in holders:
        holder.start()
    for holder in holders:
        holder.join(40)
    assert [holder.exitcode for holder in holders] == [0, 0, 0]
    with open_store(path) as opened:
        held = {one.first.split()[0]: one for one in opened.sessions(9)}
        assert {name: one.exchanges for name, one in held.items()} == {"ada": 25, "bob": 25, "eve": 25}
        assert opened.count() == 3
    assert len(damaged_files(path)) == 1


Act = Callable[[SessionLog, list[Event]], Awaitable[None]]


def logged(log: SessionLog, act: Act) -> list[str]:
    """Hold a conversation; returns the notices."""
    reported: list[Event] = []

    async def hold() -> None:
        task = asyncio.create_task(log.run(reported.append))
        try:
            await act(log, reported)
        finally:
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(hold())
    return [event.text for event in reported if isinstance(event, Notice)]


def log_turn(log: SessionLog, turn: int, question: str) -> None:
    for event in (typed(turn, question, 100.0 + turn), *answered(turn, "Yes.", 100.5 + turn)):
        log.observe(event)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the disk's thread notifies nobody
            await asyncio.sleep(0.001)


class TestSessionLog:
    def test_each_exchange_is_in_the_file_as_soon_as_it_is_over(self, path: Path) -> None:
        async def act(log: SessionLog, reported: list[Event]) -> None:
            log.observe(ready())
            for turn, question in enumerate(("one", "two"), 1):
                log_turn(log, turn, question)
                await until(lambda: not log.unsaved)
                assert questions(path)[-1] == question

        (notice,) = logged(SessionLog(HistoryWriter(path, SESSION), lambda: 100.0), act)
        assert str(path) in notice

    def test_what_is_under_way_at_the_end_is_kept(self, path: Path) -> None:
        async def act(log: SessionLog, reported: list[Event]) -> None:
            await until(lambda: bool(reported))
            log_turn(log, 1, "one")
            log.observe(typed(2, "two", 103.0))

        log = SessionLog(HistoryWriter(path, SESSION), lambda: 104.0)
        logged(log, act)
        assert questions(path) == ["one", "two"]
        assert log.unsaved == ()

    def test_a_full_disk_is_reported_once_and_so_is_its_end(self, path: Path) -> None:
        disk = TinyDisk(pages=3)

        async def act(log: SessionLog, reported: list[Event]) -> None:
            await until(lambda: bool(log.trouble))
            for turn in (1, 2):
                log_turn(log, turn, f"question {turn}")
            disk.pages = 1000
            log_turn(log, 3, "question 3")
            await until(lambda: not log.trouble)
            log_turn(log, 4, "question 4")

        log = SessionLog(HistoryWriter(path, SESSION, connect=disk.connect), lambda: 100.0)
        first, second = logged(log, act)
        assert "full" in first
        assert "saved again" in second
        assert questions(path) == [f"question {turn}" for turn in (1, 2, 3, 4)]

    def test_what_no_disk_would_take_is_left_in_hand(self, path: Path) -> None:
        async def act(log: SessionLog, reported: list[Event]) -> None:
            await until(lambda: bool(log.trouble))
            log_turn(log, 1, "one")
            log.observe(typed(2, "two", 103.0))

        log = SessionLog(HistoryWriter(path, SESSION, connect=TinyDisk(pages=3).connect), lambda: 104.0)
        (notice,) = logged(log, act)
        assert "full" in notice
        assert [exchange.question for exchange in log.unsaved] == ["one", "two"]
        assert "full" in log.trouble

    def test_a_disk_that_hangs_does_not_hold_up_the_loop(self, path: Path) -> None:
        other: list[sqlite3.Connection] = []

        async def act(log: SessionLog, reported: list[Event]) -> None:
            await until(lambda: bool(reported))
            other.append(sqlite3.connect(path, isolation_level=None))
            other[0].execute("BEGIN IMMEDIATE")
            log_turn(log, 1, "one")
            turns = 0
            while not log.trouble:  # the writer waits for the lock meanwhile
                await asyncio.sleep(0.001)
                turns += 1
            assert turns > 20
            other[0].close()
            log_turn(log, 2, "two")

        logged(SessionLog(HistoryWriter(path, SESSION), lambda: 100.0), act)
        assert questions(path) == ["one", "two"]


class TestOpenHistory:
    def test_nothing_is_kept_where_that_is_not_wanted(self, path: Path) -> None:
        memory = open_history(path, lambda: 0.0, keep=False)
        assert (memory.log, memory.earlier, memory.notice) == (None, (), "")
        assert not path.exists()

    def test_a_resumed_conversation_goes_on_in_its_place_and_time(self, path: Path) -> None:
        HistoryWriter(path, SESSION).write([ONE])
        later: datetime = BEGAN_AT + timedelta(hours=1)
        memory = open_history(path, lambda: 500.0, keep=True, resume=LAST, now=lambda: later)
        assert memory.earlier == (ONE,)
        assert "conversation 1 of 2026-03-" in memory.notice
        assert "with 1 exchange" in memory.notice
        assert memory.log is not None

        async def act(log: SessionLog, reported: list[Event]) -> None:
            log.observe(typed(1, "two", at_s=502.0))
            for event in answered(1, "Yes.", at_s=503.0):
                log.observe(event)
            await until(lambda: not log.unsaved)

        assert logged(memory.log, act) == []
        with open_store(path) as opened:
            _, exchanges = opened.session(1)
            assert opened.count() == 1
        assert [exchange.question for exchange in exchanges] == ["one", "two"]
        assert exchanges[1].asked_from_s == pytest.approx(3602.0)

    def test_it_may_be_gone_on_with_without_being_kept(self, path: Path) -> None:
        HistoryWriter(path, SESSION).write([ONE, TWO])
        memory = open_history(path, lambda: 0.0, keep=False, resume=1)
        assert (memory.log, len(memory.earlier)) == (None, 2)
        assert "with 2 exchanges" in memory.notice

    def test_what_is_not_there_cannot_be_resumed(self, path: Path) -> None:
        with pytest.raises(HistoryError):
            open_history(path, lambda: 0.0, keep=True, resume=LAST)
        HistoryWriter(path, SESSION).write([ONE])
        with pytest.raises(HistoryError, match="no conversation 9"):
            open_history(path, lambda: 0.0, keep=True, resume=9)
