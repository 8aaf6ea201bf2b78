"""One run of `voicecli serve-stt`: from the port that is taken to the last session's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlunsplit

from voicecli.assemble_stt import Wanted, open_stt
from voicecli.server.access import Access, Guard
from voicecli.server.serving import Bind, configured, listen, serve
from voicecli.server.stt import create_app
from voicecli.settings import Settings

Narrate = Callable[[str], None]


def run_stt(settings: Settings, wanted: Wanted, access: Access, bind: Bind, narrate: Narrate) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises SettingsError, ModelMissing or EngineError."""
    asyncio.run(_run_stt(settings, wanted, access, bind, narrate))


async def _run_stt(settings: Settings, wanted: Wanted, access: Access, bind: Bind, narrate: Narrate) -> None:
    """The port comes first: that it is taken should not be told after a minute of loading."""
    with listen(bind) as listening:
        narrate("Loading the models…")
        async with open_stt(settings, wanted) as service:
            port = listening.getsockname()[1]
            url = urlunsplit(("https" if bind.secure else "http", f"{_bracketed(bind.host)}:{port}", "", "", ""))
            sessions = service.sessions

            def ready() -> None:
                narrate(f"{service.model} for {sessions.most} sessions at once on {url}")

            config = configured(Guard(create_app(service), access), bind)
            await serve(config, listening, sessions.drain, bind.drain_s, ready)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
