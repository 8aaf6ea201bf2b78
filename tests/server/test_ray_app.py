"""The servers on a cluster: replicas are used side by side, and a session stays where it began."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.server.ray_cluster import REPLICAS, SESSIONS
from tests.speech import SPOKEN, clip
from voicecli.app.serve_ray import Options, Replica, key_of, opened_at_start, stt
from voicecli.errors import SettingsError
from voicecli.server.stt.protocol import Final, Ready

ROOT = Path(__file__).parents[2]
NO_RAY = importlib.util.find_spec("ray") is None
needs_ray = pytest.mark.skipif(NO_RAY, reason="Ray is not installed: pip install 'voicecli[ray]'")
START_S = 180.0
"""Limit for a test that starts a cluster and loads engines twice, on a machine that has other work too."""


@contextlib.contextmanager
def cluster(kind: str) -> Iterator[int]:
    """The port of a cluster, which leaves no process behind, whatever happens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    words = [sys.executable, "-m", "tests.server.ray_cluster", kind, str(port)]
    with subprocess.Popen(
        words, cwd=ROOT, env=os.environ | quiet, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            reported = [line.decode().strip() for line in iter_until(process.stdout.readline, f"serving {port}")]
            assert reported[-1:] == [f"serving {port}"], reported
            yield port
            process.stdin.close()
            assert process.wait(30) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def iter_until(read: Callable[[], bytes], last: str) -> Iterator[bytes]:
    """Lines up to the one that is waited for, or the end."""
    while line := read():
        yield line
        if line.decode().strip() == last:
            return


async def who(session: ClientConnection) -> str:
    """The process that answers in this session."""
    await session.send(b"?")
    return str(await session.recv())


async def code_of_refusal(url: str) -> int:
    async with connect(url) as refused:
        with pytest.raises(ConnectionClosed) as closed:
            await refused.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def sessions_stay_and_spread(port: int) -> None:
    url = f"ws://127.0.0.1:{port}/talk"
    async with contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(connect(url)) for _ in range(SESSIONS * REPLICAS)]
        rounds = [await asyncio.gather(*map(who, sessions)) for _ in range(5)]
        assert all(answers == rounds[0] for answers in rounds), "a session moved"
        assert {rounds[0].count(process) for process in rounds[0]} == {SESSIONS}
        assert len(set(rounds[0])) == REPLICAS

        assert await code_of_refusal(url) == 1013
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200


@needs_ray
@pytest.mark.timeout(START_S)
def test_sessions_use_all_replicas_and_each_stays_on_its_own() -> None:
    with cluster("light") as port:
        asyncio.run(sessions_stay_and_spread(port))


async def transcribed(port: int, path: Path) -> str:
    async with connect(f"ws://127.0.0.1:{port}/v1/listen") as session:
        await session.send('{"type":"start","endpoint":"silence","partials":false}')
        Ready.model_validate_json(await session.recv())
        await session.send(clip(path).tobytes())
        await session.send('{"type":"stop"}')
        async for message in session:
            if '"final"' in str(message):
                return Final.model_validate_json(message).text
    raise AssertionError("no final came")


@needs_ray
@pytest.mark.timeout(START_S)
@pytest.mark.model
@pytest.mark.parametrize("path", SPOKEN[:1])
def test_speech_is_transcribed_by_replicas(path: Path, model_folder: Callable[[str], Path]) -> None:
    model_folder("whisper-base")

    async def ask(port: int) -> None:
        texts = await asyncio.gather(*(transcribed(port, path) for _ in range(REPLICAS)))
        assert texts[0]
        assert set(texts) == {texts[0]}

    with cluster("stt") as port:
        asyncio.run(ask(port))


@needs_ray
@pytest.mark.timeout(START_S)
@pytest.mark.model
def test_text_is_spoken_by_replicas(model_folder: Callable[[str], Path]) -> None:
    for name in ("kokoro-v1.0-int8", "kokoro-voices"):
        model_folder(name)
    wanted = {"input": "Dinner is ready.", "response_format": "wav"}
    with cluster("tts") as port:
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/audio/speech", json=wanted, timeout=60)
    assert answer.status_code == 200
    assert answer.content[:4] == b"RIFF"
    assert len(answer.content) > 24_000  # half a second


async def health_follows_the_app(status: int) -> None:
    async def health(request: Request) -> Response:
        return Response(status_code=status)

    @contextlib.asynccontextmanager
    async def open_app() -> AsyncIterator[Starlette]:
        opened.append("opened")
        yield Starlette(routes=[Route("/health", health)])
        opened.append("closed")

    opened: list[str] = []
    replica = Replica()
    replica.app = app = opened_at_start(open_app)
    with pytest.raises(httpx.HTTPStatusError):
        await replica.check_health()  # nothing is there before the start
    async with app.router.lifespan_context(app):
        assert opened == ["opened"]
        if status == 200:
            await replica.check_health()
        else:
            with pytest.raises(httpx.HTTPStatusError):
                await replica.check_health()
    assert opened == ["opened", "closed"]


@pytest.mark.parametrize("status", [200, 500])
def test_a_replica_is_as_healthy_as_its_app_which_opens_where_it_serves(status: int) -> None:
    asyncio.run(health_follows_the_app(status))


def test_a_replica_wants_a_key_unless_reported_otherwise() -> None:
    assert key_of({"VOICECLI_API_KEY": "k"}, insecure=False) == "k"
    assert key_of({}, insecure=True) == ""
    with pytest.raises(SettingsError, match="no key"):
        key_of({}, insecure=False)


def test_options_come_as_words_and_unknown_ones_are_refused() -> None:
    assert Options.model_validate({"sessions": "4", "gpus": "0.5"}).gpus == 0.5
    with pytest.raises(ValidationError, match="session"):
        Options.model_validate({"session": "4"})


@pytest.mark.skipif(not NO_RAY, reason="Ray is installed")
def test_without_ray_it_says_what_to_install() -> None:
    with pytest.raises(SettingsError) as failed:
        stt({"sessions": 1})
    assert "voicecli[ray]" in failed.value.hint
