"""The text-to-speech server: `create_app` over voices that are loaded already."""

from __future__ import annotations

import time

from fastapi import FastAPI

from voicecli import __version__
from voicecli.engines.base import Voices, Worker
from voicecli.events import Clock
from voicecli.server.tts_openai import openai_routes
from voicecli.server.tts_problems import answer_as_openai
from voicecli.server.tts_seed import seed_routes
from voicecli.server.tts_speak import speak_routes
from voicecli.server.tts_speech import Speech


def create_app(voices: Voices, worker: Worker, voice: str, speed: float, clock: Clock = time.monotonic) -> FastAPI:
    """All routes. The model runs on `worker`; `voice` and `speed` are for clients that ask for none."""
    app = FastAPI(title="voicecli text-to-speech", version=__version__)
    speech = Speech(voices, worker, voice, speed, clock)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready", "model": voices.name}

    for routes in (openai_routes, speak_routes, seed_routes):
        app.include_router(routes(speech))
    answer_as_openai(app)
    return app
