"""A cluster of one machine in a process of its own: prints its port when two replicas serve, ends with its input.

python -m tests.server.ray_cluster light|stt|tts PORT
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from voicecli.app.serve_ray import Options, deployment, stt, tts

if TYPE_CHECKING:
    from ray.serve import Application

SESSIONS = 2
"""Of each replica."""

REPLICAS = 2
SCALE = {"sessions": SESSIONS, "min_replicas": REPLICAS, "max_replicas": REPLICAS, "drain_s": 1.0}


@asynccontextmanager
async def open_light(sessions: int) -> AsyncIterator[ASGIApp]:
    """An app that answers each message with its process and takes so many sessions."""
    taken: set[WebSocket] = set()

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        if len(taken) >= sessions:
            await socket.close(1013, "full")
            return
        taken.add(socket)
        try:
            async for _ in socket.iter_bytes():
                await socket.send_text(str(os.getpid()))
        finally:
            taken.discard(socket)

    async def health(request: Request) -> JSONResponse:
        return JSONResponse({"process": os.getpid()})

    yield Starlette(routes=[WebSocketRoute("/talk", talk), Route("/health", health)])


def application_of(kind: str) -> Application:
    """The real servers as `serve run` would ask for them."""
    if kind == "light":
        return deployment(kind, partial(open_light, SESSIONS), Options.model_validate(SCALE))
    return {"stt": stt, "tts": tts}[kind]({**SCALE, "insecure": "true"})


def main(kind: str, port: int) -> None:
    """Needs Ray."""
    import ray
    from ray import serve

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(application_of(kind), name=kind)
        print(f"serving {port}", flush=True)
        sys.stdin.read()
        serve.shutdown()
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
