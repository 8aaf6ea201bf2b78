"""Wyoming, spoken by its own package's client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong

from tests.server.program import ServerProgram
from tests.server.running import scripted
from tests.server.stage import silence, sound
from tests.words import word_error_rate
from voicecli import __version__
from voicecli.audio.files.reader import read_clip
from voicecli.cli import app
from voicecli.server.sessions import Limits
from voicecli.server.stt.service import Service
from voicecli.server.stt.wyoming import MAX_EVENT_BYTES, serve_wyoming
from voicecli.types import LISTEN_RATE_HZ, Pcm

pytestmark = pytest.mark.anyio
SAID = "Please turn on the lights in the kitchen."
BROKEN = -5


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[int]:
    """Its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(service.scheduler.serve())]
            running.append(tasks.create_task(serve_wyoming(service, listening)))
            yield listening.getsockname()[1]
            for task in running:
                task.cancel()


def client_of(port: int) -> AsyncTcpClient:
    return AsyncTcpClient("127.0.0.1", port, read_timeout=10)


async def say(client: AsyncTcpClient, pcm: Pcm, rate: int = LISTEN_RATE_HZ, width: int = 2, channels: int = 1) -> None:
    await client.write_event(AudioStart(rate, width, channels).event())
    for at in range(0, len(pcm), 1024):
        chunk = AudioChunk(rate, width, channels, pcm[at : at + 1024].tobytes())
        await client.write_event(chunk.event())
    await client.write_event(AudioStop().event())


async def reported(client: AsyncTcpClient) -> list[Event]:
    """Up to the end of a transcript, or of the connection."""
    events: list[Event] = []
    while (event := await client.read_event()) is not None:
        events.append(event)
        if TranscriptStop.is_type(event.type):
            break
    return events


def text_of(events: list[Event]) -> str:
    [text] = [Transcript.from_event(event).text for event in events if Transcript.is_type(event.type)]
    return text


async def test_it_tells_what_it_is() -> None:
    async with serving(scripted()) as port, client_of(port) as client:
        await client.write_event(Describe().event())
        answer = await client.read_event()
        assert answer is not None
        [program] = Info.from_event(answer).asr
        assert (program.name, program.version, program.supports_transcript_streaming) == ("voicecli", __version__, True)
        assert [(model.name, model.languages) for model in program.models] == [("hearing", ["en"])]
        await client.write_event(Ping("here").event())
        pong = await client.read_event()
        assert pong is not None
        assert Pong.from_event(pong).text == "here"


async def test_all_between_start_and_stop_is_one_transcript_with_a_chunk_for_each_utterance() -> None:
    async with serving(scripted()) as port, client_of(port) as client:
        for _ in range(2):  # a connection may be used again
            await client.write_event(Transcribe(language="en").event())
            await say(client, np.concatenate([sound(1, 7), silence(0.8), sound(1, 8)]))
            events = await reported(client)
            assert [event.type for event in events] == [
                "transcript-start",
                "transcript-chunk",
                "transcript-chunk",
                "transcript",
                "transcript-stop",
            ]
            chunks = [TranscriptChunk.from_event(event).text for event in events if TranscriptChunk.is_type(event.type)]
            assert "".join(chunks) == text_of(events) == "7 8"
            assert Transcript.from_event(events[3]).language == "en"


async def test_silence_has_a_transcript_too() -> None:
    async with serving(scripted()) as port, client_of(port) as client:
        await say(client, silence(1))
        assert text_of(await reported(client)) == ""


async def test_another_rate() -> None:
    async with serving(scripted()) as port, client_of(port) as client:
        await say(client, sound(3, 1000), rate=48_000)
        assert int(text_of(await reported(client))) == pytest.approx(1000, rel=0.2)  # it overshoots at the edges


@pytest.mark.parametrize(
    ("kind", "named"), [({"width": 4}, "32 bit"), ({"channels": 2}, "2 channels"), ({"rate": 1}, "8000")]
)
async def test_sound_of_another_kind_is_refused_by_name(kind: dict[str, int], named: str) -> None:
    async with serving(scripted()) as port, client_of(port) as client:
        await say(client, sound(1, 7), **kind)
        [error] = await reported(client)
        assert Error.is_type(error.type)
        assert named in Error.from_event(error).text


async def test_a_recognizer_that_fails_is_an_error_and_the_end() -> None:
    service = scripted()
    async with serving(service) as port, client_of(port) as client:
        await say(client, sound(1, BROKEN))
        start, error = await reported(client)
        assert TranscriptStart.is_type(start.type)
        assert Error.from_event(error) == Error("it broke (mend it)", "engine")
    assert service.sessions.active == 0


async def test_a_full_server_says_so() -> None:
    async with serving(scripted(most=1)) as port, client_of(port) as one, client_of(port) as other:
        await one.write_event(AudioStart(LISTEN_RATE_HZ, 2, 1).event())
        assert await one.read_event() is not None
        await say(other, sound(1, 7))
        [error] = await reported(other)
        assert Error.from_event(error).code == "full"
        await one.write_event(AudioStop().event())
        assert text_of(await reported(one)) == ""


@pytest.mark.parametrize(
    "line",
    [
        b"POST / HTTP/1.1\r\n\r\n",
        b"[]\n",
        b"{}\n",
        b'{"type": "audio-chunk", "payload_length": %d}\n' % (MAX_EVENT_BYTES + 1),
        b'{"type": "describe", "data": 1, "data_length": 2}\n{}',
        b"x" * (1 << 17),
        b"[" * 60_000 + b"\n",
        b'{"type": "ping", "data": 5}\n',
    ],
)
async def test_another_protocol_ends_the_connection(line: bytes) -> None:
    async with serving(scripted()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line)
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionResetError):  # what was sent is not read to its end
                assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    "data", [{}, {"rate": "x", "width": 2, "channels": 1}, {"rate": 16000, "width": "x", "channels": 1}]
)
async def test_an_event_with_a_field_missing_or_of_another_kind(data: dict[str, object]) -> None:
    async with serving(scripted()) as port, client_of(port) as client:
        await client.write_event(Event("audio-start", data))
        await client.write_event(AudioStop().event())
        [error] = await reported(client)
        assert Error.is_type(error.type)


@pytest.mark.parametrize("options", [{"language": 5}, {"transcript_names": 5}, {"transcript_names": ["a"] * 101}])
async def test_a_options_that_cannot_be_understood(options: dict[str, object]) -> None:
    async with serving(scripted()) as port, client_of(port) as client:
        await client.write_event(Event("transcribe", options))
        await say(client, sound(1, 7))
        [error] = await reported(client)
        assert Error.is_type(error.type)


async def test_who_leaves_in_mid_sound_or_says_nothing_any_more_keeps_no_place() -> None:
    service = scripted(limits=Limits(idle_s=0.1))
    async with serving(service) as port:
        for is_patient in (False, True):
            async with client_of(port) as client:
                await client.write_event(AudioStart(LISTEN_RATE_HZ, 2, 1).event())
                await client.read_event()
                if is_patient:
                    assert await client.read_event() is None
        async with asyncio.timeout(10):
            await service.sessions.drain()


async def test_it_stops_with_connections_open() -> None:
    async with serving(scripted()) as port:
        client = client_of(port)
        await client.connect()
        await client.write_event(Ping().event())
        await client.read_event()
    assert await client.read_event() is None
    await client.disconnect()


def test_other_machines_may_not_connect_unless_it_is_said() -> None:
    result = CliRunner().invoke(app, ["serve-stt", "--wyoming", "10300", "--host", "0.0.0.0", "--api-key", "k"])
    assert "Wyoming has no keys" in str(result.exception)


@pytest.mark.model
@pytest.mark.timeout(180)
async def test_real_speech(model_folder: Callable[[str], Path], spoken: Callable[[str], Path]) -> None:
    model_folder("whisper-base")
    pcm = read_clip(spoken(SAID))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ServerProgram("serve-stt", "--max-sessions", "2", "--wyoming", str(port)) as program:
        async with client_of(port) as client:
            await client.write_event(Describe().event())
            answer = await client.read_event()
            assert answer is not None
            assert "de" in Info.from_event(answer).asr[0].models[0].languages
            await client.write_event(Transcribe(language="en-GB").event())
            await say(client, pcm)
            assert word_error_rate(SAID, text_of(await reported(client))) < 0.2
            await client.write_event(Transcribe(language="xx").event())
            await say(client, pcm)
            [error] = await reported(client)
            assert "'xx'" in Error.from_event(error).text
        program.terminate()
        code, took_s = program.ended(30)
        assert code == 0
        assert took_s < 10  # what a drain may take
