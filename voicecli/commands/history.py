"""`voicecli history` and its commands: what was said in earlier conversations."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.narration import tell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from voicecli.history.records import Exchange, Session

history = typer.Typer()

PIPE_WIDTH = 160  # nothing of a list is cut in a file more than it has to be

Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="Of a conversation, as the list shows it.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="How many are shown.")]


class Format(StrEnum):
    markdown = "markdown"
    json = "json"
    srt = "srt"


@history.callback(invoke_without_command=True)
def list_sessions(context: typer.Context, limit: Most = 20) -> None:
    """List the conversations that were kept, the latest first.

    [bold]voicecli talk[/] keeps what is said in a file that you alone can read.
    With [bold]--no-history[/] it does not, nor with history.enabled = false.

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
        tell(f"No conversation has been saved yet; voicecli talk saves them in {path}")
        return
    with open_store(path) as store:
        listed, count = store.sessions(limit), store.count()
    rows = [(str(one.id), when(one.began_at), str(one.exchanges), one_line(one.first)) for one in listed]
    print_rows(("id", "began", "exchanges", "with"), rows)
    tell(f"{len(listed)} of {count} conversation{'' if count == 1 else 's'} in {path}")


@history.command()
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="All of them; beginnings will do.")],
    limit: Most = 20,
) -> None:
    """Find what you asked, or what was answered, in all conversations.

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
    tell(f"{len(hits)} found" + (f"; --limit shows more than {limit}" if len(hits) == limit else ""))


@history.command()
def show(id: Id) -> None:
    """Print a conversation as Markdown: what you asked, and what you heard of the answers.

    Example: voicecli history show 12
    """
    export(id, Format.markdown)


@history.command()
def export(
    id: Id,
    format: Annotated[Format, typer.Option(help="json has everything, srt is subtitles.")] = Format.markdown,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Else it is printed.")] = None,
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
        tell(f"{output}: conversation {id}, readable by you alone")


@history.command()
def delete(
    id: Annotated[
        int | None, typer.Argument(metavar="[ID]", min=1, help="Of a conversation.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them, and what was set aside as damaged.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Nothing is asked.")] = False,
) -> None:
    """Delete a conversation, or all of them. The words are overwritten in the file, not only forgotten.

    Example: voicecli history delete 12
    """
    from voicecli.errors import SettingsError

    if (id is None) != every:
        raise SettingsError("one conversation, or all of them?", "voicecli history delete 12, or --all")
    path = history_file()
    set_aside_file = files_set_aside(path) if every else []
    question = (
        f"Delete {count_of(path, id)}" + (f" and {len(set_aside_file)} damaged files" if set_aside_file else "") + "?"
    )
    if not yes and not agreed(question):
        tell("Nothing was deleted.")
        raise typer.Exit(1)
    tell(f"{delete_sessions(path, id)} deleted.")
    for file in set_aside_file:
        file.unlink()
        tell(f"{file} deleted.")


def delete_sessions(path: Path, id: int | None) -> int:
    """Returns how many."""
    from voicecli.history.store import open_store

    with open_store(path) as store:
        return store.delete(id)


def count_of(path: Path, id: int | None) -> str:
    """What would be deleted, in words. Raises HistoryError where it is not there."""
    from voicecli.history.store import open_store

    with open_store(path) as store:
        if id is None:
            count = store.count()
            return f"all {count} conversations in {path}" if count != 1 else f"the only conversation in {path}"
        session, exchanges = store.session(id)
    count = len(exchanges)
    return f"conversation {id} of {when(session.began_at)} ({count} exchange{'' if count == 1 else 's'})"


def files_set_aside(path: Path) -> list[Path]:
    """Damaged files of earlier days."""
    from voicecli.history.files import damaged_files

    return damaged_files(path)


def agreed(question: str) -> bool:
    """The user's yes. Raises SettingsError where no user is there to give it."""
    from voicecli.errors import SettingsError

    if not sys.stdin.isatty():
        raise SettingsError("nobody can be asked here whether to delete it", "--yes says so")
    return typer.confirm(question, default=False, err=True)


def history_file() -> Path:
    """As the settings have it."""
    from voicecli.settings.load import load_settings

    return load_settings().settings.history_file


def written(session: Session, exchanges: Sequence[Exchange], format: Format) -> str:
    """In one of the formats. Texts for people hold nothing that a terminal takes for a command; JSON escapes it."""
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
    """Mode 0600, as the history itself. Raises HistoryError where it cannot be written."""
    from voicecli.errors import HistoryError

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf8") as file:
            os.fchmod(descriptor, 0o600)
            file.write(text)
    except OSError as error:
        raise HistoryError(f"{path} cannot be written: {error.strerror}", "--output FILE") from error


def when(began_at: datetime) -> str:
    """In this machine's time."""
    return began_at.astimezone().strftime("%Y-%m-%d %H:%M")


def one_line(text: str) -> str:
    """For a cell."""
    from voicecli.printable import printable

    return " ".join(printable(text).split())


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """On stdout; a terminal's lines are not broken, the last columns are cut instead."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=True, overflow="ellipsis" if number > 1 else "fold")
    for row in rows:
        table.add_row(*map(Text, row))
    if rows:
        Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)
