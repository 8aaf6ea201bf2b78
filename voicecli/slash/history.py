"""`/new`, `/history`, `/resume` and `/save`: this conversation, and those before it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from voicecli.errors import HistoryError
from voicecli.history.export import markdown
from voicecli.history.log import ConversationLog, resumed_notice
from voicecli.history.records import Exchange, Hit, Listed, Session
from voicecli.history.store import excerpt, open_store
from voicecli.ui.view import printable

LISTED = 10
"""As many lines as fit an 80x24 screen with what stands around them."""

RESUME = "/resume wants the number of a conversation, as /history shows it, or: /resume last"
GO_ON = "/resume ID goes on with one."
CHARACTERS = 48
"""Of a question in a line: with number and date it fits 80 columns."""


class Talker(Protocol):
    """What is used of the conversation."""

    def restart(self, said: Iterable[tuple[str, str, bool]] = ()) -> None: ...


@dataclass
class HistoryCommands:
    """The handlers of these commands."""

    path: Path  # of the history file
    is_kept: bool  # whether this conversation goes there
    talker: Talker
    record: ConversationLog
    now: Callable[[], datetime]
    folder: Path  # where the program was started
    saved: set[Path] = field(default_factory=set)  # files that this run has written

    async def new(self, argument: str) -> str:
        """Another conversation begins."""
        was, said = self.record.session, bool(self.record.exchanges)
        self.talker.restart()
        self.record.start_session(Session(self.now()))
        if not said:
            return "A new conversation."
        if not self.is_kept:
            return "A new conversation: what was said is forgotten, for no history is kept."
        again = f"/resume {was.id}" if was.id is not None else "/resume last"
        return f"A new conversation. The one before is in the history: {again} goes on with it."

    async def history(self, argument: str) -> str:
        """Raises HistoryError where there is none, or where it cannot be read."""
        await self.record.saved()
        if argument:
            return found(await asyncio.to_thread(search, self.path, argument), argument)
        return listed(await asyncio.to_thread(sessions, self.path, LISTED), self.record.session.id)

    async def resume(self, argument: str) -> str:
        """Raises HistoryError where there is no such conversation."""
        if argument != "last" and not argument.isdecimal():
            return RESUME
        await self.record.saved()
        this = self.record.session.id
        wanted = await asyncio.to_thread(last_but, self.path, this) if argument == "last" else int(argument)
        if wanted == this:
            return f"This is conversation {this}."
        session, earlier = await asyncio.to_thread(read, self.path, wanted)
        self.talker.restart((one.question, one.heard, one.cut) for one in earlier)
        self.record.start_session(session, (self.now() - session.began_at).total_seconds(), earlier)
        return resumed_notice(session, earlier)

    async def save(self, argument: str) -> str:
        """Raises HistoryError where the file cannot be written, or is there and is not of this run."""
        exchanges = self.record.exchanges
        if not exchanges:
            return "Nothing has been said yet, so there is nothing to save."
        path = place_for(argument, self.folder, self.record.session)
        text = printable(markdown(self.record.session, exchanges))
        await asyncio.to_thread(write, path, text, replace=path in self.saved)
        self.saved.add(path)
        return f"Saved, readable by you alone: {path}"


def sessions(path: Path, most: int) -> list[Listed]:
    """The latest ones."""
    with open_store(path) as store:
        return store.sessions(most)


def search(path: Path, words: str) -> list[Hit]:
    """Exchanges with these words."""
    with open_store(path) as store:
        return store.search(words, LISTED)


def read(path: Path, session_id: int) -> tuple[Session, tuple[Exchange, ...]]:
    """One of them."""
    with open_store(path) as store:
        return store.session(session_id)


def last_but(path: Path, this: int | None) -> int:
    """The one that was held last before this. Raises HistoryError where there is none."""
    for one in sessions(path, 2):
        if one.id != this:
            return one.id
    raise HistoryError("there is no conversation before this one")


def listed(kept: Sequence[Listed], this: int | None) -> str:
    """A line each, the latest first."""
    if not kept:
        return "No conversation has been kept yet."
    width = max(len(str(one.id)) for one in kept)
    lines = [
        f"{one.id:>{width}}  {when(one.began_at)}  {excerpt(one.first, '', CHARACTERS)}"
        + (" (this one)" if one.id == this else "")
        for one in kept
    ]
    return "\n".join([*lines, GO_ON])


def found(hits: Sequence[Hit], words: str) -> str:
    """A line each: which conversation, and the words where they were said."""
    if not hits:
        return f"No conversation has {words!r} in it."
    lines = []
    for hit in hits:
        spoken = " — ".join(filter(None, (hit.exchange.question, hit.exchange.answer)))
        lines.append(f"{hit.session.id}  {when(hit.session.began_at)}  {excerpt(spoken, words, CHARACTERS)}")
    return "\n".join([*lines, GO_ON])


def when(began_at: datetime) -> str:
    """In this machine's time."""
    return began_at.astimezone().strftime("%Y-%m-%d %H:%M")


def place_for(argument: str, folder: Path, session: Session) -> Path:
    """A file that was named, as seen from `folder`; in a folder, and in none, it is named after the conversation."""
    wanted = folder / Path(argument).expanduser() if argument else folder
    if not wanted.is_dir():
        return wanted
    return wanted / f"conversation-{session.began_at.astimezone():%Y-%m-%d-%H%M%S}.md"


def write(path: Path, text: str, *, replace: bool) -> None:
    """Mode 0600, as the history itself. Raises HistoryError."""
    flags = os.O_TRUNC if replace else os.O_EXCL
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
        with open(descriptor, "w", encoding="utf8", errors="replace") as file:
            file.write(text)
    except FileExistsError as error:
        raise HistoryError(f"{path} is there already, and was left as it is", "give /save another name") from error
    except OSError as error:
        raise HistoryError(f"{path} cannot be written: {error.strerror}", "/save FILE puts it elsewhere") from error
