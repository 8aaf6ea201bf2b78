"""OpenAI's transcription endpoint: its formats, its refusals, and what a long recording leaves to others."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import openai
import pytest
from websockets.asyncio.client import connect

from tests.server.program import ServerProgram
from tests.server.recorded import CODECS, container
from tests.server.running import Running, running, scripted
from tests.server.stage import silence, sound
from tests.words import word_error_rate
from voicecli.audio.files.reader import TooLong, Unplayable, read_blocks, read_clip
from voicecli.server.sessions import Limits
from voicecli.server.stt.openai_request import hotwords
from voicecli.types import LISTEN_RATE_HZ, Pcm

pytestmark = pytest.mark.anyio
SAID = "Please turn on the lights in the kitchen."
BROKEN = -5
"""A sound that cannot be decoded, as tests/server/stage.py has it."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def post(server: Running, pcm: Pcm | bytes, **fields: str | list[str]) -> httpx.Response:
    data = pcm if isinstance(pcm, bytes) else container(pcm)
    async with httpx.AsyncClient(timeout=20) as http:
        return await http.post(
            server.http("/v1/audio/transcriptions"), files={"file": ("a.wav", data)}, data={"model": "any", **fields}
        )


def problem(response: httpx.Response) -> dict[str, Any]:
    """OpenAI's shape, whole."""
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]


def minutes(*values: int) -> Pcm:
    """Utterances of 20 s with 2 s between them."""
    return np.concatenate([part for value in values for part in (sound(20, value), silence(2))])


async def test_json_is_what_comes_unasked() -> None:
    async with running(scripted()) as server:
        response = await post(server, sound(2, 7))
        assert response.json() == {"text": "7", "usage": {"type": "duration", "seconds": 2.0}}


async def test_text_and_subtitles() -> None:
    async with running(scripted()) as server:
        assert (await post(server, sound(2, 7), response_format="text")).text == "7\n"
        subtitles = await post(server, sound(2, 7), response_format="srt")
        assert subtitles.text == "1\n00:00:00,000 --> 00:00:02,000\n7\n\n"
        captions = await post(server, sound(2, 7), response_format="vtt")
        assert captions.text == "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n7\n\n"
        assert captions.headers["content-type"] == "text/vtt; charset=utf-8"


async def test_a_long_recording_is_cut_at_its_pauses_and_keeps_its_times() -> None:
    async with running(scripted()) as server:
        found = (await post(server, minutes(7, 8, 9, 10, 11, 12, 13), response_format="verbose_json")).json()
        assert (found["text"], found["language"], found["duration"]) == ("7 8 9 10 11 12 13", "en", 154.0)
        assert [(one["start"], one["end"]) for one in found["segments"]] == [
            (22.0 * n, 22.0 * n + 20) for n in range(7)
        ]
        assert "words" not in found


async def test_words_where_they_are_asked_for() -> None:
    async with running(scripted()) as server:
        asked = {"response_format": "verbose_json", "timestamp_granularities[]": ["word"]}
        found = (await post(server, sound(2, 7), **asked)).json()  # type: ignore[arg-type]
        assert found["words"] == [{"word": "7", "start": 0.0, "end": 2.0}]
        assert "segments" not in found
        refused = await post(server, sound(2, 7), **{"timestamp_granularities[]": ["word"]})
        assert (refused.status_code, problem(refused)["param"]) == (400, "timestamp_granularities")


async def test_a_recording_without_words_is_an_empty_text() -> None:
    async with running(scripted()) as server:
        assert (await post(server, silence(60))).json()["text"] == ""
        assert (await post(server, silence(60), response_format="srt")).text == ""


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"response_format": "diarized_json"}, "response_format", "invalid_value"),
        ({"temperature": "2"}, "temperature", "invalid_value"),
        ({"vad_filter": "true"}, "vad_filter", "unknown_parameter"),
        ({"include[]": ["logprobs"]}, "include", "unknown_parameter"),
        ({"stream": "true", "response_format": "srt"}, "stream", "invalid_value"),
        ({"prompt": "a," * 101}, "hotwords", "invalid_value"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(fields: dict[str, Any], param: str, code: str) -> None:
    async with running(scripted()) as server:
        response = await post(server, sound(1, 7), **fields)
        assert response.status_code == 400
        assert (problem(response)["param"], problem(response)["code"]) == (param, code)


@pytest.mark.parametrize("data", [b"", b"no sound", container(sound(1, 7), "flac")[:40], b"RIFF\0\0\0\0WAVEfmt "])
async def test_a_broken_file_is_the_client_s_mistake(data: bytes) -> None:
    async with running(scripted()) as server:
        response = await post(server, data)
        assert response.status_code == 400
        assert (problem(response)["param"], problem(response)["code"]) == ("file", "invalid_file")
        assert server.service.sessions.active == 0


async def test_a_request_without_a_file() -> None:
    async with running(scripted()) as server, httpx.AsyncClient() as http:
        url = server.http("/v1/audio/transcriptions")
        requests: list[dict[str, Any]] = [{"data": {"model": "any"}}, {"json": {}}, {"files": {"other": b"x"}}]
        for request in requests:
            assert problem(await http.post(url, **request))["param"] == "file"
        garbled = await http.post(url, content=b"x", headers={"content-type": "multipart/form-data; boundary=y"})
        assert garbled.status_code == 400
        assert problem(garbled)


async def test_an_upload_has_a_limit_and_so_has_its_length() -> None:
    async with running(scripted(limits=Limits(upload_bytes=100_000, recording_s=2))) as server:
        large = await post(server, sound(4, 7))
        assert (large.status_code, problem(large)["code"]) == (413, "too_large")
        small_but_long = await post(server, container(silence(10), "flac"))
        assert (small_but_long.status_code, problem(small_but_long)["code"]) == (413, "too_long")
        assert server.service.sessions.active == 0


async def test_an_upload_that_stops_coming_gives_its_place_back() -> None:
    async with running(scripted(limits=Limits(idle_s=0.1))) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        )
        async with asyncio.timeout(10):
            assert b"408" in await reader.readline()
        writer.close()
        assert server.service.sessions.active == 0


async def test_a_full_server_says_when_to_come_again() -> None:
    async with running(scripted(most=1)) as server, connect(server.ws("/ws")) as socket:
        await socket.send(sound(2, 5).tobytes())
        assert await socket.recv() == "5"
        response = await post(server, sound(1, 7))
        assert (response.status_code, response.headers["retry-after"]) == (503, "2")
        assert (problem(response)["type"], problem(response)["code"]) == ("server_error", "full")


async def test_a_recognizer_that_fails_is_no_text() -> None:
    async with running(scripted()) as server:
        response = await post(server, sound(1, BROKEN))
        assert (response.status_code, problem(response)["code"]) == (500, "engine")


async def test_a_stream_tells_part_by_part() -> None:
    async with running(scripted()) as server:
        reported = events((await post(server, minutes(7, 8), stream="true")).text)
        assert reported == [
            {"type": "transcript.text.delta", "delta": "7"},
            {"type": "transcript.text.delta", "delta": " 8"},
            {"type": "transcript.text.done", "text": "7 8"},
        ]


async def test_a_stream_that_breaks_ends_in_an_error() -> None:
    async with running(scripted()) as server:
        for nothing in (b"no sound", container(sound(1, BROKEN))):
            response = await post(server, nothing, stream="true")
            assert response.status_code >= 400
            assert problem(response)
        reported = events((await post(server, minutes(7, BROKEN), stream="true")).text)
        assert [list(event) for event in reported] == [["type", "delta"], ["error"]]


class Counting:
    """An observer of a scheduler that can be waited for."""

    def __init__(self) -> None:
        self.decodes = 0
        self.began = asyncio.Event()

    def decoded(self, kind: str, queued_s: float, decode_s: float, audio_s: float) -> None:
        self.decodes += 1
        self.began.set()

    def dropped_partial(self) -> None:
        raise AssertionError("a recording has no partials")


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_who_leaves_keeps_no_place_and_is_not_decoded_for(stream: str) -> None:
    service, counting = scripted(took_s=0.2), Counting()
    service.scheduler.observer = counting
    async with running(service) as server:
        posting = asyncio.ensure_future(post(server, minutes(*range(1, 13)), stream=stream))
        async with asyncio.timeout(10):
            await counting.began.wait()
        posting.cancel()
        async with asyncio.timeout(10):
            await service.sessions.drain()
        assert counting.decodes < 12


async def test_others_are_served_between_two_parts() -> None:
    async with running(scripted(took_s=0.05)) as server, connect(server.ws("/ws")) as socket:
        posting = asyncio.ensure_future(post(server, minutes(*range(1, 41)), response_format="text"))
        answers = 0
        while not posting.done():
            await socket.send(sound(2, 5).tobytes())
            assert await socket.recv() == "5"
            answers += 1
        assert answers > 5
        assert (await posting).text.split() == [str(value) for value in range(1, 41)]


async def test_the_one_model_is_listed() -> None:
    async with running(scripted()) as server, httpx.AsyncClient() as http:
        assert [model["id"] for model in (await http.get(server.http("/v1/models"))).json()["data"]] == ["hearing"]


@pytest.mark.parametrize("kind", CODECS)
@pytest.mark.parametrize("channels", [1, 2])
def test_containers(kind: str, channels: int) -> None:
    rate_hz = 48_000
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(25 * rate_hz) / rate_hz)).astype(np.int16)
    blocks = list(read_blocks(io.BytesIO(container(tone, kind, rate_hz, channels)), 30))
    pcm = np.concatenate(blocks)
    assert len(blocks) == 3
    assert len(pcm) / LISTEN_RATE_HZ == pytest.approx(25, abs=0.1)
    middle = pcm[LISTEN_RATE_HZ : 2 * LISTEN_RATE_HZ].astype(np.float64)
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
    assert np.abs(middle).max() == pytest.approx(8000, rel=0.1)


def test_a_damaged_audio_chunk_is_left_out() -> None:
    data = bytearray(container(sound(20, 7), "mp3"))
    data[len(data) // 2 : len(data) // 2 + 500] = bytes(500)
    assert sum(map(len, read_blocks(io.BytesIO(data), 30))) == pytest.approx(20 * LISTEN_RATE_HZ, rel=0.1)


def test_a_file_that_names_others_opens_none(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(container(sound(1, 7)))
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{tmp_path}/secret.wav\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {tmp_path}/secret.wav\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    ):
        with pytest.raises(Unplayable):
            list(read_blocks(io.BytesIO(text.encode()), 30))


def test_a_film_without_sound() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 16
        output.mux(stream.encode(av.VideoFrame(16, 16)))
        output.mux(stream.encode(None))
    with pytest.raises(Unplayable, match="no sound track"):
        list(read_blocks(io.BytesIO(file.getvalue()), 30))


def test_too_long_is_reported_before_all_is_read() -> None:
    blocks = read_blocks(io.BytesIO(container(silence(60))), 15)
    assert len(next(blocks)) < 15 * LISTEN_RATE_HZ
    with pytest.raises(TooLong):
        next(blocks)


def test_a_prompt_is_names_and_terms() -> None:
    assert hotwords("Kokoro, Piper;\nWhisper. ", ("Wyoming",)) == ("Wyoming", "Kokoro", "Piper", "Whisper")
    assert all(len(word) <= 100 for word in hotwords("word " * 100))


@pytest.fixture(scope="module")
def program(model_folder: Callable[[str], Path]) -> Iterator[ServerProgram]:
    model_folder("whisper-base")
    with ServerProgram("serve-stt", "--max-sessions", "4") as server:
        yield server


@pytest.mark.model
@pytest.mark.timeout(180)
class TestOpenAisOwnClient:
    async def test_all_formats(self, program: ServerProgram, spoken: Callable[[str], Path]) -> None:
        path = spoken(SAID)
        audio_s = len(read_clip(path)) / LISTEN_RATE_HZ
        async with openai.AsyncOpenAI(base_url=f"{program.url}/v1", api_key="none", max_retries=0) as client:
            create = client.audio.transcriptions.create
            short = await create(file=path, model="whisper-1")
            assert word_error_rate(SAID, short.text) < 0.2
            verbose = await create(
                file=path,
                model="whisper-1",
                language="en",
                response_format="verbose_json",
                timestamp_granularities=["word", "segment"],
            )
            assert verbose.language == "en"
            assert verbose.duration == pytest.approx(audio_s, abs=0.05)
            assert verbose.segments
            assert [segment.text for segment in verbose.segments] == [short.text]
            assert verbose.words
            assert len(verbose.words) == len(short.text.split())
            assert all(0 <= word.start <= word.end <= audio_s + 0.1 for word in verbose.words)
            for response_format in ("text", "srt", "vtt"):
                text = await create(file=path, model="whisper-1", response_format=response_format)
                assert short.text in " ".join(str(text).split())

    async def test_a_stream(self, program: ServerProgram, spoken: Callable[[str], Path]) -> None:
        async with openai.AsyncOpenAI(base_url=f"{program.url}/v1", api_key="none") as client:
            stream = await client.audio.transcriptions.create(
                file=spoken(SAID), model="gpt-4o-mini-transcribe", prompt="lights, kitchen", stream=True
            )
            reported = [event async for event in stream]
            assert [event.type for event in reported] == ["transcript.text.delta", "transcript.text.done"]

    async def test_errors_are_its_own(self, program: ServerProgram) -> None:
        async with openai.AsyncOpenAI(base_url=f"{program.url}/v1", api_key="none") as client:
            with pytest.raises(openai.BadRequestError) as unreadable:
                await client.audio.transcriptions.create(file=b"no sound", model="whisper-1")
            assert (unreadable.value.code, unreadable.value.param) == ("invalid_file", "file")
            with pytest.raises(openai.BadRequestError) as unknown:
                await client.audio.transcriptions.create(file=container(sound(1, 7)), model="whisper-1", language="xx")
            assert unknown.value.param == "language"
            assert [model.id async for model in client.models.list()] == ["whisper-base"]
