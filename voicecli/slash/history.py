"""Handlers of `/new`, `/history`, `/resume` and `/save`."""

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
from voicecli.printable import printable

LISTED = 10
"""Conversations listed: they fit an 80x24 screen with the lines around them."""

RESUME_USAGE = "/resume needs the number of a conversation, as /history shows it, or: /resume last"
RESUME_HINT = "/resume ID continues one of them."
EXCERPT_CHARS = 48
"""Longest excerpt of a question: with number and date the line fits 80 columns."""


class Talker(Protocol):
    """The method of the conversation that these commands use."""

    def restart(self, said: Iterable[tuple[str, str, bool]] = ()) -> None: ...


@dataclass
class HistoryCommands:
    """Handlers of the history commands."""

    path: Path  # of the history file
    is_saved: bool  # whether this conversation is written there
    talker: Talker
    record: ConversationLog
    now: Callable[[], datetime]
    folder: Path  # where the program was started
    saved: set[Path] = field(default_factory=set)  # files that this run has written

    async def new(self, argument: str) -> str:
        """Start a new conversation."""
        previous, has_exchanges = self.record.session, bool(self.record.exchanges)
        self.talker.restart()
        self.record.start_session(Session(self.now()))
        if not has_exchanges:
            return "A new conversation."
        if not self.is_saved:
            return "A new conversation. The one before is gone, because no history is saved."
        command = f"/resume {previous.id}" if previous.id is not None else "/resume last"
        return f"A new conversation. The one before is in the history: {command} continues it."

    async def history(self, argument: str) -> str:
        """List the last conversations, or search them. Raise HistoryError if there is no readable history."""
        await self.record.saved()
        if argument:
            return hit_list(await asyncio.to_thread(search, self.path, argument), argument)
        return session_list(await asyncio.to_thread(list_sessions, self.path, LISTED), self.record.session.id)

    async def resume(self, argument: str) -> str:
        """Continue an earlier conversation. Raise HistoryError if there is no such conversation."""
        if argument != "last" and not argument.isdecimal():
            return RESUME_USAGE
        await self.record.saved()
        current = self.record.session.id
        wanted = await asyncio.to_thread(last_except, self.path, current) if argument == "last" else int(argument)
        if wanted == current:
            return f"This is conversation {current}."
        session, earlier = await asyncio.to_thread(read, self.path, wanted)
        self.talker.restart((one.question, one.heard, one.cut) for one in earlier)
        self.record.start_session(session, (self.now() - session.began_at).total_seconds(), earlier)
        return resumed_notice(session, earlier)

    async def save(self, argument: str) -> str:
        """Save this conversation as Markdown.

        Raise HistoryError if the file cannot be written, or exists and was not written by this run.
        """
        exchanges = self.record.exchanges
        if not exchanges:
            return "Nothing has been said yet, so there is nothing to save."
        path = path_for(argument, self.folder, self.record.session)
        text = printable(markdown(self.record.session, exchanges))
        await asyncio.to_thread(write, path, text, replace=path in self.saved)
        self.saved.add(path)
        return f"Saved, readable only by you: {path}"


def list_sessions(path: Path, limit: int) -> list[Listed]:
    """Return the latest conversations, at most `limit`."""
    with open_store(path) as store:
        return store.sessions(limit)


def search(path: Path, words: str) -> list[Hit]:
    """Return exchanges that contain `words`."""
    with open_store(path) as store:
        return store.search(words, LISTED)


def read(path: Path, session_id: int) -> tuple[Session, tuple[Exchange, ...]]:
    """Return a conversation and its exchanges."""
    with open_store(path) as store:
        return store.session(session_id)


def last_except(path: Path, current: int | None) -> int:
    """Return the id of the latest conversation besides `current`. Raise HistoryError if there is none."""
    for one in list_sessions(path, 2):
        if one.id != current:
            return one.id
    raise HistoryError("there is no conversation before this one")


def session_list(sessions: Sequence[Listed], current: int | None) -> str:
    """Return one line for each conversation, the latest first."""
    if not sessions:
        return "No conversation has been saved yet."
    width = max(len(str(one.id)) for one in sessions)
    lines = [
        f"{one.id:>{width}}  {format_time(one.began_at)}  {excerpt(one.first, '', EXCERPT_CHARS)}"
        + (" (this one)" if one.id == current else "")
        for one in sessions
    ]
    return "\n".join([*lines, RESUME_HINT])


def hit_list(hits: Sequence[Hit], words: str) -> str:
    """Return one line for each hit: the conversation, and an excerpt around the words."""
    if not hits:
        return f"No conversation contains {words!r}."
    lines = []
    for hit in hits:
        spoken = " — ".join(filter(None, (hit.exchange.question, hit.exchange.answer)))
        lines.append(f"{hit.session.id}  {format_time(hit.session.began_at)}  {excerpt(spoken, words, EXCERPT_CHARS)}")
    return "\n".join([*lines, RESUME_HINT])


def format_time(began_at: datetime) -> str:
    """Return date and time in the local time zone."""
    return began_at.astimezone().strftime("%Y-%m-%d %H:%M")


def path_for(argument: str, folder: Path, session: Session) -> Path:
    """Return the file to write: a relative `argument` is below `folder`.

    Without a file name the file is named after the time of the conversation.
    """
    wanted = folder / Path(argument).expanduser() if argument else folder
    if not wanted.is_dir():
        return wanted
    return wanted / f"conversation-{session.began_at.astimezone():%Y-%m-%d-%H%M%S}.md"


def write(path: Path, text: str, *, replace: bool) -> None:
    """Write a file with mode 0600, like the history itself. Raise HistoryError if that fails."""
    flags = os.O_TRUNC if replace else os.O_EXCL
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
        with open(descriptor, "w", encoding="utf8", errors="replace") as file:
            file.write(text)
    except FileExistsError as error:
        raise HistoryError(f"{path} already exists and was not changed", "Use /save with another name.") from error
    except OSError as error:
        raise HistoryError(f"{path} cannot be written: {error.strerror}", "/save FILE writes another file.") from error
