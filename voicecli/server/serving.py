"""An ASGI app on a port, until it is told to stop; then those who are connected are let finish."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from voicecli.errors import SettingsError

STOPPING = (signal.SIGTERM, signal.SIGINT)
PING_S = 20.0
"""Between two pings to a client that says nothing; one that does not answer for as long is gone."""

CLOSE_S = 2.0
"""For connections that are still open when all sessions are over."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Where to serve."""

    host: str
    port: int  # 0: any that is free
    certificate: str = ""  # PEM file; with it the server speaks TLS alone
    key: str = ""
    message_bytes: int = 4 << 20  # the longest WebSocket message; a longer one closes the connection with 1009
    drain_s: float = 10.0  # for those who are connected, from the signal to stop on

    @property
    def secure(self) -> bool:
        return bool(self.certificate)


class QuietServer(uvicorn.Server):
    """Whoever runs it takes care of signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(bind: Bind) -> socket.socket:
    """Raises SettingsError where the port is taken or the address is not this machine's."""
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((bind.host, bind.port))
        listening.listen()  # who connects from now on waits until the app is up
    except OSError as error:
        listening.close()
        raise SettingsError(f"cannot listen on {bind.host} port {bind.port}: {error.strerror}", "--port") from error
    return listening


def configured(app: ASGIApp, bind: Bind) -> uvicorn.Config:
    """Raises SettingsError where the certificate cannot be used."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        ssl_certfile=bind.certificate or None,
        ssl_keyfile=bind.key or None,
        ws_max_size=bind.message_bytes,
        ws_per_message_deflate=False,  # sound hardly shrinks, and it would cost more than the rest of the way
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        timeout_graceful_shutdown=round(CLOSE_S),
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"the certificate cannot be used: {error}", "--tls-cert and --tls-key, PEM files"
        ) from error
    return config


async def serve(
    app: ASGIApp,
    bind: Bind,
    listening: socket.socket,
    drain: Callable[[], Coroutine[None, None, None]],
    ready: Callable[[], None],
) -> None:
    """Until SIGTERM or Ctrl-C: then no more sessions, `drain` lets those under way finish, and all is closed.

    A second signal ends it at once. Raises SettingsError where the certificate cannot be used.
    """
    server = QuietServer(configured(app, bind))
    stop, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, on_signal)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve([listening]))
        ready()
        await first_of(serving, stop.wait())
        await first_of(serving, drain(), hurry.wait(), timeout_s=bind.drain_s)
        server.should_exit, server.force_exit = True, hurry.is_set()


async def first_of(
    running: asyncio.Task[None], *others: Coroutine[None, None, object], timeout_s: float | None = None
) -> None:
    """Until one is done; the others, but for the one that runs already, are cancelled. Raises what `others` raise."""
    tasks = [asyncio.ensure_future(other) for other in others]
    done, _ = await asyncio.wait((running, *tasks), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task not in done:
            task.cancel()
        else:
            task.result()
