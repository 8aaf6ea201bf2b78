"""Pipecat's own runner with our services: real models behind them, and a language model whose words are scripted."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.contract.chat_servers import chat_server, openai_answer
from tests.server.program import ServerProgram
from tests.words import plain, word_error_rate
from voicecli.audio.files.reader import read_clip
from voicecli.audio.files.wav import open_wav
from voicecli.server.client import listen
from voicecli.server.stt.protocol import Final
from voicecli.types import LISTEN_RATE_HZ

pytest.importorskip("pipecat", reason="needs voicecli[pipecat]")

from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    ErrorFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    MetricsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transcriptions.language import Language

from tests.server.pipeline import Seen, run
from voicecli.pipecat import VoicecliSTTService, VoicecliTTSService
from voicecli.pipecat.wav import WavTransport

QUESTION, ANSWER = "What is the capital of France?", "Paris is the capital of France."
STORY = "The harbour was quiet when the first boat came in. Two children ran along the wall and counted the boats."


@pytest.fixture(scope="module")
def stt(model_folder: Callable[[str], Path]) -> Iterator[str]:
    model_folder("whisper-base")
    model_folder("smart-turn-v3.2")
    with ServerProgram("serve-stt", "--max-sessions", "2") as program:
        yield program.url


@pytest.fixture(scope="module")
def tts(model_folder: Callable[[str], Path]) -> Iterator[str]:
    model_folder("kokoro-v1.0-int8")
    model_folder("kokoro-voices")
    with ServerProgram("serve-tts") as program:
        yield program.url


def after(seconds: float, question: Path, folder: Path) -> Path:
    """The question, asked so long after the beginning."""
    path = folder / "late.wav"
    with open_wav(path, LISTEN_RATE_HZ) as file:
        file.writeframes(bytes(2 * round(seconds * LISTEN_RATE_HZ)) + read_clip(question).tobytes())
    return path


async def understood(sound: Path, stt: str) -> str:
    async with listen(stt) as session:
        await session.send(np.pad(read_clip(sound), (0, LISTEN_RATE_HZ)).tobytes())
        await session.stop()
        return " ".join([event.text async for event in session if isinstance(event, Final)])


@asynccontextmanager
async def bot(
    question: Path, answer: Path, stt: str, tts: str
) -> AsyncIterator[tuple[PipelineWorker, Seen, LLMContext]]:
    """Speech-to-text, a language model that says ANSWER once, text-to-speech."""
    words = [word + " " for word in ANSWER.split()]
    context = LLMContext()
    aggregators = LLMContextAggregatorPair(context)
    async with chat_server(openai_answer(*words)) as chat:
        transport = WavTransport(question, answer)
        url = f"http://127.0.0.1:{chat.port}/v1"
        processors = [
            transport.input(),
            VoicecliSTTService(url=stt),
            aggregators.user(),
            OpenAILLMService(base_url=url, api_key="none", settings=OpenAILLMService.Settings(model="small")),
            VoicecliTTSService(url=tts),
            transport.output(),
            aggregators.assistant(),
        ]
        async with run(processors, within_s=90) as (worker, seen):
            yield worker, seen, context


def said(context: LLMContext) -> list[tuple[str, str]]:
    return [(message["role"], plain(message["content"])) for message in context.get_messages()]


@pytest.mark.model
@pytest.mark.timeout(180)
def test_a_spoken_question_gets_a_spoken_answer(
    stt: str, tts: str, spoken: Callable[[str], Path], tmp_path: Path
) -> None:
    answer = tmp_path / "answer.wav"

    async def main() -> tuple[Seen, LLMContext, str]:
        async with bot(spoken(QUESTION), answer, stt, tts) as (_, seen, context):
            await seen.until(lambda: bool(seen.of(BotStoppedSpeakingFrame)))
        return seen, context, await understood(answer, stt)

    seen, context, heard = asyncio.run(main())
    assert not seen.of(ErrorFrame)
    (transcript,) = seen.of(TranscriptionFrame)
    assert word_error_rate(QUESTION, transcript.text) <= 0.2
    assert transcript.finalized
    assert transcript.language == Language.EN
    assert seen.of(InterimTranscriptionFrame)
    turn = [
        type(frame)
        for frame in seen.frames
        if isinstance(frame, UserStartedSpeakingFrame | TranscriptionFrame | UserStoppedSpeakingFrame)
    ]
    assert list(dict.fromkeys(turn)) == [UserStartedSpeakingFrame, TranscriptionFrame, UserStoppedSpeakingFrame]
    assert {frame.sample_rate for frame in seen.of(TTSAudioRawFrame)} == {24_000}
    assert " ".join(frame.text for frame in seen.of(TTSTextFrame)) == ANSWER
    assert word_error_rate(ANSWER, heard) <= 0.2
    assert said(context) == [("user", plain(transcript.text)), ("assistant", plain(ANSWER))]
    metrics = [data for frame in seen.of(MetricsFrame) for data in frame.data]
    timed = {data.processor.split("#")[0] for data in metrics if isinstance(data, TTFBMetricsData)}
    assert timed >= {"VoicecliSTTService", "VoicecliTTSService"}


@pytest.mark.model
@pytest.mark.timeout(180)
def test_who_speaks_interrupts_and_what_was_not_heard_is_not_remembered(
    stt: str, tts: str, spoken: Callable[[str], Path], tmp_path: Path
) -> None:
    answer = tmp_path / "answer.wav"

    async def main() -> tuple[Seen, LLMContext, str]:
        question = after(2.5, spoken(QUESTION), tmp_path)
        async with bot(question, answer, stt, tts) as (worker, seen, context):
            await worker.queue_frame(TTSSpeakFrame(STORY, append_to_context=True))
            await seen.until(lambda: ("assistant", plain(ANSWER)) in said(context))
        return seen, context, await understood(answer, stt)

    seen, context, heard = asyncio.run(main())
    assert not seen.of(ErrorFrame)
    assert seen.of(InterruptionFrame)
    (_, began), (asker, question), (_, answered) = said(context)
    assert 0 < len(began) < len(plain(STORY))
    assert plain(STORY).startswith(began)
    assert asker == "user"
    assert word_error_rate(QUESTION, question) <= 0.2
    assert answered == plain(ANSWER)
    assert plain(heard).endswith("the capital of france")
    assert "counted the boats" not in plain(heard)


@pytest.mark.model
@pytest.mark.timeout(180)
def test_the_example_answers_with_voiceclis_own_language_model(
    stt: str, tts: str, model_folder: Callable[[str], Path], spoken: Callable[[str], Path], tmp_path: Path
) -> None:
    model_folder("smollm2-135m-instruct")
    answer = tmp_path / "answer.wav"
    example = Path(__file__).parents[2] / "examples" / "pipecat_hello.py"
    arguments = ["--stt", stt, "--tts", tts, "--input", str(spoken(QUESTION)), "--output", str(answer)]
    outcome = subprocess.run(
        [sys.executable, str(example), *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "Traceback" not in outcome.stderr
    asked, answered = outcome.stdout.splitlines()[:2]
    assert word_error_rate(QUESTION, asked.removeprefix("You: ")) <= 0.2
    assert len(answered.removeprefix("Bot: ").split()) > 1
    assert len(read_clip(answer)) > LISTEN_RATE_HZ / 2
