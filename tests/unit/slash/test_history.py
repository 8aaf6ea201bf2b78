"""/new, /history, /resume and /save, on a real history file."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.history.stage import BEGAN_AT, SESSION, answered, asked, ready, typed
from voicecli.errors import HistoryError
from voicecli.events import SpeechEnded, SpeechPaused, SpeechStarted, Transcribed, TurnInterrupted
from voicecli.history.log import ConversationLog, OpenedHistory, SessionLog, UnsavedLog, conversation_log, open_history
from voicecli.history.records import Session
from voicecli.history.store import open_store
from voicecli.history.writer import HistoryWriter
from voicecli.slash.history import HistoryCommands, path_for
from voicecli.types import TurnId

LATER = BEGAN_AT + timedelta(hours=1)


@dataclass
class Talker:
    """Notes what is remembered; what it interrupts ends as an interruption does."""

    record: ConversationLog | None = None
    recalled: list[list[tuple[str, str, bool]]] = field(default_factory=list)
    under_way: TurnId | None = None

    def restart(self, said: Iterable[tuple[str, str, bool]] = ()) -> None:
        if self.under_way is not None and self.record is not None:
            self.record.observe(TurnInterrupted(at_s=105.0, turn=self.under_way, spoken="", reopened=False))
        self.recalled.append(list(said))


def commands(record: ConversationLog, path: Path, *, kept: bool = True) -> tuple[HistoryCommands, Talker]:
    talker = Talker(record)
    return HistoryCommands(path, kept, talker, record, lambda: LATER, path.parent), talker


def logged(path: Path, act: Callable[[SessionLog, HistoryCommands, Talker], Awaitable[None]]) -> None:
    """`act` while the log of a new conversation runs."""

    async def run() -> None:
        log = SessionLog(HistoryWriter(path, SESSION), lambda: 104.0)
        writing = asyncio.ensure_future(log.run(lambda event: None))
        log.observe(ready())
        await act(log, *commands(log, path))
        await log.saved()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    asyncio.run(run())


def say(record: ConversationLog, turn: int, question: str) -> None:
    for event in (typed(turn, question), *answered(turn, "Yes.")):
        record.observe(event)


def kept(path: Path) -> dict[int, list[str]]:
    with open_store(path) as store:
        ids = sorted(one.id for one in store.sessions(99))
        return {one: [exchange.question for exchange in store.session(one)[1]] for one in ids}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def test_a_new_conversation_is_another_one_in_the_history_too(path: Path) -> None:
    async def act(log: SessionLog, command: HistoryCommands, talker: Talker) -> None:
        assert await command.new("") == "A new conversation."
        say(log, 1, "one")
        await log.saved()
        assert await command.new("") == "A new conversation. The one before is in the history: /resume 1 continues it."
        say(log, 2, "two")
        assert [exchange.question for exchange in log.exchanges] == ["two"]
        assert talker.recalled == [[], []]

    logged(path, act)
    assert kept(path) == {1: ["one"], 2: ["two"]}
    with open_store(path) as store:
        assert store.session(2)[0].began_at == LATER


def test_an_answer_that_it_interrupts_is_of_the_one_before(path: Path) -> None:
    async def act(log: SessionLog, command: HistoryCommands, talker: Talker) -> None:
        log.observe(typed(1, "one"))
        talker.under_way = TurnId(1)
        reported = await command.new("")
        assert "/resume last" in reported
        say(log, 2, "two")

    logged(path, act)
    assert kept(path) == {1: ["one"], 2: ["two"]}


def test_an_earlier_conversation_goes_on_in_its_place(path: Path) -> None:
    HistoryWriter(path, SESSION).write([asked("zero")])

    async def act(log: SessionLog, command: HistoryCommands, talker: Talker) -> None:
        say(log, 1, "one")
        reported = await command.resume("last")
        assert reported.startswith("Resuming conversation 1 of 2026-03-")
        assert talker.recalled == [[("zero", "Yes.", False)]]
        say(log, 2, "two")
        assert await command.resume("1") == "This is conversation 1."
        assert (await command.resume("2")).startswith("Resuming conversation 2 of")
        say(log, 3, "three")

    logged(path, act)
    assert kept(path) == {1: ["zero", "two"], 2: ["one", "three"]}


def test_what_cannot_be_resumed_changes_nothing(path: Path) -> None:
    async def act(log: SessionLog, command: HistoryCommands, talker: Talker) -> None:
        assert "needs the number" in await command.resume("")
        assert "needs the number" in await command.resume("the last one")
        say(log, 1, "one")
        for argument in ("last", "9"):
            with pytest.raises(HistoryError):
                await command.resume(argument)
        assert talker.recalled == []
        say(log, 2, "two")

    logged(path, act)
    assert kept(path) == {1: ["one", "two"]}


def test_the_list_and_the_search(path: Path) -> None:
    HistoryWriter(path, SESSION).write([asked("Where is the train station?", "In the north.")])

    async def act(log: SessionLog, command: HistoryCommands, talker: Talker) -> None:
        say(log, 1, "What is a fox?")
        await log.saved()
        first, second, last = (await command.history("")).splitlines()
        assert first.startswith("2  2026-03-")
        assert first.endswith("What is a fox? (this one)")
        assert second.endswith("Where is the train station?")
        assert last == "/resume ID continues one of them."
        hit, _ = (await command.history("north")).splitlines()
        assert hit.startswith("1  2026-03-")
        assert "In the north." in hit
        assert await command.history("zebra") == "No conversation contains 'zebra'."

    logged(path, act)


def test_without_a_history_there_is_none(path: Path) -> None:
    async def act(log: SessionLog, command: HistoryCommands, talker: Talker) -> None:
        assert await command.history("") == "No conversation has been saved yet."

    logged(path, act)
    command, _ = commands(UnsavedLog(lambda: 104.0, SESSION), path.with_name("none.db"), kept=False)
    with pytest.raises(HistoryError, match="no conversation has been saved"):
        asyncio.run(command.history(""))


def test_what_is_not_kept_can_still_be_resumed_saved_and_left(path: Path) -> None:
    HistoryWriter(path, SESSION).write([asked("zero")])
    memory = open_history(path, lambda: 104.0, keep=False, resume=1, now=lambda: LATER)
    record = conversation_log(memory, lambda: 104.0, lambda: LATER)
    assert [exchange.question for exchange in record.exchanges] == ["zero"]
    command, talker = commands(record, path, kept=False)
    say(record, 1, "one")
    assert "no history is saved" in asyncio.run(command.new(""))
    assert not record.exchanges
    say(record, 2, "two")
    assert asyncio.run(command.resume("1")).startswith("Resuming conversation 1 of")
    assert [exchange.question for exchange in record.exchanges] == ["zero"]
    assert talker.recalled[-1] == [("zero", "Yes.", False)]
    assert kept(path) == {1: ["zero"]}
    assert conversation_log(OpenedHistory(), lambda: 1.0, lambda: LATER).session == Session(LATER)


def test_a_conversation_is_saved_where_it_was_started_and_again_into_the_same_file(path: Path) -> None:
    record = UnsavedLog(lambda: 104.0, SESSION)
    command, _ = commands(record, path)
    assert asyncio.run(command.save("")).startswith("Nothing has been said")
    say(record, 1, "one")
    record.observe(typed(2, "two"))
    for _ in range(2):
        reported = asyncio.run(command.save("mine.md"))
        assert reported == f"Saved, readable only by you: {path.parent / 'mine.md'}"
    text = (path.parent / "mine.md").read_text()
    assert "one" in text
    assert "two" in text  # its answer is still to come
    assert stat.S_IMODE((path.parent / "mine.md").stat().st_mode) == 0o600
    asyncio.run(command.save(""))
    (file,) = path.parent.glob("conversation-2026-*.md")
    assert file.read_text() == text


def test_an_existing_file_is_not_overwritten(path: Path) -> None:
    record = UnsavedLog(lambda: 104.0, SESSION)
    say(record, 1, "one")
    command, _ = commands(record, path)
    other = path.parent / "other.md"
    other.write_text("mine")
    with pytest.raises(HistoryError, match="already exists"):
        asyncio.run(command.save(str(other)))
    assert other.read_text() == "mine"
    with pytest.raises(HistoryError, match="cannot be written"):
        asyncio.run(command.save("no/such/folder.md"))


def test_a_folder_gets_a_file_that_is_named_after_the_conversation(tmp_path: Path) -> None:
    assert path_for(str(tmp_path), Path("/"), SESSION).parent == tmp_path
    assert path_for("~/x.md", tmp_path, SESSION) == Path("~/x.md").expanduser()


def test_late_words_are_kept_in_the_conversation_they_belong_to(path: Path) -> None:
    """A question that was interrupted before it was decoded: the recognizer still has it when the next one begins."""
    turn = TurnId(1)

    async def act(log: SessionLog, command: HistoryCommands, talker: Talker) -> None:
        log.observe(SpeechStarted(at_s=101.2, turn=turn, started_at_s=101.0))
        log.observe(SpeechPaused(at_s=102.0, turn=turn, ended_at_s=101.8, preparing=True))
        log.observe(SpeechEnded(at_s=102.5, turn=turn, ended_at_s=101.8))
        talker.under_way = turn
        await command.new("")
        say(log, 2, "two")
        log.observe(Transcribed(at_s=106.0, turn=turn, text="one", language="en", audio_s=0.8))

    logged(path, act)
    assert sorted(kept(path).values()) == [["one"], ["two"]]
