"""POST /v1/audio/speech, called by OpenAI's own client: formats, errors, streaming, and clients that go or lag."""

from __future__ import annotations

import asyncio
import io

import av
import httpx
import numpy as np
import openai
import pytest
from openai import AsyncOpenAI

from tests.server.tts_stage import RATE_HZ, TONE, WORD_S, Stage, on_stage, stepped
from voicecli.types import Pcm

FORMATS = ("mp3", "opus", "aac", "flac", "wav")


def client(stage: Stage) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{stage.url}/v1", api_key="none", max_retries=0)


def decoded(content: bytes) -> tuple[Pcm, int]:
    """Mono samples of a sound file, and their rate."""
    resampler = av.AudioResampler("s16", "mono")
    with av.open(io.BytesIO(content), "r") as file:
        parts = [made.to_ndarray()[0] for frame in file.decode(audio=0) for made in resampler.resample(frame)]
        return np.concatenate(parts), file.streams.audio[0].rate


def loudest_hz(pcm: Pcm, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(pcm))
    return float(spectrum.argmax() * rate_hz / len(pcm))


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_holds_the_sound(form: str) -> None:
    async def play(stage: Stage) -> None:
        async with client(stage) as ai:
            reply = await ai.audio.speech.create(
                model="tts-1",
                voice="anna",
                input="Four words of sound.",
                response_format=form,  # type: ignore[arg-type]
            )
        pcm, rate_hz = decoded(reply.content)
        assert len(pcm) / rate_hz == pytest.approx(4 * WORD_S, abs=0.15)
        assert loudest_hz(pcm, rate_hz) == pytest.approx(440, abs=3)
        assert reply.response.headers["content-type"].startswith("audio/")

    on_stage(play)


def test_lossless_formats_lose_nothing() -> None:
    async def play(stage: Stage) -> None:
        async with client(stage) as ai:
            for form in ("pcm", "flac", "wav"):
                reply = await ai.audio.speech.create(model="x", voice="anna", input="Two words.", response_format=form)
                pcm = np.frombuffer(reply.content, "<i2") if form == "pcm" else decoded(reply.content)[0]
                assert np.array_equal(pcm, np.tile(TONE, 2)), form

    on_stage(play)


def test_a_client_chooses_and_asks_what_there_is() -> None:
    async def play(stage: Stage) -> None:
        async with client(stage) as ai:
            await ai.audio.speech.create(model="x", voice={"id": "bert"}, input="2 words", speed=1.5)
            assert stage.voices.asked == [("bert", 1.5, "")]
            assert stage.voices.said == [("bert", "dos words")]
            assert [model.id async for model in ai.models.list()] == ["fake"]
        async with httpx.AsyncClient(base_url=stage.url) as http:
            voices = (await http.get("/v1/voices")).json()
            assert voices["default"] == "anna"
            assert voices["data"] == [{"id": "anna", "language": "en-us"}, {"id": "bert", "language": "es"}]
            assert (await http.get("/health")).json() == {"status": "ok"}
            assert (await http.get("/ready")).json()["ready"] is True
            description = (await http.get("/openapi.json")).json()
            assert "/v1/audio/speech" in description["paths"]

    on_stage(play)


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"voice": "hanna"}, "voice", "invalid_value"),
        ({"speed": 4}, "speed", "invalid_value"),
        ({"response_format": "ogg"}, "response_format", "invalid_value"),
        ({"input": ""}, "input", "invalid_value"),
        ({"input": "🎉"}, "input", "nothing_to_say"),
        ({"input": "An unsayable text."}, "input", "nothing_to_say"),
        ({"input": "a" * 10_001}, "input", "invalid_value"),
        ({"extra_body": {"pitch": 1}}, "pitch", "unknown_parameter"),
        ({"instructions": "Whisper."}, "instructions", "invalid_value"),
        ({"stream_format": "sse"}, "stream_format", "invalid_value"),
    ],
    ids=str,
)
def test_a_mistake_is_one_that_openais_client_understands(change: dict[str, object], param: str, code: str) -> None:
    async def play(stage: Stage) -> None:
        async with client(stage) as ai:
            request = {"model": "x", "voice": "anna", "input": "Hello there."} | change
            with pytest.raises(openai.BadRequestError) as refused:
                await ai.audio.speech.create(**request)  # type: ignore[arg-type]
            assert (refused.value.param, refused.value.code) == (param, code)
            assert refused.value.type == "invalid_request_error"
        assert [text for _, text in stage.voices.said if "unsayable" not in text] == []

    on_stage(play)


def test_what_is_no_json_and_no_route_is_reported_in_the_same_shape() -> None:
    async def play(stage: Stage) -> None:
        async with httpx.AsyncClient(base_url=stage.url) as http:
            broken = await http.post("/v1/audio/speech", content="{oops", headers={"content-type": "application/json"})
            assert (broken.status_code, broken.json()["error"]["code"]) == (400, "invalid_value")
            assert (await http.get("/v1/audio")).json()["error"]["code"] == "not_found"

    on_stage(play)


def test_a_voice_that_fails_at_once_is_an_error_and_later_a_broken_stream() -> None:
    async def play(stage: Stage) -> None:
        async with client(stage) as ai:
            with pytest.raises(openai.InternalServerError) as failed:
                await ai.audio.speech.create(model="x", voice="anna", input="crash at once")
            assert failed.value.code == "engine"
            with pytest.raises((httpx.RemoteProtocolError, openai.APIError)):
                await ai.audio.speech.create(model="x", voice="anna", input="later crash")

    on_stage(play)


@pytest.mark.parametrize("form", [*FORMATS, "pcm"])
def test_sound_leaves_before_the_rest_is_computed(form: str) -> None:
    async def play(stage: Stage) -> None:
        async with httpx.AsyncClient(base_url=stage.url) as http:
            request = {"input": "Four words of sound.", "response_format": form}
            stepped(stage).allow(2)
            async with http.stream("POST", "/v1/audio/speech", json=request) as reply:
                parts = reply.aiter_raw()
                first = await anext(parts)
                assert first
                assert stepped(stage).done <= 2
                stepped(stage).allow(10)
                assert len(b"".join([part async for part in parts])) > 0

    on_stage(play, steps=0)


def test_who_does_not_read_is_not_spoken_for() -> None:
    async def play(stage: Stage) -> None:
        stage.voices.pcm = np.resize(TONE, 30 * RATE_HZ)  # half a minute a word: more than any buffer on the way holds
        async with httpx.AsyncClient(base_url=stage.url) as http:
            request = {"input": "word and word. " * 200, "response_format": "wav"}
            async with http.stream("POST", "/v1/audio/speech", json=request):
                before = -1
                while stepped(stage).done > before:  # the server gets as far as it can
                    before = stepped(stage).done
                    for _ in range(50):
                        await asyncio.sleep(0.001)
                assert before < 20
        while stage.sessions.active:  # noqa: ASYNC110 - the server has noticed that the client is gone
            await asyncio.sleep(0.001)
        assert stepped(stage).done <= before + 1

    on_stage(play)


def test_a_full_server_says_so() -> None:
    async def play(stage: Stage) -> None:
        async with client(stage) as ai, httpx.AsyncClient(base_url=stage.url) as http, stage.socket("/ws"):
            while not stage.sessions.active:  # noqa: ASYNC110 - the server has let it in
                await asyncio.sleep(0.001)
            with pytest.raises(openai.InternalServerError) as refused:
                await ai.audio.speech.create(model="x", voice="anna", input="Hello.")
            assert (refused.value.status_code, refused.value.code) == (503, "full")
            assert (await http.get("/ready")).status_code == 503

    on_stage(play, most=1)
