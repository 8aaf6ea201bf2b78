"""Pipecat's own runner with our services: real models behind them, and a language model whose words are scripted."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.contract.chat_servers import chat_server, openai_answer
from tests.server.program import ServerProgram
from tests.server.scripted_listen import READY
from tests.words import plain, word_error_rate
from voicecli.audio.wav import open_wav, read_clip
from voicecli.client import listen
from voicecli.errors import SettingsError
from voicecli.server.protocol import Final
from voicecli.types import LISTEN_RATE_HZ

pytest.importorskip("pipecat", reason="needs voicecli[pipecat]")

from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    MetricsFrame,
    STTUpdateSettingsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transcriptions.language import Language
from pipecat.workers.runner import WorkerRunner

from voicecli.pipecat import VoicecliSTTService, VoicecliSTTSettings, VoicecliTTSService
from voicecli.pipecat.contexts import Contexts
from voicecli.pipecat.wav import WavTransport

QUESTION, ANSWER = "What is the capital of France?", "Paris is the capital of France."
STORY = "The harbour was quiet when the first boat came in. Two children ran along the wall and counted the boats."


class Seen(BaseObserver):
    """Each frame once, in the order in which it was first pushed."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self.changed = asyncio.Event()

    async def on_push_frame(self, data: FramePushed) -> None:
        if data.first_push:
            self.frames.append(data.frame)
            self.changed.set()

    def of(self, kind: type[Any]) -> list[Any]:
        return [frame for frame in self.frames if type(frame) is kind]

    async def until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def run(processors: Sequence[Any]) -> AsyncIterator[tuple[PipelineWorker, Seen]]:
    """A running pipeline; at the end it is told that nothing more comes, and it finishes."""
    seen = Seen()
    worker = PipelineWorker(
        Pipeline(list(processors)),
        params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
        observers=[seen],
        enable_rtvi=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run())
        yield worker, seen
        await worker.queue_frame(EndFrame())


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
        async with run(processors) as (worker, seen):
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
    assert plain(heard).endswith("paris is the capital of france")
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


@asynccontextmanager
async def ears(hang_up: Callable[[int], bool]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A server that is ready and hears nothing, and the starts that it got; some connections break."""
    starts: list[dict[str, Any]] = []

    async def handle(connection: ServerConnection) -> None:
        starts.append(json.loads(await connection.recv()))
        await connection.send(READY.model_dump_json())
        if hang_up(len(starts)):
            connection.transport.abort()
        async for message in connection:
            if isinstance(message, str) and json.loads(message) == {"type": "stop"}:
                await connection.close()

    async with serve(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", starts


def sessions(
    work: Callable[[PipelineWorker], Awaitable[None]], hang_up: Callable[[int], bool] = lambda _: False
) -> list[dict[str, Any]]:
    """The starts of a service's first two sessions."""

    async def main() -> list[dict[str, Any]]:
        ready = asyncio.Queue[None]()
        async with ears(hang_up) as (url, starts):
            service = VoicecliSTTService(url=url, settings=VoicecliSTTSettings(language=Language.EN_GB))

            @service.event_handler("on_connected")
            async def on_connected(_: VoicecliSTTService) -> None:
                ready.put_nowait(None)

            async with run([service]) as (worker, _):
                await ready.get()
                await work(worker)
                await ready.get()
        return starts

    return asyncio.run(main())


def test_a_change_of_settings_begins_a_new_session() -> None:
    async def change(worker: PipelineWorker) -> None:
        delta = VoicecliSTTSettings(language=Language.DE_AT, hotwords=("Kaiser",), endpoint="patient")
        await worker.queue_frame(STTUpdateSettingsFrame(delta=delta))

    first, second = sessions(change)
    assert (first["language"], first["hotwords"], first["endpoint"]) == ("en", [], "balanced")
    assert (second["language"], second["hotwords"], second["endpoint"]) == ("de", ["Kaiser"], "patient")
    assert first["sample_rate_hz"] == 16_000


def test_a_lost_connection_is_made_again() -> None:
    async def nothing(worker: PipelineWorker) -> None:
        pass

    first, second = sessions(nothing, hang_up=lambda count: count == 1)
    assert first == second


@pytest.mark.parametrize("service", [VoicecliSTTService, VoicecliTTSService])
def test_a_server_that_is_not_there_is_told_with_what_to_do(service: type[Any]) -> None:
    async def main() -> list[str]:
        async with run([service(url="http://127.0.0.1:9", reconnect_on_error=False)]) as (_, seen):
            await seen.until(lambda: bool(seen.of(ErrorFrame)))
        return [frame.error for frame in seen.of(ErrorFrame)]

    assert "cannot be reached" in asyncio.run(main())[0]


@pytest.mark.parametrize("service", [VoicecliSTTService, VoicecliTTSService])
def test_what_is_no_url_is_refused_at_once(service: type[Any]) -> None:
    with pytest.raises(SettingsError):
        service(url="localhost:8000")


def test_the_texts_of_a_context_are_one_utterance() -> None:
    contexts = Contexts()
    assert not contexts.write("a")
    assert not contexts.write("a")
    assert contexts.end("a")
    assert not contexts.end("a")
    assert contexts.of(1) == "a"
    assert contexts.over(1) == "a"
    assert contexts.of(1) is None


def test_another_context_ends_the_text_of_the_first_and_both_are_completed() -> None:
    contexts = Contexts()
    contexts.write("turn")
    assert contexts.write("aside")
    assert not contexts.end("turn")
    assert contexts.end("aside")
    contexts.write("turn")
    assert [contexts.of(number) for number in (1, 2, 3)] == ["turn", "aside", "turn"]
    assert contexts.over(1) is None  # there is more of it
    assert contexts.over(2) == "aside"
    assert contexts.over(3) == "turn"


def test_an_interruption_cancels_unless_something_may_not_be_interrupted() -> None:
    contexts = Contexts()
    contexts.write("warning")
    contexts.end("warning")
    contexts.write("turn")
    assert contexts.drop("turn") == "end"
    assert contexts.of(2) is None
    assert contexts.drop("turn") == ""
    contexts.write("next")
    assert contexts.over(1) == "warning"
    assert contexts.drop("next") == "cancel"
    contexts.write("last")
    assert contexts.of(4) == "last"


def test_a_text_that_failed_is_still_ended() -> None:
    contexts = Contexts()
    contexts.write("a")
    assert contexts.over(1) == "a"
    assert contexts.end("a")
    assert not contexts.write("b")
    assert contexts.of(2) == "b"
