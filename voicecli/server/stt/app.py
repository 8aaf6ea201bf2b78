"""Speech-to-text as an ASGI app: one recogniser, many sessions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Response

from voicecli import __version__
from voicecli.events import Clock
from voicecli.server.stt.asyncapi import description
from voicecli.server.stt.listening import Listener, Senses, Tell
from voicecli.server.metrics import Metrics
from voicecli.server.stt.protocol import Start
from voicecli.server.stt.scheduler import Desk, Scheduler
from voicecli.server.sessions import Limits, Sessions


@dataclass(frozen=True, slots=True)
class Service:
    """All that the protocols need; they differ in words alone."""

    scheduler: Scheduler
    make_desk: Callable[[Start], Desk]  # raises VoiceCliError where the recogniser cannot do what is asked for
    make_senses: Callable[[Start], Senses]
    sessions: Sessions
    limits: Limits
    metrics: Metrics
    clock: Clock
    model: str
    languages: tuple[str, ...] = ("en",)  # ISO 639-1, that may be asked for

    def listener(self, start: Start, tell: Tell) -> Listener:
        """For one session. Raises VoiceCliError as `make_desk` does."""
        return Listener(self.make_senses(start), self.make_desk(start), start.sample_rate_hz, self.clock, tell)


def create_app(service: Service, wyoming: socket.socket | None = None) -> FastAPI:
    """Everything but who may come in, and on which port; `wyoming`: where that protocol is spoken beside it."""
    from voicecli.server.stt.app import listen as stt_listen
    from voicecli.server.stt.app import openai as stt_openai
    from voicecli.server.stt.app import realtime as stt_realtime
    from voicecli.server.stt.app import voiceagentguide_ws as stt_seed

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            serving = [tasks.create_task(service.scheduler.serve(), name="scheduler")]
            if wyoming is not None:
                from voicecli.server.stt.app import wyoming as wyoming_stt

                serving.append(tasks.create_task(wyoming_stt.serve_wyoming(service, wyoming), name="wyoming"))
            yield
            for task in serving:
                task.cancel()

    app = FastAPI(
        title="voicecli serve-stt",
        version=__version__,
        description="Speech-to-text on this machine. The WebSockets are described in docs/protocol.md.",
        lifespan=lifespan,
    )
    app.include_router(watch_routes(service))
    for routes in (stt_seed.routes, stt_listen.routes, stt_openai.routes, stt_realtime.routes):
        app.include_router(routes(service))
    return app


def watch_routes(service: Service) -> APIRouter:
    """For those who watch the server."""
    router = APIRouter(tags=["watch"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """The server is alive."""
        return {"status": "ok"}

    @router.get("/ready", responses={503: {"description": "No session would be taken now."}})
    async def ready(response: Response) -> dict[str, object]:
        """Whether a session would be taken now."""
        sessions = service.sessions
        is_ready = not sessions.leaving.is_set() and sessions.active < sessions.most
        response.status_code = 200 if is_ready else 503
        return {"ready": is_ready, "model": service.model, "sessions": sessions.active, "max_sessions": sessions.most}

    @router.get("/asyncapi.json")
    async def asyncapi() -> dict[str, Any]:
        """The WebSocket /v1/listen, described for programs."""
        return description()

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counters in Prometheus' format."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    return router
