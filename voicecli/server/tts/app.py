"""Text-to-speech as an ASGI app: one resident model, many clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response

from voicecli import __version__
from voicecli.server.bodies import BoundedBodies
from voicecli.server.sessions import Limits, Sessions
from voicecli.server.tts.openai import openai_routes
from voicecli.server.tts.problems import answer_as_openai
from voicecli.server.tts.speak import speak_routes
from voicecli.server.tts.speech import Speech
from voicecli.server.tts.voiceagentguide_ws import seed_routes

MOST_BODY_BYTES = 1 << 16
"""Of a request: `MOST_CHARS` characters of four bytes each, and the fields beside them."""


def create_app(speech: Speech, sessions: Sessions, limits: Limits) -> FastAPI:
    """Everything but who may come in, and on which port. A request and a WebSocket are a session each."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            learning = tasks.create_task(speech.learning.serve(), name="learning")
            yield
            learning.cancel()

    app = FastAPI(
        title="voicecli serve-tts",
        version=__version__,
        description="Text-to-speech on this machine. The WebSockets are described in docs/protocol-tts.md.",
        lifespan=lifespan,
    )

    @app.get("/health", tags=["watch"])
    async def health() -> dict[str, str]:
        """The server is alive."""
        return {"status": "ok"}

    @app.get("/ready", tags=["watch"], responses={503: {"description": "No session would be taken now."}})
    async def ready(response: Response) -> dict[str, object]:
        """Whether a session would be taken now."""
        is_ready = not sessions.leaving.is_set() and sessions.active < sessions.most
        response.status_code = 200 if is_ready else 503
        model = speech.voices.model
        return {"ready": is_ready, "model": model, "sessions": sessions.active, "max_sessions": sessions.most}

    app.include_router(openai_routes(speech, sessions))
    for routes in (speak_routes, seed_routes):
        app.include_router(routes(speech, sessions, limits))
    answer_as_openai(app)
    app.add_middleware(BoundedBodies, most_bytes=MOST_BODY_BYTES)
    return app
