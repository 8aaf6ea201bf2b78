"""Speech-to-text as an ASGI app: one recognizer, many sessions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response

from voicecli import __version__
from voicecli.server.http import health_routes
from voicecli.server.stt import listen, openai, realtime, voiceagentguide_ws
from voicecli.server.stt.asyncapi import description
from voicecli.server.stt.service import Service
from voicecli.server.stt.wyoming import serve_wyoming


def create_app(service: Service, wyoming: socket.socket | None = None) -> FastAPI:
    """Return the app without access control; `wyoming`: a listening socket to serve that protocol on as well."""

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
    app.include_router(health_routes(service.sessions, service.model))
    openai.add_error_handlers(app)

    @app.get("/asyncapi.json", tags=["monitoring"])
    async def asyncapi() -> dict[str, Any]:
        """Return the AsyncAPI description of the WebSocket /v1/listen."""
        return description()

    @app.get("/metrics", tags=["monitoring"], response_class=Response)
    async def metrics() -> Response:
        """Return the metrics in Prometheus' format."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    for routes in (voiceagentguide_ws.routes, listen.routes, openai.routes, realtime.routes):
        app.include_router(routes(service))
    return app
