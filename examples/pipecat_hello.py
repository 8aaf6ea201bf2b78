"""A voice bot of Pipecat in which everything is local: docs/pipecat.md says how to run it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipecat.frames.frames import BotStoppedSpeakingFrame, Frame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner

from voicecli.pipecat import VoicecliSTTService, VoicecliTTSService
from voicecli.pipecat.wav import WavTransport

PROMPT = "You are a friendly voice assistant. Answer in one short sentence of plain words."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stt", default="http://127.0.0.1:8000", help="voicecli serve-stt")
    parser.add_argument("--tts", default="http://127.0.0.1:8880", help="voicecli serve-tts")
    parser.add_argument("--llm-url", help="any OpenAI-compatible server; without it voicecli's own model answers")
    parser.add_argument("--model", default="default", help="its model")
    parser.add_argument("--input", type=Path, help="ask what this sound file says; without it the microphone is used")
    parser.add_argument("--output", type=Path, default=Path("answer.wav"), help="the answer to --input")
    options = parser.parse_args()
    with language_model(options) as llm:
        asyncio.run(talk(options, llm))


@contextmanager
def language_model(options: argparse.Namespace) -> Iterator[OpenAILLMService]:
    """Open the server that was named, or llama.cpp in this process."""
    settings = OpenAILLMService.Settings(model=options.model, system_instruction=PROMPT, max_tokens=40)
    if options.llm_url:
        yield OpenAILLMService(base_url=options.llm_url, api_key="none", settings=settings)
        return
    from voicecli.engines.llm.llamacpp import embedded_server
    from voicecli.models.store import language_model_file, open_store
    from voicecli.settings.load import load_settings

    own = load_settings({}, profile="").settings
    with embedded_server(language_model_file(open_store(own), own, own.llm.model).path, own.llm) as server:
        settings.model = server.model
        yield OpenAILLMService(base_url=server.base_url, api_key=server.api_key, settings=settings)


def make_transport(options: argparse.Namespace) -> BaseTransport:
    """Files, or the sound card through PyAudio."""
    if options.input:
        return WavTransport(options.input, options.output)
    from pipecat.transports.local.audio import LocalAudioTransport, LocalAudioTransportParams

    return LocalAudioTransport(LocalAudioTransportParams(audio_in_enabled=True, audio_out_enabled=True))


async def talk(options: argparse.Namespace, llm: OpenAILLMService) -> None:
    """Until Ctrl-C; with a file until it is answered."""
    transport = make_transport(options)
    aggregators = LLMContextAggregatorPair(LLMContext())
    pipeline = Pipeline(
        [
            transport.input(),
            VoicecliSTTService(url=options.stt),
            aggregators.user(),
            llm,
            VoicecliTTSService(url=options.tts),
            transport.output(),
            aggregators.assistant(),
        ]
    )
    worker = PipelineWorker(pipeline, params=PipelineParams(enable_metrics=True), enable_rtvi=False)

    @aggregators.user().event_handler("on_user_turn_stopped")
    async def on_question(aggregator: object, strategy: object, message: object) -> None:
        print("You:", message.content, flush=True)

    @aggregators.assistant().event_handler("on_assistant_turn_stopped")
    async def on_answer(aggregator: object, message: object) -> None:
        print("Bot:", message.content, flush=True)

    if options.input:
        worker.set_reached_upstream_filter((BotStoppedSpeakingFrame,))

        @worker.event_handler("on_frame_reached_upstream")
        async def on_spoken(worker: PipelineWorker, frame: Frame) -> None:
            await worker.stop_when_done()

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    main()
