"""`voicecli bench serve-stt`: measure how many clients a speech-to-text server can handle at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.bench.options import OUTPUT, load_speech
from voicecli.commands.bench.output import screen
from voicecli.commands.console import print_note
from voicecli.commands.options import option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicecli.bench.corpus import Corpus
    from voicecli.bench.environment import RunStart
    from voicecli.bench.serve_stt import Measured


LOAD, PEER = "Load", "A running server"


def bench_serve_stt(
    server_options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTION]", help="Options for serve-stt.", show_default=False)
    ] = None,
    clients: Annotated[str, option(help="Concurrent clients, one run each (1,2,4,8).", panel=LOAD)] = "1,2,4,8",
    count: Annotated[int, option("--utterances", help="Utterances of each client (6).", min=1, panel=LOAD)] = 6,
    speech: Annotated[
        Path | None, option(help="Folder of recordings; by default, questions spoken by Kokoro.", panel=LOAD)
    ] = None,
    url: Annotated[
        str | None, option(help="Measure a running voicecli serve-stt at ws://HOST:PORT.", panel=PEER)
    ] = None,
    pid: Annotated[int | None, option(help="Its process, to measure CPU and memory.", panel=PEER)] = None,
    api_key: Annotated[str, option(help="Its API key.", envvar="VOICECLI_API_KEY", panel=PEER)] = "",
    json_file: Annotated[Path | None, option("--json", metavar="FILE", help="All figures.", panel=OUTPUT)] = None,
) -> None:
    """Load-test a speech-to-text server with several clients at once.

    Starts voicecli serve-stt, or measures the server at --url. Each client sends 20 ms at a time in real time, as a
    microphone does, and waits for each final. Times count from the true end of speech in the recording.

    Recordings are WAV or FLAC files of one voice each; with a slots.json beside them (file -> phrases), a line shows
    how many phrases were recognized.

    Examples:

      voicecli bench serve-stt

      voicecli bench serve-stt --clients 12 -- --max-sessions 8

      voicecli bench serve-stt --url ws://127.0.0.1:8000 --pid 4711
    """
    from voicecli.bench.environment import begin
    from voicecli.bench.load import Pace
    from voicecli.bench.serve_stt import Server, measure, our_server
    from voicecli.errors import SettingsError, first_of
    from voicecli.settings.load import load_settings

    if pid is not None and url is None:
        raise SettingsError("--pid is the process of a running server", "add --url, or omit --pid")
    if url is not None and server_options:
        raise SettingsError(f"{' '.join(server_options)} is for the server that this command starts", "omit --url")
    counts, pace = client_counts(clients), Pace(count)
    corpus = load_speech(speech, load_settings({}).settings)
    begun = begin()
    done: list[Measured] = []

    def show(one: Measured) -> None:
        done.append(one)
        report_run(one)

    async def run() -> None:
        if url is not None:
            await measure(Server(url, pid, api_key), corpus.said, counts, pace, show)
            return
        print_note("Starting voicecli serve-stt…")
        async with our_server(server_options or ()) as (own_url, own_pid):
            await measure(Server(own_url, own_pid, api_key), corpus.said, counts, pace, show)

    try:
        asyncio.run(run())
    except ExceptionGroup as group:
        raise first_of(group) from group
    print_table(done, url or "voicecli serve-stt")
    if json_file is not None:
        write_json(json_file, begun, corpus, done, server_options if url is None else None)


def client_counts(text: str) -> list[int]:
    """Return the numbers of a comma-separated list. Raise SettingsError if it is not one."""
    from voicecli.errors import SettingsError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise SettingsError(f"--clients {text} is not a list of positive numbers", "--clients 1,2,4,8")
    return [int(part) for part in parts]


def report_run(one: Measured) -> None:
    """Print a line about a run, and what makes its figures doubtful."""
    from voicecli.bench.environment import BUSY_CORES
    from voicecli.bench.load_report import format_number, format_pair, late_doubts

    row = one.row
    finals = format_pair(row.final_p50_s, row.final_p95_s, " / ", 2)
    print_note(f"{row.clients} clients, {row.utterances} utterances: finals after {finals} s, {row.refused} refused")
    if row.other_cores is not None and row.other_cores > BUSY_CORES:
        cores = format_number(row.other_cores, 1)
        print_note(f"  other programs used {cores} cores meanwhile: measure again on an idle machine")
    for warning in late_doubts([row]):
        print_note(f"  {warning}")
    for why in sorted({session.lost for session in one.sessions if session.lost}):
        print_note(f"  the server ended sessions: {why}")


def print_table(done: Sequence[Measured], title: str) -> None:
    """Print the figures of all runs on stdout."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from voicecli.bench.load_report import table_lines
    from voicecli.bench.machine import machine

    (name, *columns), *others = table_lines([one.row for one in done])
    table = Table(name, box=SIMPLE_HEAD, title=title, caption=machine(), title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for line in others:
        table.add_row(*line)
    screen().print(table)


def write_json(
    path: Path, begun: RunStart, corpus: Corpus, done: Sequence[Measured], own_options: Sequence[str] | None
) -> None:
    """Write the result. Raise SettingsError if the file cannot be written.

    `own_options` are those of the server that this command started; None for another server.
    """
    from voicecli.bench.result import write_result
    from voicecli.bench.serve_stt import result_of
    from voicecli.settings.load import load_settings

    settings = load_settings({}).settings
    write_result(path, result_of(begun, settings, corpus, done, own_options))
