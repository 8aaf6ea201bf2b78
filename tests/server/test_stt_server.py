"""`serve-stt` over real sockets, hearing numbers: what clients see."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.server.running import running, scripted
from tests.server.stage import silence, sound
from voicecli.errors import SettingsError
from voicecli.server.access import Access
from voicecli.server.serving import Bind, listen, uvicorn_config
from voicecli.server.sessions import Limits
from voicecli.types import Pcm

pytestmark = pytest.mark.anyio
FRAME_BYTES = 640


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def send(socket: ClientConnection, *parts: Pcm) -> None:
    """In frames of 20 ms, as fast as the server takes them."""
    data = np.concatenate(parts).tobytes()
    for at in range(0, len(data), FRAME_BYTES):
        await socket.send(data[at : at + FRAME_BYTES])


async def say(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def heard(socket: ClientConnection, *kinds: str) -> list[dict[str, Any]]:
    """Replies up to the first of one of the kinds."""
    replies: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not replies or replies[-1]["type"] not in kinds:
            replies.append(json.loads(await socket.recv()))
    return replies


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Read to the end; its code and reason."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


async def test_the_seed_s_client_sends_utterances_and_reads_texts() -> None:
    async with running(scripted()) as server, connect(server.ws("/ws")) as socket:
        for value in (7, 8):
            await socket.send(sound(2, value).tobytes())
            assert await socket.recv() == str(value)
        await socket.send(silence(2).tobytes())
        assert await socket.recv() == ""


async def test_the_seed_s_wire_takes_small_frames_too_of_any_length() -> None:
    async with running(scripted()) as server, connect(server.ws("/ws")) as socket:
        data = np.concatenate([sound(1, 7), silence(0.6), sound(1, 8), silence(0.6)]).tobytes()
        for at in range(0, len(data), 333):
            await socket.send(data[at : at + 333])
        assert [await socket.recv(), await socket.recv()] == ["7", "8"]


async def test_who_stops_sending_is_silent() -> None:
    async with running(scripted()) as server, connect(server.ws("/ws")) as socket:
        await send(socket, sound(0.8, 7))
        async with asyncio.timeout(5):
            assert await socket.recv() == "7"


async def test_on_the_seed_s_wire_a_failure_is_a_text_and_the_connection_lives() -> None:
    async with running(scripted()) as server, connect(server.ws("/ws")) as socket:
        await socket.send(sound(2, -7).tobytes())
        assert await socket.recv() == "ERROR: it broke"
        await socket.send(sound(2, 8).tobytes())
        assert await socket.recv() == "8"
        await socket.send("text")
        assert (await closed(socket))[0] == 1003


async def test_a_session_from_start_to_stop() -> None:
    async with running(scripted()) as server, connect(server.ws("/v1/listen")) as socket:
        await say(socket, type="start")
        (ready,) = await heard(socket, "ready")
        assert (ready["model"], ready["sample_rate_hz"]) == ("hearing", 16_000)
        await send(socket, sound(1, 7), silence(0.6))
        replies = await heard(socket, "final")
        assert [reply["type"] for reply in replies if reply["type"] != "partial"] == [
            "speech_started",
            "speech_ended",
            "final",
        ]
        assert (replies[-1]["text"], replies[-1]["utterance"]) == ("7", 1)
        await send(socket, sound(1, 8))
        await say(socket, type="stop")
        assert (await heard(socket, "final"))[-1]["text"] == "8"
        assert await closed(socket) == (1000, "")


async def test_other_rates_and_floats() -> None:
    async with running(scripted()) as server, connect(server.ws("/v1/listen")) as socket:
        await say(socket, type="start", sample_rate_hz=48_000, format="f32le", partials=False)
        await socket.send(np.full(48_000, 0.5, "<f4").tobytes())
        await say(socket, type="flush")
        (final,) = [reply for reply in await heard(socket, "final") if reply["type"] == "final"]
        assert int(final["text"]) == pytest.approx(16_383, rel=0.15)  # a resampler overshoots at an edge
        assert final["audio_s"] == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("first", ['{"type":"stop"}', "hello", b"\0\0"])
async def test_what_is_no_start_is_refused_and_reported(first: str | bytes) -> None:
    async with running(scripted()) as server, connect(server.ws("/v1/listen")) as socket:
        await socket.send(first)
        (error,) = await heard(socket, "error")
        assert error["code"] in ("not_started", "bad_message")
        assert (await closed(socket))[0] == 1008


async def test_bad_messages_are_answered_and_too_many_end_the_session() -> None:
    service = scripted(limits=Limits(errors=3))
    async with running(service) as server, connect(server.ws("/v1/listen")) as socket:
        await say(socket, type="start")
        await socket.send("{")
        assert (await heard(socket, "error"))[-1]["code"] == "bad_message"
        await say(socket, type="start")
        assert (await heard(socket, "error"))[-1]["code"] == "started"
        await say(socket, type="bogus")
        assert (await closed(socket))[0] == 1008


async def test_past_capacity_newcomers_are_refused_and_who_is_in_is_served() -> None:
    async with running(scripted(most=1)) as server, connect(server.ws("/v1/listen")) as inside:
        await say(inside, type="start")
        await heard(inside, "ready")
        async with connect(server.ws("/v1/listen")) as newcomer:
            assert (await heard(newcomer, "error"))[-1]["code"] == "full"
            assert (await closed(newcomer))[0] == 1013
        async with connect(server.ws("/ws")) as newcomer:
            code, reason = await closed(newcomer)
            assert code == 1013
            assert "all 1 sessions" in reason
        await send(inside, sound(1, 7), silence(0.6))
        assert (await heard(inside, "final"))[-1]["text"] == "7"
        async with httpx.AsyncClient() as http:
            assert (await http.get(server.http("/ready"))).status_code == 503
            assert (
                'voicecli_refused_sessions_total{reason="full"} 2.0' in (await http.get(server.http("/metrics"))).text
            )


async def test_a_server_that_leaves_gives_finals_first() -> None:
    service = scripted(took_s=0.3)
    async with running(service) as server, connect(server.ws("/v1/listen")) as socket:
        await say(socket, type="start")
        await send(socket, sound(1, 7))
        await heard(socket, "speech_started")
        draining = asyncio.ensure_future(service.sessions.drain())
        assert (await heard(socket, "final"))[-1]["text"] == "7"
        assert await closed(socket) == (1001, "the server is going away")
        async with connect(server.ws("/ws")) as newcomer:
            assert (await closed(newcomer))[0] == 1013
        await draining


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(idle_s=0.2), "nothing came for 0.2 s"),
        (Limits(session_s=0.3), "a session lasts 0.3 s at most"),
        (Limits(messages_per_s=20), "more than 20 messages a second"),
    ],
)
async def test_limits_end_a_session_with_their_reason(limits: Limits, reason: str) -> None:
    async with running(scripted(limits=limits)) as server, connect(server.ws("/v1/listen")) as socket:
        await say(socket, type="start")
        for _ in range(40 if limits.messages_per_s == 20 else 1):
            await socket.send(bytes(640))
        assert await closed(socket) == (1008, reason)


async def test_a_message_that_is_too_long_is_refused() -> None:
    bind = Bind("127.0.0.1", 0, message_bytes=1000)
    async with running(scripted(), bind=bind) as server, connect(server.ws("/ws")) as socket:
        await socket.send(bytes(1001))
        assert (await closed(socket))[0] == 1009


KEY = Access("secret", frozenset({"https://page.example"}))


async def test_without_the_key_nobody_comes_in() -> None:
    async with running(scripted(), KEY) as server:
        for headers in ({}, {"Authorization": "Bearer secrex"}):
            with pytest.raises(InvalidStatus) as refused:
                await connect(server.ws("/v1/listen"), additional_headers=headers)
            assert refused.value.response.status_code == 401
        async with connect(server.ws("/v1/listen"), additional_headers={"Authorization": "Bearer secret"}) as socket:
            await say(socket, type="start")
            await heard(socket, "ready")
        async with connect(server.ws("/v1/listen"), subprotocols=["voicecli", "voicecli-key.secret"]) as socket:  # type: ignore[list-item]
            assert socket.subprotocol == "voicecli"
        async with httpx.AsyncClient() as http:
            assert (await http.get(server.http("/health"))).status_code == 200
            refusal = await http.get(server.http("/metrics"))
            assert refusal.status_code == 401
            assert "Bearer" in refusal.json()["error"]["message"]
            assert (await http.get(server.http("/metrics"), headers={"X-API-Key": "secret"})).status_code == 200


async def test_pages_of_browsers_are_refused_unless_they_are_allowed() -> None:
    async with running(scripted(), KEY) as server:
        key = {"X-API-Key": "secret"}
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.ws("/ws"), origin="https://other.example", additional_headers=key)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403
        async with connect(server.ws("/ws"), origin="https://page.example", additional_headers=key):  # type: ignore[arg-type]
            pass


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """Of 127.0.0.1, and its key."""
    files = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", files[1], "-out", files[0]],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


async def test_over_tls(certificate: tuple[str, str]) -> None:
    trusted = ssl.create_default_context(cafile=certificate[0])
    async with (
        running(scripted(), bind=Bind("127.0.0.1", 0, *certificate)) as server,
        connect(f"wss://127.0.0.1:{server.port}/ws", ssl=trusted) as socket,
    ):
        await socket.send(sound(2, 7).tobytes())
        assert await socket.recv() == "7"


def test_a_certificate_that_is_none_is_said(tmp_path: Path) -> None:
    nothing = tmp_path / "cert.pem"
    nothing.write_text("nothing")
    with pytest.raises(SettingsError, match="certificate cannot be used"):
        uvicorn_config(FastAPI(), Bind("127.0.0.1", 0, str(nothing), str(nothing)))


def test_a_port_that_is_taken_is_said() -> None:
    with listen(Bind("127.0.0.1", 0)) as taken, pytest.raises(SettingsError, match="cannot listen") as caught:
        listen(Bind("127.0.0.1", taken.getsockname()[1]))
    assert caught.value.hint == "--port"
