"""Two thousand hostile messages: the server stays healthy, forgets nobody, and serves the next client."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
import socket as sockets
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from tests.server.running import Running, running, scripted
from tests.server.stage import sound
from voicecli.server.serving import Bind
from voicecli.server.sessions import Limits

pytestmark = pytest.mark.anyio
MESSAGES = 2000
LONGEST = 1 << 18
GROWTH_BYTES = 3 << 20
"""Python's own memory may differ by so much between the middle and the end: caches of regular expressions and such."""

Message = Callable[[random.Random], str | bytes]

HOSTILE: tuple[Message, ...] = (
    lambda dice: dice.randbytes(2 * dice.randrange(400) + 1),  # ends inside a sample
    lambda dice: b"",
    lambda dice: "",
    lambda dice: dice.randbytes(dice.randrange(4000)),
    lambda dice: "not JSON " * dice.randrange(100),
    lambda dice: json.dumps({"type": "start"}),
    lambda dice: json.dumps({"type": "start", "sample_rate_hz": dice.choice([-1, 0, 8000, 1e99, "x", None])}),
    lambda dice: json.dumps({"type": "start", "format": dice.choice(["f32le", "mp3", 3])}),
    lambda dice: json.dumps({"type": dice.choice(["flush", "cancel", "stop", "bogus", 7]), "x": dice.random()}),
    lambda dice: json.dumps({"type": dice.choice(["flush", "cancel"])}),
    lambda dice: "[" * 2000,
    lambda dice: json.dumps({"type": "start", "hotwords": ["x" * 99] * dice.randrange(200)}),
    lambda dice: np.array([np.nan, np.inf, -np.inf, 1e38] * dice.randrange(200), "<f4").tobytes(),
    lambda dice: sound(dice.random(), dice.choice([-3, 3])).tobytes(),
    lambda dice: bytes(LONGEST + 1) if dice.random() < 0.2 else bytes(1000),
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def torment(server: Running, dice: random.Random, count: int) -> int:
    """One connection, for as long as it lives; returns the messages that were sent."""
    sent = 0
    with contextlib.suppress(ConnectionClosed, InvalidStatus):
        async with connect(server.ws(dice.choice(["/ws", "/v1/listen"])), max_size=None) as client:
            if dice.random() < 0.7:
                await client.send(json.dumps({"type": "start", "format": dice.choice(["s16le", "f32le"])}))
            while sent < count:
                await client.send(dice.choice(HOSTILE)(dice))
                sent += 1
                if dice.random() < 0.02:
                    client.transport.abort()  # gone without a word
                    break
    return max(1, sent)


async def serves(server: Running) -> None:
    async with asyncio.timeout(10), connect(server.ws("/ws")) as client:
        await client.send(sound(2, 7).tobytes())
        assert await client.recv() == "7"


@pytest.mark.timeout(180)
async def test_two_thousand_hostile_messages() -> None:
    dice = random.Random(0)
    service = scripted(most=50, limits=Limits(idle_s=2.0, errors=5))
    async with running(service, bind=Bind("127.0.0.1", 0, message_bytes=LONGEST)) as server:
        tracemalloc.start()
        sent, middle = 0, 0
        while sent < MESSAGES:
            async with asyncio.TaskGroup() as tasks:
                clients = [tasks.create_task(torment(server, dice, 40)) for _ in range(5)]
            sent += sum(client.result() for client in clients)
            if not middle and sent > MESSAGES / 2:
                middle = await memory(server)
        assert await memory(server) - middle < GROWTH_BYTES
        tracemalloc.stop()
        await serves(server)


async def memory(server: Running) -> int:
    """Bytes that Python holds once all sessions are over."""
    async with asyncio.timeout(20):
        await server.service.sessions.empty()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def test_a_client_that_does_not_read_is_let_go() -> None:
    service = scripted(limits=Limits(send_s=0.5, outbox=20, idle_s=2.0, messages_per_s=1_000_000, errors=1_000_000))
    async with running(service) as server, connect(server.ws("/v1/listen"), max_queue=1) as client:
        await client.send(json.dumps({"type": "start"}))
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(20):
                while True:
                    await client.send(json.dumps({"type": "bogus" * 1000}))
        await serves(server)
        async with asyncio.timeout(20):
            await service.sessions.empty()


async def test_half_open_connections_do_not_hold_sessions() -> None:
    """A socket that never says what it wants, and a WebSocket that never starts."""
    service = scripted(most=2, limits=Limits(idle_s=0.3))
    async with running(service) as server:
        half_open = [sockets.create_connection(("127.0.0.1", server.port)) for _ in range(10)]
        for one in half_open:
            one.send(b"GET /v1/listen HTTP/1.1\r\nHost: x\r\n")
        await serves(server)
        silent: list[ClientConnection] = [await connect(server.ws("/ws")) for _ in range(2)]
        async with asyncio.timeout(10):
            await service.sessions.empty()
        await serves(server)
        for one in half_open:
            one.close()
        for client in silent:
            with contextlib.suppress(WebSocketException):
                await client.close()
