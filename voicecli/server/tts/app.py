"""Text-to-speech as an ASGI app: one loaded model, many clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from voicecli import __version__
from voicecli.server.http import BodyLimit, health_routes
from voicecli.server.sessions import Limits, Sessions
from voicecli.server.tts import openai, speak, voiceagentguide_ws
from voicecli.server.tts.errors import add_error_handlers
from voicecli.server.tts.speech import SpeechService

MAX_BODY_BYTES = 1 << 16
"""The longest request body: `MAX_CHARS` characters of four bytes each, and the other fields."""


def create_app(speech: SpeechService, sessions: Sessions, limits: Limits) -> FastAPI:
    """Return the app without access control. Each request and each WebSocket is a session."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            calibrating = tasks.create_task(speech.calibration.serve(), name="calibration")
            yield
            calibrating.cancel()

    app = FastAPI(
        title="voicecli serve-tts",
        version=__version__,
        description="Text-to-speech on this machine. The WebSockets are described in docs/protocol-tts.md.",
        lifespan=lifespan,
    )
    app.include_router(health_routes(sessions, speech.voices.model))
    app.include_router(openai.routes(speech, sessions))
    for routes in (speak.routes, voiceagentguide_ws.routes):
        app.include_router(routes(speech, sessions, limits))
    add_error_handlers(app)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)
    return app
