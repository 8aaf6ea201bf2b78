"""The server on the real voice: what it says is understood, whoever asks and in whatever format."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from tests.defaults import SETTINGS
from tests.server.test_tts_openai import decoded
from tests.server.tts_stage import hear, on_port, say
from tests.words import word_error_rate
from voicecli.audio.resample import resample
from voicecli.engines.current_voice import VoiceCalibration
from voicecli.engines.kokoro.engine import Kokoro
from voicecli.engines.whisper.engine import Whisper
from voicecli.engines.worker import ThreadWorker
from voicecli.server.sessions import Limits, Metrics, Sessions
from voicecli.server.tts.app import create_app
from voicecli.server.tts.speech import SpeechService
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment

pytestmark = pytest.mark.model

TEXT = "The **harbour** was quiet. Two boats came in, and three children counted them."
SAID = "The harbor was quiet. Two boats came in, and three children counted them."


@pytest.fixture(scope="module")
def kokoro(model_folder: Callable[[str], Path]) -> Kokoro:
    model = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    return Kokoro.load(model, model_folder("kokoro-voices"), SETTINGS.tts)


@pytest.fixture(scope="module")
def whisper(model_folder: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_folder("whisper-base"), SETTINGS.stt)


@asynccontextmanager
async def serving(kokoro: Kokoro) -> AsyncIterator[int]:
    with ThreadWorker("tts") as worker:
        speech = SpeechService(kokoro, worker, "af_heart", 1.0, time.monotonic, VoiceCalibration(kokoro, worker))
        async with on_port(create_app(speech, Sessions(8, Metrics()), Limits())) as port:
            yield port


def understood(whisper: Whisper, pcm: Pcm, rate_hz: int) -> float:
    heard = resample(pcm, rate_hz, LISTEN_RATE_HZ)
    return word_error_rate(SAID, whisper.transcribe(SpeechSegment(heard, 0.0, 0.0)).text)


def test_what_openais_client_gets_is_understood(kokoro: Kokoro, whisper: Whisper) -> None:
    async def fetch() -> bytes:
        async with (
            serving(kokoro) as port,
            AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none") as ai,
        ):
            reply = await ai.audio.speech.create(
                model="tts-1", voice="af_heart:2+bf_emma:1", input=TEXT, response_format="opus"
            )
            return reply.content

    assert understood(whisper, *decoded(asyncio.run(fetch()))) <= 0.1


def test_what_a_language_model_writes_is_spoken_while_it_writes(kokoro: Kokoro, whisper: Whisper) -> None:
    async def converse() -> Pcm:
        parts: list[bytes] = []
        async with serving(kokoro) as port, connect(f"ws://127.0.0.1:{port}/v1/speak") as socket:
            await say(socket, *(word + " " for word in TEXT.split()), end=False)
            await hear(socket, "audio_started")
            await say(socket)
            async for frame in socket:
                if isinstance(frame, bytes):
                    parts.append(frame)
                elif '"done"' in frame:
                    break
            await say(socket, "This is a long sentence that nobody wants to hear to its end.")
            await hear(socket, "audio_started")
            await socket.send('{"type": "cancel"}')
            assert (await hear(socket, "cancelled", "done"))[0][-1]["type"] == "cancelled"
            await say(socket, "Short.")
            assert (await hear(socket, "done"))[0][-1]["utterance"] == 3
        return np.frombuffer(b"".join(parts), "<i2")

    assert understood(whisper, asyncio.run(converse()), 24_000) <= 0.1
