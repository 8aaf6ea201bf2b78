"""Load-test a speech-to-text server with growing numbers of clients (`voicecli bench serve-stt`)."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import httpx

from voicecli.bench import load_report
from voicecli.bench.corpus import Corpus
from voicecli.bench.environment import Found, RunStart, conclude, model_digests
from voicecli.bench.load import Pace, load
from voicecli.bench.load_client import Client, ListenClient, Transport, open_web_socket
from voicecli.bench.load_report import ResourceUse, Row, Session, summarize
from voicecli.bench.machine import PROC, Process, usable_threads
from voicecli.bench.result import Result
from voicecli.bench.speech import Utterance
from voicecli.errors import BackendUnavailable
from voicecli.models.store import endpoint_models
from voicecli.settings.model import Settings

START_S = 120.0
"""Longest wait for the server to load its models."""

STOP_S = 15.0
POLL_S = 0.5
"""Between two checks of the server's memory, or of whether it is ready."""

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Server:
    """The address of a server and how to talk to it."""

    url: str  # without a path, such as ws://127.0.0.1:8000
    pid: int | None = None  # of its process, to measure what it uses
    api_key: str = ""  # empty: it needs none
    make_client: Callable[[], Client] = ListenClient

    def connect(self, path: str) -> AbstractAsyncContextManager[Transport]:
        return open_web_socket(self.url.rstrip("/") + path, self.api_key)


@dataclass(frozen=True, slots=True)
class Measured:
    """A run with one number of clients."""

    row: Row
    sessions: tuple[Session, ...]

    def fields(self) -> dict[str, Any]:
        """Return the row and all its utterances, for JSON."""
        return {**asdict(self.row), "sessions": [asdict(session) for session in self.sessions]}


async def measure(
    server: Server,
    spoken: Sequence[Utterance],
    counts: Sequence[int],
    pace: Pace,
    show: Callable[[Measured], None],
) -> None:
    """Say one utterance as a warm-up, then run each number of clients; `show` gets each run as soon as it is done.

    Raise BackendUnavailable if there is no server, SettingsError if there is no process `server.pid`.
    """
    process = Process(server.pid) if server.pid is not None else None
    await load(server.connect, server.make_client, spoken, 1, replace(pace, utterances=1))
    for count in counts:
        await asyncio.sleep(pace.rest_s)
        speaking = load(server.connect, server.make_client, spoken, count, pace)
        sessions, use = await watch_process(speaking, process)
        show(Measured(summarize(sessions, use), tuple(sessions)))


async def watch_process(
    speaking: Coroutine[Any, Any, list[Session]], process: Process | None
) -> tuple[list[Session], ResourceUse | None]:
    """Return the sessions and what the server used meanwhile; None if its process is unknown."""
    if process is None:
        return await speaking, None
    loop = asyncio.get_running_loop()
    before, began_s, own_s = process.usage(), loop.time(), time.process_time()
    peak_bytes = before.rss_bytes

    async def poll_memory() -> None:
        nonlocal peak_bytes
        while True:
            peak_bytes = max(peak_bytes, process.usage().rss_bytes)
            await asyncio.sleep(POLL_S)

    async with asyncio.TaskGroup() as tasks:
        polling = tasks.create_task(poll_memory())
        sessions = await speaking
        polling.cancel()
    after, own_s = process.usage(), time.process_time() - own_s
    cpu_s = after.cpu_s - before.cpu_s
    others_s = after.machine_cpu_s - before.machine_cpu_s - cpu_s - own_s
    wall_s = loop.time() - began_s
    return sessions, ResourceUse(cpu_s, wall_s, before.rss_bytes / MB, peak_bytes / MB, max(0.0, others_s))


def result_of(
    begun: RunStart, settings: Settings, corpus: Corpus, runs: Sequence[Measured], own_options: Sequence[str] | None
) -> Result:
    """Combine all runs into one result.

    `own_options` are those of the server started here; None for another server, whose settings are unknown.
    """
    is_own = own_options is not None
    named = [option.partition("=")[0] for option in own_options or () if option.startswith("-")]
    found = Found(
        corpus.reported,
        tuple(metric for one in runs for metric in load_report.metrics(one.row.clients, one.sessions)),
        tuple(count for one in runs for count in load_report.counts(one.row, one.sessions)),
        load=load_report.doubts([one.row for one in runs], usable_threads()),
        doubts=(f"serve-stt had options that the settings do not show: {', '.join(named)}",) if named else (),
        events=tuple(one.fields() for one in runs),
    )
    used = [settings.stt.model, *endpoint_models(settings.listen)]
    models = model_digests(settings, used) if is_own and not named else {}
    result = conclude(load_report.STAGE, begun, settings, models, found)
    return result if is_own else replace(result, settings={})


@asynccontextmanager
async def our_server(options: Sequence[str]) -> AsyncIterator[tuple[str, int | None]]:
    """Run `voicecli serve-stt` on a free port of this machine; yield its URL and, on Linux, its process id.

    Raise BackendUnavailable if it ends before it is ready, or does not become ready.
    """
    port = free_port()
    command = [sys.executable, "-m", "voicecli", "serve-stt", "--host", "127.0.0.1", "--port", str(port), *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    try:
        await wait_until_ready(f"http://127.0.0.1:{port}/ready", process)
        yield f"ws://127.0.0.1:{port}", process.pid if PROC.is_dir() else None
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def wait_until_ready(url: str, process: asyncio.subprocess.Process) -> None:
    """Return once the server answers with 200. Raise BackendUnavailable if it does not in time."""
    hint = "run voicecli serve-stt by itself to see why"
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            async with asyncio.timeout(START_S):
                while process.returncode is None:
                    try:
                        if (await client.get(url)).status_code == httpx.codes.OK:
                            return
                    except httpx.TransportError:
                        pass  # it does not listen yet
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise BackendUnavailable(f"serve-stt is not ready after {START_S:.0f} s", hint) from None
    raise BackendUnavailable(f"serve-stt ended with exit code {process.returncode} before it was ready", hint)


def free_port() -> int:
    """Return a port that no program listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
