"""`voicecli bench serve-stt`: load test of a speech-to-text server."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import OWN_SPEECH, option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voicecli.bench.corpus import Corpus
    from voicecli.bench.environment import RunStart
    from voicecli.bench.serve_stt import Measured


class ServerProtocol(StrEnum):
    """Protocols that the clients can speak."""

    listen = "listen"
    stream = "stream"
    seed = "seed"
    whisperlive = "whisperlive"


LOAD, PEER, SCREEN = "Load", "Running server", "Output"

PIPE_WIDTH = 200  # nothing of the table is folded in a file


def bench_serve_stt(
    server_options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTION]", help="Options for serve-stt.", show_default=False)
    ] = None,
    clients: Annotated[
        str, option(help="Numbers of simultaneous clients, one run each (1,2,4,8).", panel=LOAD)
    ] = "1,2,4,8",
    count: Annotated[int, option("--utterances", help="Utterances per client (6).", min=1, panel=LOAD)] = 6,
    speech: Annotated[Path | None, option(help=OWN_SPEECH, panel=LOAD)] = None,
    url: Annotated[str | None, option(help="Measure the running server at ws://HOST:PORT.", panel=PEER)] = None,
    pid: Annotated[
        int | None, option(help="Process ID of that server, to measure its CPU and memory.", panel=PEER)
    ] = None,
    protocol: Annotated[
        ServerProtocol, option(help="Protocol of that server (listen).", panel=PEER)
    ] = ServerProtocol.listen,
    api_key: Annotated[str, option(help="API key of that server.", envvar="VOICECLI_API_KEY", panel=PEER)] = "",
    json_file: Annotated[
        Path | None, option("--json", metavar="FILE", help="Write all measurements to this file.", panel=SCREEN)
    ] = None,
) -> None:
    """Load a speech-to-text server with several clients at the same time.

    Starts voicecli serve-stt, or uses the server at --url. Each client sends 20 ms at a time, in real time as a
    microphone would, and waits for each final transcript. Times count from the true end of speech in the recording.

    Recordings are WAV or FLAC files with one voice each. With slots.json beside them (file -> phrases), the share of
    recognized phrases is reported, too.

    Examples:

      voicecli bench serve-stt

      voicecli bench serve-stt --clients 12 -- --max-sessions 8

      voicecli bench serve-stt --url ws://127.0.0.1:9090 --protocol whisperlive --pid 4711
    """
    from voicecli.bench.environment import begin
    from voicecli.bench.load import Pace
    from voicecli.bench.serve_stt import Server, measure, our_server
    from voicecli.errors import SettingsError, first_of

    if pid is not None and url is None:
        raise SettingsError("--pid names the process of a running server", "add --url, or leave out --pid")
    if url is not None and server_options:
        raise SettingsError(
            f"{' '.join(server_options)} applies to a server started here, not to --url", "leave out --url"
        )
    counts, corpus, pace = numbers(clients), recordings(speech), Pace(count)
    begun = begin()
    done: list[Measured] = []

    def show(one: Measured) -> None:
        done.append(one)
        tell_progress(one)

    async def run() -> None:
        if url is not None:
            await measure(Server(url, protocol, pid, api_key), corpus.said, counts, pace, show)
            return
        print_note("Starting voicecli serve-stt…")
        async with our_server(server_options or ()) as (own_url, own_pid):
            await measure(Server(own_url, protocol, own_pid, api_key), corpus.said, counts, pace, show)

    try:
        asyncio.run(run())
    except ExceptionGroup as group:
        raise first_of(group) from group
    print_table(done, f"{protocol} at {url}" if url else f"voicecli serve-stt ({protocol})")
    if json_file is not None:
        write_json(json_file, begun, corpus, done, server_options if url is None else None)


def numbers(text: str) -> list[int]:
    """Raises SettingsError."""
    from voicecli.errors import SettingsError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise SettingsError(f"--clients {text} is not a list of numbers from 1", "for example: --clients 1,2,4,8")
    return [int(part) for part in parts]


def recordings(folder: Path | None) -> Corpus:
    """Of the folder, or of Kokoro."""
    from voicecli.bench.corpus import load_corpus
    from voicecli.settings.load import load_settings

    settings = load_settings({}).settings
    if folder is None:
        from voicecli.models.store import voice_models

        fetch_missing(settings, voice_models(settings))
    return load_corpus(folder, settings, print_note)


def tell_progress(one: Measured) -> None:
    """A line for each run, and what makes its figures doubtful."""
    from voicecli.bench.environment import BUSY_CORES
    from voicecli.bench.load_report import both, figure
    from voicecli.bench.load_result import LATE_S

    row = one.row
    finals = both(row.final_p50_s, row.final_p95_s, " / ", 2)
    print_note(f"{row.clients} at once, {row.utterances} utterances: finals after {finals} s, {row.refused} refused")
    if row.other_cores is not None and row.other_cores > BUSY_CORES:
        print_note(
            f"  other programs used {figure(row.other_cores, 1)} cores meanwhile: measure again on a quiet machine"
        )
    if row.late_s > LATE_S:
        print_note(
            f"  the clients themselves spoke up to {row.late_s:.2f} s late: this machine is too small for so many"
        )
    for why in sorted({session.lost for session in one.sessions if session.lost}):
        print_note(f"  the server ended sessions: {why}")


def print_table(done: Sequence[Measured], title: str) -> None:
    """On stdout."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from voicecli.bench.load_report import lines
    from voicecli.bench.machine import machine

    (name, *columns), *others = lines([one.row for one in done])
    table = Table(name, box=SIMPLE_HEAD, title=title, caption=machine(), title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for line in others:
        table.add_row(*line)
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)


def write_json(
    path: Path, begun: RunStart, corpus: Corpus, done: Sequence[Measured], own_options: Sequence[str] | None
) -> None:
    """`own_options`: of the server that was started here; None where another one was measured.

    Raises SettingsError where the file cannot be written.
    """
    from voicecli.bench.result import write_result
    from voicecli.bench.serve_stt import result_of
    from voicecli.settings.load import load_settings

    settings = load_settings({}).settings
    write_result(path, result_of(begun, settings, corpus, done, own_options))
