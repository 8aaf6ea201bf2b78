"""The client of the session protocol: against a server that plays a script, and against the real one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.server.program import ServerProgram
from tests.server.scripted_listen import READY, START, Break, Close, Expect, Step, scripted
from tests.words import word_error_rate
from voicecli.audio.files.reader import read_clip
from voicecli.errors import BackendUnavailable, SettingsError, VoiceCliError
from voicecli.server.client import Event, Session, listen, websocket_url
from voicecli.server.stt.protocol import Failure, Final, Partial, SpeechEnded, SpeechStarted, Start, Timings

Work = Callable[[Session], Awaitable[None]]
FINAL = Final(
    utterance=1, text="Hello.", language="en", audio_s=1.0, timings=Timings(queue_ms=0, decode_ms=9, after_end_ms=9)
)


async def nothing(session: Session) -> None:
    pass


async def read(session: Session) -> None:
    async for _ in session:
        pass


def hold(*steps: Step, work: Work = nothing, start: Start | None = None, api_key: str = "") -> dict[str, str]:
    """A session with a script; the headers that the server saw."""

    async def session() -> dict[str, str]:
        async with scripted(*steps) as (url, script):
            async with listen(url, start, api_key=api_key) as session:
                await work(session)
            assert script.path == "/v1/listen"
            return script.headers

    return asyncio.run(session())


def test_a_session_says_what_it_wants_and_gives_what_it_is_reported() -> None:
    events: list[Event] = []

    async def work(session: Session) -> None:
        assert session.ready == READY
        await session.send(b"\1\0\2\0")
        await session.flush()
        await session.cancel()
        await session.stop()
        events.extend([event async for event in session])

    headers = hold(
        Expect({"type": "start", "language": "de", "sample_rate_hz": 8000, "partials": False}),
        READY,
        Expect(b"\1\0\2\0"),
        Expect({"type": "flush"}),
        Expect({"type": "cancel"}),
        Expect({"type": "stop"}),
        SpeechStarted(utterance=1, at_s=0.5),
        FINAL,
        Failure(utterance=2, code="engine", message="the recognizer failed"),
        Close(1000),
        work=work,
        start=Start(language="de", sample_rate_hz=8000, partials=False),
        api_key="opensesame",
    )
    assert headers["authorization"] == "Bearer opensesame"
    assert [event.type for event in events] == ["speech_started", "final", "error"]
    assert events[1] == FINAL


def test_no_key_is_sent_where_there_is_none() -> None:
    assert "authorization" not in hold(START, READY)


@pytest.mark.parametrize(
    ("steps", "kind", "parts"),
    [
        (
            [Failure(code="full", message="all sessions are taken", hint="try again later"), Close(1013, "full")],
            BackendUnavailable,
            ("all sessions are taken", "try again later"),
        ),
        (
            [START, Failure(code="engine", message="no Klingon", hint="en or auto"), Close(1008)],
            SettingsError,
            ("no Klingon", "en or auto"),
        ),
        ([START, Close(1000)], BackendUnavailable, ("begins with a close", "same version")),
        ([START, FINAL], BackendUnavailable, ("begins with final", "same version")),
        ([START, '{"type": "hello"}'], BackendUnavailable, ("does not speak this protocol", "same version")),
        ([START, Break()], BackendUnavailable, ("the connection broke", "try again")),
        ([START, READY, READY], BackendUnavailable, ("ready twice", "same version")),
        ([START, READY, "Hello"], BackendUnavailable, ("does not speak this protocol", "same version")),
        ([START, READY, Close(1001, "going away")], BackendUnavailable, ("going away (1001)", "try again")),
        ([START, READY, Break()], BackendUnavailable, ("the connection broke", "try again")),
    ],
    ids=lambda value: None if not isinstance(value, list) else "-".join(type(step).__name__ for step in value),
)
def test_a_server_that_will_not_is_reported(
    steps: list[Step], kind: type[VoiceCliError], parts: tuple[str, str]
) -> None:
    with pytest.raises(kind) as caught:
        hold(*steps, work=read)
    assert parts[0] in caught.value.message
    assert parts[1] in caught.value.hint


@pytest.mark.parametrize(
    ("status", "part", "hint"),
    [
        (401, "needs another key", "--api-key"),
        (403, "needs another key", "--api-key"),
        (404, "no such WebSocket", "URL"),
    ],
)
def test_a_refused_handshake_is_reported(status: int, part: str, hint: str) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(status, "no\n")

    async def session() -> None:
        async with scripted(refuse=refuse) as (url, _), listen(url):
            raise AssertionError("there is no session")

    with pytest.raises(BackendUnavailable, match=part) as caught:
        asyncio.run(session())
    assert hint in caught.value.hint


async def connect(url: str) -> None:
    async with listen(url):
        raise AssertionError("there is no session")


def test_nobody_there_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:  # bound and not listening: nobody else gets the port
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(BackendUnavailable, match="cannot be reached") as caught:
            asyncio.run(connect(url))
    assert "voicecli serve-stt" in caught.value.hint


def test_what_is_said_to_this_machine_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    hold(START, READY)


def test_something_that_is_no_websocket_server_is_reported() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 mail.example.org\r\n")
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
            await connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    with pytest.raises(BackendUnavailable, match="is not a WebSocket server"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/v1/listen"),
        ("https://host/stt/", "wss://host/stt/v1/listen"),
        ("ws://[::1]:8000/v1/listen", "ws://[::1]:8000/v1/listen"),
    ],
)
def test_a_base_url_becomes_the_websockets(url: str, address: str) -> None:
    assert websocket_url(url, "/v1/listen") == address


@pytest.mark.parametrize("url", ["localhost:8000", "127.0.0.1", "ftp://host", "http://", "http://host:99999", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="invalid server URL"):
        websocket_url(url, "/v1/listen")


@pytest.fixture(scope="module")
def server(model_folder: Callable[[str], Path]) -> Iterator[str]:
    model_folder("whisper-base")
    model_folder("smart-turn-v3.2")
    with ServerProgram("serve-stt", "--max-sessions", "1") as program:
        yield program.url


@pytest.mark.model
@pytest.mark.timeout(120)
def test_the_real_server_understands_a_clip_sent_at_once(server: str, spoken: Callable[[str], Path]) -> None:
    pcm = read_clip(spoken("What is the capital of France?"))

    async def hear() -> list[Event]:
        async with listen(server) as session:
            await session.send(pcm.tobytes())
            await session.stop()
            return [event async for event in session]

    events = asyncio.run(hear())
    kinds = [type(event) for event in events if not isinstance(event, Partial)]
    assert kinds == [SpeechStarted, SpeechEnded, Final]
    assert isinstance(events[-1], Final)
    assert word_error_rate("what is the capital of france", events[-1].text) <= 0.2


@pytest.mark.model
@pytest.mark.timeout(120)
def test_the_real_server_says_that_it_is_full(server: str) -> None:
    async def two() -> None:
        async with listen(server), listen(server):
            raise AssertionError("there is room for one")

    with pytest.raises(BackendUnavailable, match="are taken") as caught:
        asyncio.run(two())
    assert "later" in caught.value.hint
