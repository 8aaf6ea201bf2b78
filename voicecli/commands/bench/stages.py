"""`voicecli bench stt`, `llm`, `tts` and `endpoint`: measure one stage of a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from voicecli.commands.bench.options import (
    QUICK,
    WHAT,
    Config,
    Device,
    Output,
    Quick,
    Speech,
    load_bench_settings,
    load_speech,
)
from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.language_model import with_named_model
from voicecli.commands.options import grouped, option
from voicecli.settings.backends import Backend

if TYPE_CHECKING:
    from voicecli.bench.result import Result
    from voicecli.bench.rounds import Progress

MOST_STT, MOST_ENDPOINT = 100, 12
"""Recordings without --most. `bench endpoint` plays each three times; 12 are all built-in questions once."""


@grouped
def bench_stt(
    models: Annotated[
        list[str] | None,
        option("--model", help="Whisper model: name or folder; repeat (each that is installed).", panel=WHAT),
    ] = None,
    speech: Speech = None,
    most: Annotated[
        int | None, option("--most", metavar="N", help=f"At most N recordings ({MOST_STT}).", min=1, panel=WHAT)
    ] = None,
    baselines: Annotated[
        bool, option("--baselines", help="Also a full window, and faster-whisper itself.", panel=WHAT)
    ] = False,
    quick: Quick = False,
    device: Device = None,
    output: Output = Output(),
    config: Config = None,
) -> None:
    """Transcribe the same recordings with each Whisper model: time to the final text, and its accuracy.

    The time counts from the end of speech; nothing is decoded before. jiwer counts word errors after OpenAI's
    normalizer if a .txt file beside a recording has its text, and phrases are counted if slots.json lists them.

    Recordings are WAV or FLAC files of one voice each; LibriSpeech's folders are read as they are.

    Examples:

      voicecli bench stt

      voicecli bench stt --speech LibriSpeech/test-clean --most 50 --model whisper-base --model whisper-small.en
    """
    output.check("stt")
    settings = load_bench_settings(device, {}, config)
    from voicecli.bench.stage_stt import installed_models, measure_stt

    names = models or installed_models(settings)
    fetch_missing(settings, names)
    corpus = load_speech(speech, settings, QUICK if quick else most or MOST_STT)
    run(lambda progress: measure_stt(settings, corpus, names, progress, baselines=baselines), output)


@grouped
def bench_llm(
    backend: Annotated[Backend | None, option("--llm", help="auto, embedded, ollama or openai.", panel=WHAT)] = None,
    model: Annotated[str | None, option("--model", help="Language model.", panel=WHAT)] = None,
    url: Annotated[str | None, option("--url", help="OpenAI-compatible server.", panel=WHAT)] = None,
    quick: Quick = False,
    device: Device = None,
    output: Output = Output(),
    config: Config = None,
) -> None:
    """Ask the language model questions in the middle of a conversation: time to first token, and tokens a second.

    Each question is asked alternately with a cold prefix (no part of the prompt is cached) and a warm one (all but the
    question is cached), at temperature 0. In a conversation the prefix is warm.

    Examples:

      voicecli bench llm

      voicecli bench llm --llm openai --url http://127.0.0.1:30000/v1
    """
    output.check("llm")
    settings = load_bench_settings(device, model_flags(backend, model, url), config)
    from voicecli.bench.questions import QUESTIONS
    from voicecli.bench.stage_llm import measure_llm
    from voicecli.models.store import embedded_models

    settings = with_named_model(settings)
    fetch_missing(settings, embedded_models(settings))
    questions = QUICK if quick else len(QUESTIONS)
    run(lambda progress: measure_llm(settings, progress, print_note, questions), output)


@grouped
def bench_tts(
    voices: Annotated[
        list[str] | None, option("--voice", help="Kokoro voice; repeat (by default that of your settings).", panel=WHAT)
    ] = None,
    model: Annotated[str | None, option("--model", help="Kokoro model: name or ONNX file.", panel=WHAT)] = None,
    no_stream: Annotated[bool, option("--no-stream", help="Synthesize without streaming.", panel=WHAT)] = False,
    quick: Annotated[bool, option("--quick", help="Speak each sentence once.", panel=WHAT)] = False,
    device: Device = None,
    output: Output = Output(),
    config: Config = None,
) -> None:
    """Speak sentences of about 1, 3 and 10 s: first audio, real-time factor, and the word errors of Whisper on them.

    Examples:

      voicecli bench tts

      voicecli bench tts --voice af_heart --voice bm_george
    """
    output.check("tts")
    flags = {"tts.model": model, "tts.streaming": False if no_stream else None}
    settings = load_bench_settings(device, flags, config)
    from voicecli.bench.stage_tts import ROUNDS, measure_tts
    from voicecli.models.store import voice_models

    fetch_missing(settings, [*voice_models(settings), settings.stt.model])
    names = voices or [settings.tts.voice]
    run(lambda progress: measure_tts(settings, names, progress, print_note, 1 if quick else ROUNDS), output)


@grouped
def bench_endpoint(
    speech: Speech = None,
    most: Annotated[
        int | None, option("--most", metavar="N", help=f"At most N recordings ({MOST_ENDPOINT}).", min=1, panel=WHAT)
    ] = None,
    quick: Quick = False,
    device: Device = None,
    output: Output = Output(),
    config: Config = None,
) -> None:
    """Measure how often speakers are cut off, and how long the others wait: three modes and two fixed silences.

    Each recording is played as it is, and twice with a pause in it that is as long as people pause in phone calls.

    Examples:

      voicecli bench endpoint

      voicecli bench endpoint --speech recordings
    """
    output.check("endpoint")
    settings = load_bench_settings(device, {}, config)
    from voicecli.bench.stage_endpoint import measure_endpoint
    from voicecli.models.store import endpoint_models

    fetch_missing(settings, [settings.stt.model, *endpoint_models(settings.listen)])
    corpus = load_speech(speech, settings, QUICK if quick else most or MOST_ENDPOINT)
    run(lambda progress: measure_endpoint(settings, corpus, progress), output)


def model_flags(backend: Backend | None, model: str | None, url: str | None) -> dict[str, object]:
    """Return the settings for --llm, --model and --url; which setting --url sets depends on the back end."""
    address = "llm.ollama_url" if backend == "ollama" else "llm.url"
    return {"llm.backend": backend, "llm.model": model, address: url}


def run(measure: Callable[[Progress], Awaitable[Result]], output: Output) -> None:
    """Measure, and present the result."""
    from voicecli.commands.bench.output import present, show_progress
    from voicecli.errors import first_of

    async def with_progress() -> Result:
        with show_progress() as progress:
            return await measure(progress)

    try:
        result = asyncio.run(with_progress())
    except ExceptionGroup as group:
        raise first_of(group) from group
    present(result, output)
