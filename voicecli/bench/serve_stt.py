"""`voicecli bench serve-stt`: rows of figures for growing numbers of clients, of our server or of one that runs."""

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

from voicecli.bench import load_result
from voicecli.bench.clients import CLIENTS
from voicecli.bench.corpus import Corpus
from voicecli.bench.environment import Found, RunStart, conclude, model_digests
from voicecli.bench.load import Pace, load
from voicecli.bench.load_report import Row, Session, Use, row
from voicecli.bench.machine import PROC, Process, usable_threads
from voicecli.bench.result import Result
from voicecli.bench.speech import Utterance
from voicecli.bench.wire import Wire, web_socket
from voicecli.errors import BackendUnavailable
from voicecli.settings.model import Settings

START_S = 120.0
"""Longest wait for the server to load its models."""

STOP_S = 15.0
LOOK_S = 0.5
"""Between two looks at the server's memory, or at whether it is ready."""

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, and how it talks."""

    url: str  # without a path, as ws://127.0.0.1:8000
    protocol: str  # one of CLIENTS
    pid: int | None = None  # of its process, to tell what it uses
    api_key: str = ""  # empty: it asks for none

    def connect(self, path: str) -> AbstractAsyncContextManager[Wire]:
        return web_socket(self.url.rstrip("/") + path, self.api_key)


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of clients."""

    row: Row
    sessions: tuple[Session, ...]

    def fields(self) -> dict[str, Any]:
        """For JSON: the row, and all utterances that it is made of."""
        return {**asdict(self.row), "sessions": [asdict(session) for session in self.sessions]}


async def measure(
    server: Server,
    spoken: Sequence[Utterance],
    counts: Sequence[int],
    pace: Pace,
    show: Callable[[Measured], None],
) -> None:
    """A first utterance that does not count, then each number of clients; `show` gets each as soon as it is there.

    Raises BackendUnavailable where there is no server, SettingsError where there is no such process.
    """
    process = Process(server.pid) if server.pid is not None else None
    await load(server.connect, CLIENTS[server.protocol], spoken, 1, replace(pace, utterances=1))
    for count in counts:
        await asyncio.sleep(pace.rest_s)
        speaking = load(server.connect, CLIENTS[server.protocol], spoken, count, pace)
        sessions, use = await watched(speaking, process)
        show(Measured(row(sessions, use), tuple(sessions)))


async def watched(
    speaking: Coroutine[Any, Any, list[Session]], process: Process | None
) -> tuple[list[Session], Use | None]:
    """The sessions, and what the server used meanwhile; None where its process is not known."""
    if process is None:
        return await speaking, None
    loop = asyncio.get_running_loop()
    before, began_s, own_s = process.usage(), loop.time(), time.process_time()
    most = before.rss_bytes

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, process.usage().rss_bytes)
            await asyncio.sleep(LOOK_S)

    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(look())
        sessions = await speaking
        looking.cancel()
    after, own_s = process.usage(), time.process_time() - own_s
    cpu_s = after.cpu_s - before.cpu_s
    others_s = after.machine_cpu_s - before.machine_cpu_s - cpu_s - own_s
    return sessions, Use(cpu_s, loop.time() - began_s, before.rss_bytes / MB, most / MB, max(0.0, others_s))


def result_of(
    begun: RunStart, settings: Settings, corpus: Corpus, done: Sequence[Measured], own_options: Sequence[str] | None
) -> Result:
    """All runs as one result. `own_options`: of the server that was started here; None: of another nothing is known."""
    mine = own_options is not None
    named = [option.partition("=")[0] for option in own_options or () if option.startswith("-")]
    found = Found(
        corpus.reported,
        tuple(metric for one in done for metric in load_result.metrics(one.row.clients, one.sessions)),
        tuple(count for one in done for count in load_result.counts(one.row, one.sessions)),
        load=load_result.doubts([one.row for one in done], usable_threads()),
        doubts=(f"serve-stt had options that the settings do not show: {', '.join(named)}",) if named else (),
        events=tuple(one.fields() for one in done),
    )
    models = model_digests(settings, [settings.stt.model, settings.listen.endpoint_model]) if mine and not named else {}
    result = conclude(load_result.STAGE, begun, settings, models, found)
    return result if mine else replace(result, settings={})


@asynccontextmanager
async def our_server(options: Sequence[str]) -> AsyncIterator[tuple[str, int | None]]:
    """`voicecli serve-stt` on a free port of this machine; gives its URL and, where it can be watched, its process.

    Raises BackendUnavailable where it ends before it is ready, or does not become ready.
    """
    port = free_port()
    command = [sys.executable, "-m", "voicecli", "serve-stt", "--host", "127.0.0.1", "--port", str(port), *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    try:
        await ready(f"http://127.0.0.1:{port}/ready", process)
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


async def ready(url: str, process: asyncio.subprocess.Process) -> None:
    """Return when it answers with 200. Raises BackendUnavailable."""
    hint = "voicecli serve-stt tells more"
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            async with asyncio.timeout(START_S):
                while process.returncode is None:
                    try:
                        if (await client.get(url)).status_code == httpx.codes.OK:
                            return
                    except httpx.TransportError:
                        pass  # it does not listen yet
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise BackendUnavailable(f"serve-stt is not ready after {START_S:.0f} s", hint) from None
    raise BackendUnavailable(f"serve-stt ended with exit code {process.returncode} before it was ready", hint)


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
