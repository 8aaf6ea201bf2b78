"""The transcription part of OpenAI's Realtime API."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.server.program import ServerProgram
from tests.server.running import Running, running, scripted
from tests.server.stage import silence, sound
from tests.words import word_error_rate
from voicecli.audio.files.reader import read_clip
from voicecli.audio.resample import resample
from voicecli.server.access import Access
from voicecli.server.sessions import Limits
from voicecli.server.stt.protocol import ProtocolError
from voicecli.server.stt.realtime_events import Config, session_object, updated
from voicecli.types import LISTEN_RATE_HZ, Pcm

pytestmark = pytest.mark.anyio
SAID = "Please turn on the lights in the kitchen."
BROKEN = -5
RATE_HZ = 24_000
TRANSCRIPTION = "conversation.item.input_audio_transcription"
VAD, NO_VAD = {"type": "server_vad", "silence_duration_ms": 500}, None
Event = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def at_16k(turn_detection: object = VAD, **transcription: object) -> dict[str, Any]:
    """Settings in the present shape; at 16 kHz no sample is touched, so that the stage hears what was sent."""
    heard = {"format": {"type": "audio/pcm", "rate": LISTEN_RATE_HZ}, "turn_detection": turn_detection}
    return {"type": "transcription", "audio": {"input": {**heard, "transcription": transcription}}}


class Talk:
    """A client that knows no library."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def say(self, kind: str, **fields: object) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def append(self, *sounds: Pcm) -> None:
        pcm = np.concatenate(sounds)
        for at in range(0, len(pcm), 4000):
            await self.say("input_audio_buffer.append", audio=base64.b64encode(pcm[at : at + 4000].tobytes()).decode())

    async def until(self, *kinds: str) -> list[Event]:
        """Events up to the first of one of the kinds."""
        events: list[Event] = []
        async with asyncio.timeout(10):
            while not events or events[-1]["type"] not in kinds:
                events.append(json.loads(await self._socket.recv()))
        return events

    async def rest(self) -> list[Event]:
        """What comes until the server ends it."""
        events: list[Event] = []
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(10):
                while True:
                    events.append(json.loads(await self._socket.recv()))
        return events

    @property
    def code(self) -> int | None:
        return self._socket.close_code


@asynccontextmanager
async def talking(server: Running, session: dict[str, Any] | None = None) -> AsyncIterator[Talk]:
    async with connect(server.ws("/v1/realtime?intent=transcription")) as socket:
        talk = Talk(socket)
        await talk.until("session.created")
        if session is not None:
            await talk.say("session.update", session=session)
            await talk.until("session.updated")
        yield talk


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


async def test_an_utterance_from_its_beginning_to_its_words() -> None:
    async with running(scripted()) as server, talking(server, at_16k()) as talk:
        await talk.append(silence(0.5), sound(1, 7), silence(0.8))
        events = await talk.until(f"{TRANSCRIPTION}.completed")
        assert kinds(events) == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            f"{TRANSCRIPTION}.delta",
            f"{TRANSCRIPTION}.completed",
        ]
        assert events[0]["audio_start_ms"] == 500
        assert events[1]["audio_end_ms"] == 1500
        assert events[-1]["transcript"] == "7"
        assert len({event.get("item_id", event.get("item", {}).get("id")) for event in events}) == 1
        assert len({event["event_id"] for event in events}) == len(events)


async def test_items_tell_which_came_before() -> None:
    async with running(scripted()) as server, talking(server, at_16k()) as talk:
        await talk.append(sound(1, 7), silence(0.8), sound(1, 8), silence(0.8))
        events = [*await talk.until(f"{TRANSCRIPTION}.completed"), *await talk.until(f"{TRANSCRIPTION}.completed")]
        first, second = [event for event in events if event["type"] == "input_audio_buffer.committed"]
        assert (first["previous_item_id"], second["previous_item_id"]) == (None, first["item_id"])


async def test_without_turn_detection_a_commit_is_an_utterance() -> None:
    async with running(scripted()) as server, talking(server, at_16k(NO_VAD)) as talk:
        for value in (7, 8):
            await talk.append(sound(0.5, value), silence(1), sound(0.5, value))
            await talk.say("input_audio_buffer.commit")
        events = [*await talk.until(f"{TRANSCRIPTION}.completed"), *await talk.until(f"{TRANSCRIPTION}.completed")]
        assert "input_audio_buffer.speech_started" not in kinds(events)
        assert [event["transcript"] for event in events if "transcript" in event] == ["7", "8"]
        await talk.append(silence(2))
        await talk.say("input_audio_buffer.commit")
        assert (await talk.until(f"{TRANSCRIPTION}.completed"))[-1]["transcript"] == ""


async def test_a_commit_ends_what_is_being_said_and_an_empty_one_is_an_error() -> None:
    async with running(scripted()) as server:
        async with talking(server, at_16k()) as talk:
            await talk.append(sound(1, 7))
            await talk.say("input_audio_buffer.commit")
            assert (await talk.until(f"{TRANSCRIPTION}.completed"))[-1]["transcript"] == "7"
            await talk.say("input_audio_buffer.commit")
            assert (await talk.until("error"))[-1]["error"]["code"] == "input_audio_buffer_commit_empty"
        async with talking(server, at_16k(NO_VAD)) as talk:
            await talk.append(sound(0.05, 7))
            await talk.say("input_audio_buffer.commit")
            assert (await talk.until("error"))[-1]["error"]["code"] == "input_audio_buffer_commit_empty"


async def test_clear_forgets_what_is_not_committed_and_nothing_else() -> None:
    async with running(scripted(took_s=0.3)) as server:
        async with talking(server, at_16k()) as talk:
            await talk.append(sound(1, 7))
            await talk.say("input_audio_buffer.commit")
            await talk.append(sound(1, 8))
            await talk.say("input_audio_buffer.clear")
            events = await talk.until(f"{TRANSCRIPTION}.completed")
            [failed] = [event for event in events if event["type"] == f"{TRANSCRIPTION}.failed"]
            assert failed["error"]["code"] == "cancelled"
            assert failed["item_id"] != events[-1]["item_id"]
            assert events[-1]["transcript"] == "7"
        async with talking(server, at_16k(NO_VAD)) as talk:
            await talk.append(sound(1, 7))
            await talk.say("input_audio_buffer.clear")
            await talk.append(sound(1, 8))
            await talk.say("input_audio_buffer.commit")
            assert (await talk.until(f"{TRANSCRIPTION}.completed"))[-1]["transcript"] == "8"


async def test_each_utterance_ends_once_even_those_that_fail_or_were_none() -> None:
    async with running(scripted()) as server, talking(server, at_16k()) as talk:
        for value in (7, BROKEN, 8):
            await talk.append(sound(1, value), silence(0.8))
        await talk.append(sound(0.14, 9), silence(0.8))
        ends: list[Event] = []
        started: set[str] = set()
        while len(ends) < 4:
            events = await talk.until(f"{TRANSCRIPTION}.completed", f"{TRANSCRIPTION}.failed")
            started |= {event["item_id"] for event in events if event["type"].endswith("speech_started")}
            ends.append(events[-1])
        assert [end["type"].rpartition(".")[2] for end in ends] == ["completed", "failed", "completed", "completed"]
        assert {end["item_id"] for end in ends} == started
        assert ends[1]["error"]["message"] == "it broke"
        assert ends[3]["transcript"] == ""


async def test_settings_may_change_in_mid_session_and_times_go_on() -> None:
    async with running(scripted()) as server, talking(server, at_16k()) as talk:
        await talk.append(sound(1, 7))
        await talk.say("session.update", session=at_16k({"type": "semantic_vad", "eagerness": "high"}))
        await talk.append(sound(1, 8), silence(1))
        events = await talk.until(f"{TRANSCRIPTION}.completed")
        events += await talk.until(f"{TRANSCRIPTION}.completed")
        assert [event["transcript"] for event in events if "transcript" in event] == ["7", "8"]
        starts = [event["audio_start_ms"] for event in events if "audio_start_ms" in event]
        assert starts == [0, 1000]


async def test_the_older_shape_by_its_header_and_by_its_subprotocol() -> None:
    old = [Subprotocol("realtime"), Subprotocol("openai-beta.realtime-v1")]
    async with running(scripted()) as server:
        url = server.ws("/v1/realtime?intent=transcription")
        for arguments in ({"additional_headers": {"OpenAI-Beta": "realtime=v1"}}, {"subprotocols": old}):
            async with connect(url, **arguments) as socket:
                talk = Talk(socket)
                [created] = await talk.until("transcription_session.created")
                assert created["session"]["input_audio_format"] == "pcm16"
                session = {"input_audio_format": "pcm16", "turn_detection": None}
                await talk.say("transcription_session.update", session=session)
                await talk.until("transcription_session.updated")
                await talk.append(resample(sound(1, 7), LISTEN_RATE_HZ, RATE_HZ))
                await talk.say("input_audio_buffer.commit")
                events = await talk.until(f"{TRANSCRIPTION}.completed")
                assert "conversation.item.created" in kinds(events)


async def test_a_browser_s_key() -> None:
    async with running(scripted(), Access("secret")) as server:
        url = server.ws("/v1/realtime?intent=transcription")
        offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.secret")]
        async with connect(url, subprotocols=offered) as socket:
            assert socket.subprotocol == "realtime"
            await Talk(socket).until("session.created")


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("nonsense", "invalid_value"),
        ({"type": "response.create"}, "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": "?"}, "invalid_audio"),
        ({"type": "session.update", "session": {"type": "realtime"}}, "invalid_value"),
        ({"type": "session.update", "session": {"audio": 1}}, "invalid_value"),
        ({"type": "session.update", "session": {"input_audio_format": "g711_ulaw"}}, "invalid_value"),
    ],
)
async def test_an_event_that_cannot_be_understood_ends_nothing(event: object, code: str) -> None:
    async with running(scripted()) as server, connect(server.ws("/v1/realtime")) as socket:
        talk = Talk(socket)
        await talk.until("session.created")
        await socket.send(json.dumps(event))
        [error] = await talk.until("error")
        assert error["error"]["code"] == code
        await talk.append(resample(sound(1, 7), LISTEN_RATE_HZ, RATE_HZ))
        await talk.say("input_audio_buffer.commit")
        await talk.until(f"{TRANSCRIPTION}.completed")


async def test_too_many_of_them_end_it_and_so_does_a_binary_frame() -> None:
    async with running(scripted(limits=Limits(errors=3))) as server:
        async with talking(server) as talk:
            for _ in range(3):
                await talk.say("nonsense")
            assert kinds(await talk.rest()) == ["error"] * 3
            assert talk.code == 1008
        async with connect(server.ws("/v1/realtime")) as socket:
            await socket.send(b"\0\0")
            talk = Talk(socket)
            await talk.rest()
            assert talk.code == 1003


async def test_a_full_server_says_so() -> None:
    async with running(scripted(most=1)) as server, talking(server), connect(server.ws("/v1/realtime")) as socket:
        talk = Talk(socket)
        [event] = await talk.rest()
        assert (event["error"]["code"], talk.code) == ("full", 1013)


async def test_a_buffer_has_an_end_and_so_has_the_patience_with_commits() -> None:
    async with running(scripted(took_s=0.5)) as server, talking(server, at_16k(NO_VAD)) as talk:
        for _ in range(9):
            await talk.append(sound(0.2, 7))
            await talk.say("input_audio_buffer.commit")
        assert (await talk.until("error"))[-1]["error"]["code"] == "too_many_commits"
        minute = base64.b64encode(sound(60, 1).tobytes()).decode()
        for _ in range(2):
            await talk.say("input_audio_buffer.append", audio=minute)
        assert (await talk.until("error"))[-1]["error"]["code"] == "input_audio_buffer_full"


async def test_a_server_that_stops_lets_the_last_words_through() -> None:
    async with running(scripted(took_s=0.2)) as server, talking(server, at_16k()) as talk:
        await talk.append(sound(1, 7))
        await talk.until("input_audio_buffer.speech_started")
        draining = asyncio.ensure_future(server.service.sessions.drain())
        events = await talk.rest()
        assert events[-1]["transcript"] == "7"
        assert talk.code == 1001
        await draining


def test_what_is_not_named_stays() -> None:
    config = updated(Config(), {"audio": {"input": {"transcription": {"language": "de", "prompt": "Kokoro, Piper"}}}})
    config = updated(config, {"type": "transcription", "audio": {"input": {"turn_detection": None}}})
    start = config.start()
    assert (start.language, start.hotwords, start.sample_rate_hz) == ("de", ("Kokoro", "Piper"), RATE_HZ)
    assert config.turn_detection is None
    assert updated(config, {"input_audio_transcription": None}).start().language == ""


def test_eagerness_is_patience() -> None:
    for eagerness, endpoint in (("low", "patient"), ("auto", "balanced"), ("high", "fast")):
        detection = {"turn_detection": {"type": "semantic_vad", "eagerness": eagerness, "create_response": True}}
        assert updated(Config(), detection).start().endpoint == endpoint
    detection = {"turn_detection": {"type": "server_vad", "silence_duration_ms": 900, "threshold": 0.5}}
    assert updated(Config(), detection).start().silence_ms == 900


def test_a_setting_that_is_wrong_is_named() -> None:
    with pytest.raises(ProtocolError, match=r"format\.rate"):
        updated(Config(), {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 1}}}})
    with pytest.raises(ProtocolError, match="hotwords"):
        updated(Config(), {"input_audio_transcription": {"prompt": "a," * 101}}).start()
    assert "threshold" not in json.dumps(session_object(Config(), "sess_1", "whisper-base", flat=False))


@pytest.fixture(scope="module")
def program(model_folder: Callable[[str], Path]) -> Iterator[ServerProgram]:
    model_folder("whisper-base")
    with ServerProgram("serve-stt", "--max-sessions", "4") as server:
        yield server


@pytest.mark.model
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "turn_detection", [{"type": "server_vad", "silence_duration_ms": 400}, {"type": "semantic_vad"}, None]
)
async def test_openai_s_own_client(
    program: ServerProgram, spoken: Callable[[str], Path], turn_detection: dict[str, Any] | None
) -> None:
    pcm = resample(read_clip(spoken(SAID)), LISTEN_RATE_HZ, RATE_HZ)
    pcm = np.concatenate([pcm, np.zeros(2 * RATE_HZ, np.int16)])
    session = {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": RATE_HZ},
                "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                "turn_detection": turn_detection,
            }
        },
    }
    reported = ""
    async with (
        openai.AsyncOpenAI(base_url=f"{program.url}/v1", api_key="none") as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        await connection.session.update(session=session)  # type: ignore[arg-type]
        for at in range(0, len(pcm), 2400):
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm[at : at + 2400].tobytes()).decode())
        if turn_detection is None:
            await connection.input_audio_buffer.commit()
        async for event in connection:
            assert event.type != "error", event
            if event.type == "conversation.item.input_audio_transcription.delta":
                reported += event.delta or ""
            if event.type == "conversation.item.input_audio_transcription.completed":
                break
        assert event.type == "conversation.item.input_audio_transcription.completed"
    assert word_error_rate(SAID, event.transcript) < 0.2
    assert event.transcript.startswith(reported) or word_error_rate(SAID, reported) < 0.4
