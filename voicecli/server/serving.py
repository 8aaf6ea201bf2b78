"""Serve an ASGI app on a port until a signal arrives; then let the sessions under way finish."""

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
"""Interval of pings to a silent client, and how long it may take to answer one."""

CLOSE_S = 2.0
"""Time to close connections that are still open when all sessions are over."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Address, certificate and limits of a server."""

    host: str
    port: int  # 0: any free port
    certificate: str = ""  # PEM file; if set, the server accepts TLS only
    key: str = ""
    message_bytes: int = 4 << 20  # the longest WebSocket message; a longer one closes the connection with 1009
    drain_s: float = 10.0  # that sessions have to finish after the signal to stop

    @property
    def secure(self) -> bool:
        return bool(self.certificate)


class QuietServer(uvicorn.Server):
    """A uvicorn server that leaves signal handling to its caller."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(bind: Bind) -> socket.socket:
    """Return a listening socket. Raise SettingsError if the port is in use or the address is not this machine's."""
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((bind.host, bind.port))
        listening.listen()  # clients that connect from now on wait until the app is up
    except OSError as error:
        listening.close()
        raise SettingsError(f"cannot listen on {bind.host} port {bind.port}: {error.strerror}", "--port") from error
    return listening


def uvicorn_config(app: ASGIApp, bind: Bind) -> uvicorn.Config:
    """Return uvicorn's configuration. Raise SettingsError if the certificate cannot be used."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        ssl_certfile=bind.certificate or None,
        ssl_keyfile=bind.key or None,
        ws_max_size=bind.message_bytes,
        ws_per_message_deflate=False,  # audio hardly shrinks, and compressing costs more than the rest of the transfer
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        timeout_graceful_shutdown=round(CLOSE_S),
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"the certificate cannot be used: {error}", "--tls-cert and --tls-key need PEM files"
        ) from error
    return config


async def serve(
    app: ASGIApp,
    bind: Bind,
    listening: socket.socket,
    drain: Callable[[], Coroutine[None, None, None]],
    ready: Callable[[], None],
) -> None:
    """Serve until SIGTERM or Ctrl-C, then run `drain` for at most `bind.drain_s` and close all connections.

    A second signal closes them at once. Raise SettingsError if the certificate cannot be used.
    """
    server = QuietServer(uvicorn_config(app, bind))
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
    """Wait until one is done, then cancel the unfinished `others`. Raise what a finished one of them raised."""
    tasks = [asyncio.ensure_future(other) for other in others]
    done, _ = await asyncio.wait((running, *tasks), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task not in done:
            task.cancel()
        else:
            task.result()
