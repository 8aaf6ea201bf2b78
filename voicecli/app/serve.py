"""One run of `voicecli serve-stt` or `serve-tts`: from opening the port to the end of the last session."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlunsplit

from voicecli.assemble.stt_server import ServerOptions, open_stt
from voicecli.assemble.tts_server import open_tts
from voicecli.server.access import Access, AccessMiddleware
from voicecli.server.serving import Bind, listen, serve
from voicecli.server.sessions import Metrics, Sessions
from voicecli.server.stt.app import create_app as create_stt_app
from voicecli.server.tts.app import create_app as create_tts_app
from voicecli.settings.model import Settings

Narrate = Callable[[str], None]


def run_stt(settings: Settings, options: ServerOptions, access: Access, bind: Bind, narrate: Narrate) -> None:
    """Serve until SIGTERM or Ctrl-C. Raise SettingsError, ModelMissing or EngineError."""
    asyncio.run(_run_stt(settings, options, access, bind, narrate))


async def _run_stt(settings: Settings, options: ServerOptions, access: Access, bind: Bind, narrate: Narrate) -> None:
    """Open the port first: that it is in use should be reported before a minute of loading."""
    with ExitStack() as sockets:
        listening = sockets.enter_context(listen(bind))
        wyoming = None
        if options.wyoming_port:
            wyoming = sockets.enter_context(listen(replace(bind, port=options.wyoming_port)))
        narrate("Loading the models…")
        async with open_stt(settings, options) as service:
            sessions = service.sessions

            def ready() -> None:
                narrate(f"{service.model} for {sessions.limit} sessions at once on {url_of(bind, listening)}")
                if wyoming is not None:
                    narrate(f"Wyoming on tcp://{_bracketed(bind.host)}:{options.wyoming_port}")

            app = AccessMiddleware(create_stt_app(service, wyoming), access)
            await serve(app, bind, listening, sessions.drain, ready)


def run_tts(
    settings: Settings, prepare: Sequence[str], options: ServerOptions, access: Access, bind: Bind, narrate: Narrate
) -> None:
    """Serve until SIGTERM or Ctrl-C; `prepare`: voices to prepare for streaming beside that of the settings.

    Raise SettingsError, ModelMissing or EngineError.
    """
    asyncio.run(_run_tts(settings, prepare, options, access, bind, narrate))


async def _run_tts(
    settings: Settings, prepare: Sequence[str], options: ServerOptions, access: Access, bind: Bind, narrate: Narrate
) -> None:
    sessions = Sessions(options.max_sessions, Metrics())
    with listen(bind) as listening:
        narrate("Loading the model…")
        async with open_tts(settings, prepare, narrate) as speech:

            def ready() -> None:
                narrate(f"{speech.voices.model}, {speech.voice}, on {url_of(bind, listening)}")

            app = AccessMiddleware(create_tts_app(speech, sessions, options.limits), access)
            await serve(app, bind, listening, sessions.drain, ready)


def url_of(bind: Bind, listening: socket.socket) -> str:
    """Return the address of the server."""
    port = listening.getsockname()[1]
    return urlunsplit(("https" if bind.secure else "http", f"{_bracketed(bind.host)}:{port}", "", "", ""))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
