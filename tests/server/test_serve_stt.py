"""`voicecli serve-stt` as a whole: the program, the real recognizer, real speech."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.server.program import ServerProgram
from tests.words import word_error_rate
from voicecli.audio.files.reader import read_clip
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm

pytestmark = [pytest.mark.anyio, pytest.mark.model, pytest.mark.timeout(180)]
SAID = "Please turn on the lights in the kitchen."
ALSO_SAID = "The train to the airport leaves at nine."


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server(model_folder: Callable[[str], Path]) -> Iterator[ServerProgram]:
    model_folder("whisper-base")
    with ServerProgram("serve-stt", "--max-sessions", "4") as program:
        yield program


@pytest.fixture(scope="module")
def utterance(spoken: Callable[[str], Path]) -> Callable[[str], Pcm]:
    return lambda text: read_clip(spoken(text))


async def stream(socket: ClientConnection, pcm: Pcm) -> None:
    """At real pace, with a second of silence after it."""
    pcm = np.concatenate([pcm, np.zeros(LISTEN_RATE_HZ, np.int16)])
    for at in range(0, len(pcm), FRAME_SAMPLES):
        await socket.send(pcm[at : at + FRAME_SAMPLES].tobytes())
        await asyncio.sleep(FRAME_SAMPLES / LISTEN_RATE_HZ)


async def replies_of(socket: ClientConnection) -> list[dict[str, Any]]:
    """All until it is closed."""
    replies = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            replies.append(json.loads(await socket.recv()))
    return replies


async def test_the_seed_s_client_works_unchanged(server: ServerProgram, utterance: Callable[[str], Pcm]) -> None:
    async with connect(server.ws("/ws")) as socket:
        await socket.send(utterance(SAID).tobytes())
        heard = await socket.recv()
        assert isinstance(heard, str)
        assert word_error_rate(SAID, heard) < 0.15


@pytest.mark.quiet  # a busy recognizer skips partials
async def test_small_chunks_give_partials_and_one_final(server: ServerProgram, utterance: Callable[[str], Pcm]) -> None:
    async with connect(server.ws("/v1/listen")) as socket:
        await socket.send(json.dumps({"type": "start"}))
        for text in (SAID, ALSO_SAID):
            await stream(socket, utterance(text))
        await socket.send(json.dumps({"type": "stop"}))
        replies = await replies_of(socket)
    finals = [reply for reply in replies if reply["type"] == "final"]
    heard = " ".join(reply["text"] for reply in finals)
    assert word_error_rate(f"{SAID} {ALSO_SAID}", heard) < 0.15
    assert [reply["utterance"] for reply in finals] == list(range(1, len(finals) + 1))
    partials = [reply for reply in replies if reply["type"] == "partial"]
    assert any(reply["stable"] for reply in partials)
    assert socket.close_code == 1000


async def test_two_clients_at_once_hear_their_own_words(server: ServerProgram, utterance: Callable[[str], Pcm]) -> None:
    async def client(text: str) -> float:
        async with connect(server.ws("/v1/listen")) as socket:
            await socket.send(json.dumps({"type": "start", "endpoint": "fast"}))
            await stream(socket, utterance(text))
            await socket.send(json.dumps({"type": "stop"}))
            finals = [reply["text"] for reply in await replies_of(socket) if reply["type"] == "final"]
            return word_error_rate(text, " ".join(finals))

    async with asyncio.TaskGroup() as tasks:
        clients = [tasks.create_task(client(text)) for text in (SAID, ALSO_SAID)]
    assert max(one.result() for one in clients) < 0.15


async def test_its_metrics_count_what_it_did(server: ServerProgram) -> None:
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{server.url}/metrics")).text
    counted = dict(re.findall(r"^(voicecli_\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE))
    assert float(counted['voicecli_decode_seconds_count{kind="eager"}']) >= 1
    assert float(counted["voicecli_active_sessions"]) == 0


async def test_sigterm_gives_finals_first(utterance: Callable[[str], Pcm]) -> None:
    with ServerProgram("serve-stt", "--max-sessions", "1", "--drain", "8") as program:
        async with connect(program.ws("/v1/listen")) as socket:
            await socket.send(json.dumps({"type": "start"}))
            await socket.send(utterance(SAID).tobytes())
            while json.loads(await socket.recv())["type"] != "speech_started":
                pass
            program.terminate()
            replies = await replies_of(socket)
        assert word_error_rate(SAID, replies[-1]["text"]) < 0.15
        assert (socket.close_code, socket.close_reason) == (1001, "the server is going away")
        code, took_s = await asyncio.to_thread(program.ended, 15.0)
    assert code == 0
    assert took_s < 8


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--host", "0.0.0.0"], "--api-key"),
        (["--max-sessions", "many"], "auto"),
        (["--tls-cert", "cert.pem"], "must be given together"),
        (["--model", "/nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_reported_in_one_sentence(arguments: list[str], reported: str) -> None:
    command = [sys.executable, "-m", "voicecli", "serve-stt", "--port", "0", "--offline", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode in (2, 3)
    assert reported in ended.stderr
    assert "Traceback" not in ended.stderr
