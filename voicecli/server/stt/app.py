"""Speech-to-text as an ASGI app: one recogniser, many sessions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Response

from voicecli import __version__
from voicecli.server.stt import listen, openai, realtime, voiceagentguide_ws
from voicecli.server.stt.asyncapi import description
from voicecli.server.stt.service import Service
from voicecli.server.stt.wyoming import serve_wyoming


def create_app(service: Service, wyoming: socket.socket | None = None) -> FastAPI:
    """Everything but who may come in, and on which port; `wyoming`: where that protocol is spoken beside it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            serving = [tasks.create_task(service.scheduler.serve(), name="scheduler")]
            if wyoming is not None:
                serving.append(tasks.create_task(serve_wyoming(service, wyoming), name="wyoming"))
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
    for routes in (voiceagentguide_ws.routes, listen.routes, openai.routes, realtime.routes):
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
