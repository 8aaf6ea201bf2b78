"""The real app with the real models on a port of this machine, for other people's clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn

from tests.defaults import SETTINGS
from tests.speech import SENTENCES
from voicecli.assemble_stt import Wanted, open_stt
from voicecli.audio.resample import resample
from voicecli.audio.wav import read_clip
from voicecli.server.access import Access, Guard
from voicecli.server.serving import QuietServer
from voicecli.server.sessions import Limits
from voicecli.server.stt import Service, create_app
from voicecli.types import LISTEN_RATE_HZ, Pcm

MODELS = ("whisper-base", "smart-turn-v3.2")
SENTENCE, WORDS = SENTENCES[0], "the child almost hurt the small dog"
"""What `make_recording` falls back on is the same sentence, spoken by Kokoro."""

Folder = Callable[[str], Path]
Spoken = Callable[[str], Path]


@dataclass(frozen=True, slots=True)
class Running:
    service: Service
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def running(
    model_folder: Folder, limits: Limits | None = None, most: int = 4, access: Access | None = None
) -> AsyncIterator[Running]:
    """Up and warm; at the end it stops as `serve-stt` does."""
    for model in MODELS:
        model_folder(model)
    async with open_stt(SETTINGS, Wanted(most, limits or Limits())) as service:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            app = Guard(create_app(service), access or Access())
            server = QuietServer(uvicorn.Config(app, log_config=None, lifespan="on"))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.serve([listening]))
                try:
                    yield Running(service, listening.getsockname()[1])
                    await service.sessions.drain()
                finally:
                    server.should_exit = True


def sentence(spoken: Spoken) -> Path:
    """A file in which `WORDS` are said."""
    return SENTENCE if isinstance(SENTENCE, Path) and SENTENCE.is_file() else spoken(f"{WORDS}.")


def at_rate(path: Path, rate_hz: int) -> Pcm:
    """A recording at another rate, shape (n,)."""
    return resample(read_clip(path), LISTEN_RATE_HZ, rate_hz)


def quickly(limits: Limits, **changes: float) -> Limits:
    """Limits that a test can reach."""
    return replace(limits, **changes)  # type: ignore[arg-type]
