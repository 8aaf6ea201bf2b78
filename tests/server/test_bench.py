"""`voicecli bench serve-stt` against servers on real ports of this machine, and as a user runs it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.unit.bench.plain_client import PlainClient
from voicecli.bench.load import Pace
from voicecli.bench.load_client import SessionClosed, open_web_socket
from voicecli.bench.load_report import Session
from voicecli.bench.machine import Process
from voicecli.bench.result import read_result
from voicecli.bench.serve_stt import Measured, Server, measure
from voicecli.bench.speech import Utterance
from voicecli.errors import BackendUnavailable, SettingsError
from voicecli.types import LISTEN_RATE_HZ

HALF_A_SECOND = np.full(LISTEN_RATE_HZ // 2, 8000, np.int16)
SHORT = Utterance("short.wav", HALF_A_SECOND, voiced_from_s=0.1, voiced_until_s=0.4)
QUICK = Pace(1, stagger_s=0.02, min_silence_s=0.1, final_timeout_s=1.0, rest_s=0.0)


@asynccontextmanager
async def served(handle: Callable[[ServerConnection], object], places: int = 99) -> AsyncIterator[str]:
    """Yield the URL of a server with `places` places, which answers 503 beyond them."""
    taken = 0

    def door(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal taken
        taken += 1
        return None if taken <= places else connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full")

    async with serve(handle, "127.0.0.1", 0, process_request=door) as server:  # type: ignore[arg-type]
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def says_latte(connection: ServerConnection) -> None:
    """After each 22nd frame: two frames after the end of speech."""
    received = 0
    async for _ in connection:
        received += 1
        if received % 22 == 0:
            await connection.send("A latte.")


async def measured(url: str, counts: list[int], pid: int | None = None) -> list[Measured]:
    done: list[Measured] = []
    await measure(Server(url, pid, make_client=PlainClient), [SHORT], counts, QUICK, done.append)
    return done


def test_all_clients_get_a_final_and_the_process_is_watched() -> None:
    async def scene() -> list[Measured]:
        async with served(says_latte) as url:
            return await measured(url, [1, 2], os.getpid())

    one, two = asyncio.run(scene())
    assert (one.row.clients, two.row.clients) == (1, 2)
    assert (one.row.no_final, two.row.no_final, two.row.utterances) == (0, 0, 2)
    assert one.row.rss_start_mb is not None
    assert one.row.rss_peak_mb is not None
    assert one.row.rss_peak_mb >= one.row.rss_start_mb > 1
    assert one.row.cores is not None
    assert one.row.cores >= 0
    assert json.loads(json.dumps(two.fields()))["sessions"][0]["results"][0]["finals"][0]["text"] == "A latte."


def test_a_client_without_a_place_is_refused() -> None:
    async def scene() -> list[Measured]:
        async with served(says_latte, places=2) as url:  # one of them for the first utterance, which does not count
            return await measured(url, [2])

    (found,) = asyncio.run(scene())
    assert (found.row.refused, found.row.utterances, found.row.no_final) == (1, 1, 0)
    assert found.sessions[1] == Session(refused="503 Service Unavailable")


def test_the_close_code_is_kept() -> None:
    async def full(connection: ServerConnection) -> None:
        await connection.close(1013, "full")

    async def scene() -> str:
        async with served(full) as url, open_web_socket(url) as transport:
            with pytest.raises(SessionClosed) as first:
                await transport.receive()
            with pytest.raises(SessionClosed):
                await transport.send("anybody there?")
            assert first.value.busy
            return str(first.value)

    assert asyncio.run(scene()) == "1013 full"


def test_a_key_is_sent_only_if_there_is_one() -> None:
    async def key(connection: ServerConnection) -> None:
        assert connection.request is not None
        await connection.send(connection.request.headers.get("Authorization", "none"))

    async def scene() -> list[str]:
        async with served(key) as url, open_web_socket(url, "sesame") as one, open_web_socket(url) as other:
            return [await one.receive(), await other.receive()]

    assert asyncio.run(scene()) == ["Bearer sesame", "none"]


def test_a_port_without_a_server_is_an_error_that_names_it() -> None:
    async def scene() -> None:
        async with served(says_latte) as url:
            pass
        async with open_web_socket(url):
            pytest.fail("it was closed")

    with pytest.raises(BackendUnavailable, match="no speech-to-text server at ws://127.0.0.1"):
        asyncio.run(scene())


def test_a_process_is_watched_with_its_children() -> None:
    busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**6)); input(0)'])"
    command = [sys.executable, "-c", busy]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)  # the child asks: both are up
        watched = Process(process.pid)
        own = Process(os.getpid()).usage()
        assert own.rss_bytes > watched.usage().rss_bytes > 0  # of two small ones, while the own one has them both
        assert own.machine_cpu_s > own.cpu_s > 0
        process.communicate(b"\n")
    assert watched.usage().rss_bytes == 0
    with pytest.raises(SettingsError, match="is not there"):
        Process(process.pid)


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voicecli", "bench", "serve-stt", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--clients", "1,none"], "--clients 1,none is not a list of positive numbers"),
        (["--pid", "1"], "--pid is the process of a running server"),
        (["--url", "ws://127.0.0.1:1", "--", "--max-sessions", "2"], "omit --url"),
        (["--speech", "tests/unit"], "no recording with speech in tests/unit"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(arguments: list[str], reported: str) -> None:
    outcome = bench(*arguments)
    assert outcome.returncode == 2
    assert reported in outcome.stderr


@pytest.mark.model
@pytest.mark.timeout(180)
def test_our_own_server_is_started_measured_and_stopped(
    spoken: Callable[[str], Path], model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    for model in ("whisper-base", "smart-turn-v3.2"):
        model_folder(model)
    speech = tmp_path / "speech"
    speech.mkdir()
    (speech / "order.wav").write_bytes(spoken("I would like a large latte.").read_bytes())
    (speech / "slots.json").write_text('{"order.wav": ["large", "latte"]}')
    file = tmp_path / "rows.json"
    named = ["--clients", "2", "--utterances", "1", "--speech", str(speech), "--json", str(file)]
    outcome = bench(*named, "--", "--max-sessions", "1")
    assert outcome.returncode == 0, outcome.stderr
    assert "clients refused" in outcome.stdout
    result = read_result(file)
    counted = {one.name: one for one in result.counts if one.group == "2 clients"}
    reported = ("clients refused", "sessions lost", "without a final", "phrases heard")
    assert [(counted[name].value, counted[name].out_of) for name in reported] == [(1, 2), (0, 2), (0, 1), (2, 2)]
    assert counted["CPU time per second of audio"].value > 0
    assert len(result.samples("2 clients", "final after the end of speech")) == 1
    assert result.doubts[-1] == "serve-stt had options that the settings do not show: --max-sessions"
    assert result.events[0]["clients"] == 2
