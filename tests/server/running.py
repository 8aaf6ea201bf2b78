"""The real app on a real port of this machine, in the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from tests.defaults import LISTEN
from tests.server.stage import AnySound, Hearing, Inline
from voicecli.server.access import Access, AccessMiddleware
from voicecli.server.serving import Bind, QuietServer, listen, uvicorn_config
from voicecli.server.sessions import Limits, Metrics, Sessions
from voicecli.server.stt.app import create_app
from voicecli.server.stt.listening import SessionDetectors
from voicecli.server.stt.protocol import Start
from voicecli.server.stt.scheduler import Scheduler
from voicecli.server.stt.service import Service
from voicecli.turns.segmenter import Segmenter


@dataclass(frozen=True, slots=True)
class Running:
    port: int
    service: Service

    def ws(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def http(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def scripted(most: int = 8, limits: Limits | None = None, took_s: float = 0.0) -> Service:
    """Hears numbers, as `Hearing` does."""
    clock, metrics, recognizer = asyncio.get_running_loop().time, Metrics(), Hearing()
    scheduler = Scheduler(Inline(took_s), clock, metrics)

    def detectors(start: Start) -> SessionDetectors:
        quick = LISTEN.model_copy(update={"end_ms": 500})
        quiet_s = 0.5 if start.endpoint == "silence" else None
        return SessionDetectors(AnySound(), Segmenter(quick), None, None, Inline(), LISTEN.start_ms, 0.5, quiet_s)

    return Service(
        scheduler,
        lambda _: scheduler.client(recognizer),
        detectors,
        Sessions(most, metrics),
        limits or Limits(),
        metrics,
        clock,
        "hearing",
    )


@asynccontextmanager
async def running(service: Service, access: Access | None = None, bind: Bind | None = None) -> AsyncIterator[Running]:
    """Up when it yields; at the end all sessions are drained."""
    bind = replace(bind or Bind("127.0.0.1", 0), port=0)
    with listen(bind) as listening:
        server = QuietServer(uvicorn_config(AccessMiddleware(create_app(service), access or Access()), bind))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listening]))
            yield Running(listening.getsockname()[1], service)
            async with asyncio.timeout(10):
                await service.sessions.drain()
            server.should_exit = True
