"""One run of `voicecli serve-stt` or `serve-tts`: from the port that is taken to the last session's end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlunsplit

from voicecli.assemble.stt_server import Wanted, open_stt
from voicecli.assemble.tts_server import open_tts
from voicecli.server.access import Access, Guard
from voicecli.server.metrics import Metrics
from voicecli.server.serving import Bind, listen, serve
from voicecli.server.sessions import Sessions
from voicecli.server.stt.app import create_app as create_stt_app
from voicecli.server.tts.app import create_app as create_tts_app
from voicecli.settings.model import Settings

Narrate = Callable[[str], None]


def run_stt(settings: Settings, wanted: Wanted, access: Access, bind: Bind, narrate: Narrate) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises SettingsError, ModelMissing or EngineError."""
    asyncio.run(_run_stt(settings, wanted, access, bind, narrate))


async def _run_stt(settings: Settings, wanted: Wanted, access: Access, bind: Bind, narrate: Narrate) -> None:
    """The port comes first: that it is taken should not be told after a minute of loading."""
    with ExitStack() as sockets:
        listening = sockets.enter_context(listen(bind))
        wyoming = None
        if wanted.wyoming_port:
            wyoming = sockets.enter_context(listen(replace(bind, port=wanted.wyoming_port)))
        narrate("Loading the models…")
        async with open_stt(settings, wanted) as service:
            sessions = service.sessions

            def ready() -> None:
                narrate(f"{service.model} for {sessions.most} sessions at once on {url_of(bind, listening)}")
                if wyoming is not None:
                    narrate(f"Wyoming on tcp://{_bracketed(bind.host)}:{wanted.wyoming_port}")

            app = Guard(create_stt_app(service, wyoming), access)
            await serve(app, bind, listening, sessions.drain, ready)


def run_tts(
    settings: Settings, prepare: Sequence[str], wanted: Wanted, access: Access, bind: Bind, narrate: Narrate
) -> None:
    """Serve until SIGTERM or Ctrl-C; `prepare`: voices that stream beside the settings' own.

    Raises SettingsError, ModelMissing or EngineError.
    """
    asyncio.run(_run_tts(settings, prepare, wanted, access, bind, narrate))


async def _run_tts(
    settings: Settings, prepare: Sequence[str], wanted: Wanted, access: Access, bind: Bind, narrate: Narrate
) -> None:
    sessions = Sessions(wanted.max_sessions, Metrics())
    with listen(bind) as listening:
        narrate("Loading the model…")
        async with open_tts(settings, prepare, narrate) as speech:

            def ready() -> None:
                narrate(f"{speech.voices.model}, {speech.voice}, on {url_of(bind, listening)}")

            app = Guard(create_tts_app(speech, sessions, wanted.limits), access)
            await serve(app, bind, listening, sessions.drain, ready)


def url_of(bind: Bind, listening: socket.socket) -> str:
    """Where the server is to be found."""
    port = listening.getsockname()[1]
    return urlunsplit(("https" if bind.secure else "http", f"{_bracketed(bind.host)}:{port}", "", "", ""))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
