"""Clients that mean harm, or just do not stop: serve-tts lets them go, forgets nobody, and serves the next one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
import tracemalloc
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.server.tts_stage import Stage, hear, on_stage, say
from voicecli.server.sessions import Limits
from voicecli.server.tts.app import MAX_BODY_BYTES

MESSAGES = 600
GROWTH_BYTES = 3 << 20
"""Python's own memory may differ by so much between the middle and the end: caches of regular expressions and such."""

HOSTILE: tuple[Callable[[random.Random], str | bytes], ...] = (
    lambda dice: dice.randbytes(dice.randrange(4000)),
    lambda dice: "",
    lambda dice: "not JSON " * dice.randrange(100),
    lambda dice: "[" * 2000,
    lambda dice: '{"a":' * 2000,
    lambda dice: json.dumps({"type": dice.choice(["end", "cancel", "stop", "bogus", 7, None])}),
    lambda dice: json.dumps({"type": "start", "speed": dice.choice([-1, 0, 1e99, "x", None]), "voice": "x" * 500}),
    lambda dice: json.dumps({"type": "text", "text": dice.choice(["-", ". ", "*", "\0", "<", "\ud800"]) * 9999}),
    lambda dice: json.dumps({"type": "text", "text": "word. " * dice.randrange(2000)}),
    lambda dice: json.dumps({"text": "crash", "config": {"volume_multiplier": dice.choice([0, 1e99, 5])}}),
    lambda dice: json.dumps({"input": dice.choice(["", "crash", "hello there", "🎉", 3]), "voice": "anna"}),
)


async def torment(stage: Stage, dice: random.Random, count: int) -> None:
    """One connection, for as long as it lives."""
    with contextlib.suppress(ConnectionClosed):
        async with stage.socket(dice.choice(["/ws", "/v1/speak"])) as socket:
            for _ in range(count):
                await socket.send(dice.choice(HOSTILE)(dice))
                if dice.random() < 0.05:
                    socket.transport.abort()  # gone without a word


async def post(stage: Stage, dice: random.Random, count: int) -> None:
    async with httpx.AsyncClient(base_url=stage.url, timeout=20) as client:
        for _ in range(count):
            answer = await client.post("/v1/audio/speech", content=dice.choice(HOSTILE)(dice))
            assert answer.status_code in (200, 400, 413, 422, 500, 503)
            if answer.status_code == 500:
                assert answer.json()["error"]["message"].startswith("RuntimeError: the voice broke")


async def memory(stage: Stage) -> int:
    """Bytes that Python holds once all sessions are over."""
    async with asyncio.timeout(20):
        await stage.sessions.empty()
    stage.voices.said.clear()
    stage.voices.asked.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.timeout(180)
def test_hundreds_of_hostile_messages() -> None:
    async def play(stage: Stage) -> None:
        dice = random.Random(0)
        tracemalloc.start()
        seen = []
        for _ in range(2):
            async with asyncio.TaskGroup() as tasks:
                for _ in range(MESSAGES // 40):
                    tasks.create_task(torment(stage, dice, 15))
                tasks.create_task(post(stage, dice, 30))
            seen.append(await memory(stage))
        tracemalloc.stop()
        assert seen[1] - seen[0] < GROWTH_BYTES
        async with stage.socket("/v1/speak") as socket:
            await say(socket, "Hello there.")
            assert (await hear(socket, "done"))[0][-1]["audio_s"] == 0.5

    on_stage(play, steps=1_000_000, most=50, limits=Limits(idle_s=2.0, errors=5))


@pytest.mark.parametrize("path", ["/ws", "/v1/speak"])
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(idle_s=0.2), "nothing came for 0.2 s"),
        (Limits(session_s=0.3), "a session lasts 0.3 s at most"),
        (Limits(messages_per_s=20, errors=1000), "more than 20 messages a second"),
        (Limits(errors=3), "too many messages that cannot be understood"),
    ],
)
def test_a_session_that_goes_too_far_is_ended(path: str, limits: Limits, reason: str) -> None:
    async def play(stage: Stage) -> None:
        async with stage.socket(path) as socket, asyncio.timeout(20):
            with contextlib.suppress(ConnectionClosed):
                for _ in range(100 if "messages" in reason else 0):
                    await socket.send('{"type": "bogus"}')
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await socket.recv()
            assert (socket.close_code, socket.close_reason) == (1008, reason)
            await stage.sessions.empty()

    on_stage(play, limits=limits)


def test_a_client_that_does_not_read_is_let_go() -> None:
    async def play(stage: Stage) -> None:
        url = stage.url.replace("http", "ws") + "/ws"
        # A tone that is compressed fits into the buffers of the network as a whole.
        async with connect(url, compression=None) as socket, asyncio.timeout(20):
            for _ in range(9):
                await socket.send("word " * 1999)
            while stage.sessions.active:  # noqa: ASYNC110 - the server has noticed
                await asyncio.sleep(0.01)
            socket.transport.abort()

    on_stage(play, steps=1_000_000, limits=Limits(send_s=0.3))


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_that_is_too_large_is_refused(is_declared: bool) -> None:
    body = b'{"input": "%s"}' % (b"x" * MAX_BODY_BYTES)

    async def parts() -> AsyncIterator[bytes]:
        yield body[:1000]
        yield body[1000:]

    async def play(stage: Stage) -> None:
        async with httpx.AsyncClient(base_url=stage.url) as client:
            answer = await client.post("/v1/audio/speech", content=body if is_declared else parts())
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")

    on_stage(play)
