"""`voicecli history` and its commands: earlier conversations."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.console import confirm, print_note, table_console

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from voicecli.history.records import Exchange, Session

history = typer.Typer()

Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="Number of the conversation, as the list shows it.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Show at most this many.")]


class Format(StrEnum):
    """Formats of an exported conversation."""

    markdown = "markdown"
    json = "json"
    srt = "srt"


@history.callback(invoke_without_command=True)
def list_sessions(context: typer.Context, limit: Limit = 20) -> None:
    """List the saved conversations, latest first.

    [bold]voicecli talk[/] saves what is said in a file that only you can read.
    [bold]--no-history[/] or history.enabled = false turns this off.

    Examples:

      voicecli history

      voicecli history search train station

      voicecli talk --resume 12
    """
    if context.invoked_subcommand is not None:
        return
    from voicecli.history.store import open_store

    path = history_file()
    if not path.exists():
        print_note(f"No conversation has been saved yet; voicecli talk saves them in {path}")
        return
    with open_store(path) as store:
        listed, count = store.sessions(limit), store.count()
    rows = [(str(one.id), when(one.began_at), str(one.exchanges), one_line(one.first)) for one in listed]
    print_rows(("id", "began", "exchanges", "with"), rows)
    print_note(f"{len(listed)} of {count} conversation{'' if count == 1 else 's'} in {path}")


@history.command()
def search(
    words: Annotated[
        list[str],
        typer.Argument(metavar="WORDS...", help="Words to find, all of them; the first letters of a word are enough."),
    ],
    limit: Limit = 20,
) -> None:
    """Search the questions and answers of all conversations.

    Example: voicecli history search train stat
    """
    from voicecli.history.store import excerpt, open_store

    wanted = " ".join(words)
    with open_store(history_file()) as store:
        hits = store.search(wanted, limit)
    rows = [
        (
            str(hit.session.id),
            when(hit.session.began_at),
            one_line(excerpt(hit.exchange.question, wanted)),
            one_line(excerpt(hit.exchange.answer, wanted)),
        )
        for hit in hits
    ]
    print_rows(("id", "began", "you", "assistant"), rows)
    print_note(f"{len(hits)} found" + (f"; --limit shows more than {limit}" if len(hits) == limit else ""))


@history.command()
def show(id: Id) -> None:
    """Print a conversation as Markdown: your questions, and the part of each answer that you heard.

    Example: voicecli history show 12
    """
    export(id, Format.markdown)


@history.command()
def export(
    id: Id,
    format: Annotated[Format, typer.Option(help="json holds everything; srt is subtitles.")] = Format.markdown,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of stdout.")
    ] = None,
) -> None:
    """Write a conversation as Markdown, JSON or SRT subtitles.

    Example: voicecli history export 12 --format srt -o talk.srt
    """
    from voicecli.history.store import open_store

    with open_store(history_file()) as store:
        session, exchanges = store.session(id)
    text = written(session, exchanges, format)
    if output is None:
        sys.stdout.write(text)
    else:
        write_private(output, text)
        print_note(f"{output}: conversation {id}, readable only by you")


@history.command()
def delete(
    id: Annotated[
        int | None, typer.Argument(metavar="[ID]", min=1, help="Number of the conversation.", show_default=False)
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Delete all conversations, and damaged files that were set aside.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a conversation, or all of them. The text is overwritten in the file, not just unlinked.

    Example: voicecli history delete 12
    """
    from voicecli.errors import SettingsError

    if (id is None) != every:
        raise SettingsError("give either the number of a conversation or --all", "voicecli history delete 12")
    path = history_file()
    set_aside = files_set_aside(path) if every else []
    damaged = f" and {len(set_aside)} damaged files" if set_aside else ""
    question = f"Delete {count_of(path, id)}{damaged}?"
    if not yes and not confirm(question, "--yes deletes without asking"):
        print_note("Nothing was deleted.")
        raise typer.Exit(1)
    print_note(f"{delete_sessions(path, id)} deleted.")
    for file in set_aside:
        file.unlink()
        print_note(f"{file} deleted.")


def delete_sessions(path: Path, id: int | None) -> int:
    """Delete one conversation, or all if `id` is None. Return how many were deleted."""
    from voicecli.history.store import open_store

    with open_store(path) as store:
        return store.delete(id)


def count_of(path: Path, id: int | None) -> str:
    """Describe what would be deleted. Raise HistoryError if it does not exist."""
    from voicecli.history.store import open_store

    with open_store(path) as store:
        if id is None:
            count = store.count()
            return f"all {count} conversations in {path}" if count != 1 else f"the only conversation in {path}"
        session, exchanges = store.session(id)
    count = len(exchanges)
    return f"conversation {id} of {when(session.began_at)} ({count} exchange{'' if count == 1 else 's'})"


def files_set_aside(path: Path) -> list[Path]:
    """Return damaged history files that were set aside."""
    from voicecli.history.files import damaged_files

    return damaged_files(path)


def history_file() -> Path:
    """Return the path of the history file from the settings."""
    from voicecli.settings.load import load_settings

    return load_settings().settings.history_file


def written(session: Session, exchanges: Sequence[Exchange], format: Format) -> str:
    """Format a conversation. Control characters are removed from Markdown and subtitles; JSON escapes them."""
    from voicecli.history.export import as_json, markdown, subtitles
    from voicecli.printable import printable

    match format:
        case Format.json:
            return as_json(session, exchanges)
        case Format.markdown:
            return printable(markdown(session, exchanges))
        case Format.srt:
            return printable(subtitles(exchanges))


def write_private(path: Path, text: str) -> None:
    """Write a file that only the user can read (mode 0600). Raise HistoryError if that fails."""
    from voicecli.errors import HistoryError

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf8") as file:
            os.fchmod(descriptor, 0o600)
            file.write(text)
    except OSError as error:
        raise HistoryError(
            f"{path} cannot be written: {error.strerror}", "choose another file: --output FILE"
        ) from error


def when(began_at: datetime) -> str:
    """Format a time in this machine's time zone."""
    return began_at.astimezone().strftime("%Y-%m-%d %H:%M")


def one_line(text: str) -> str:
    """Join the lines of a text for a table cell."""
    from voicecli.printable import printable

    return " ".join(printable(text).split())


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; on a terminal, long cells of the last columns are truncated."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=True, overflow="ellipsis" if number > 1 else "fold")
    for row in rows:
        table.add_row(*map(Text, row))
    if rows:
        table_console().print(table)
