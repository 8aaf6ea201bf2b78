"""`voicecli bench stt`, `llm`, `tts` and `endpoint`: measure one stage of a conversation each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from voicecli.commands.bench.options import CompareFile, FailOver, HtmlFile, JsonFile, MarkdownFile
from voicecli.commands.console import print_note
from voicecli.commands.download_progress import fetch_missing
from voicecli.commands.options import OWN_SPEECH, ConfigOption, option

if TYPE_CHECKING:
    from voicecli.bench.corpus import Corpus
    from voicecli.bench.result import Result
    from voicecli.bench.rounds import Progress
    from voicecli.settings.model import Settings

WHAT = "Measurement"

QUICK = 4
"""Recordings, or questions, with --quick."""

MOST_HEARD, MOST_ENDPOINTS = 100, 12
"""Recordings without --most. `bench endpoint` hears each of them three times; of the built-in ones it is all questions
once."""


class BenchDevice(StrEnum):
    cpu = "cpu"
    gpu = "gpu"


class Backend(StrEnum):
    auto = "auto"
    openai = "openai"
    ollama = "ollama"
    embedded = "embedded"


Device = Annotated[
    BenchDevice | None,
    option("--device", help="cpu, or gpu for one NVIDIA GPU; default: your settings.", panel=WHAT),
]
Speech = Annotated[Path | None, option(help=OWN_SPEECH, panel=WHAT)]
Quick = Annotated[bool, option("--quick", help=f"Finish within seconds: measure {QUICK} of everything.", panel=WHAT)]
Config = ConfigOption


def bench_stt(
    models: Annotated[
        list[str] | None,
        option("--model", help="Whisper model: name or folder. Repeatable (all installed models).", panel=WHAT),
    ] = None,
    speech: Speech = None,
    most: Annotated[
        int | None, option("--most", metavar="N", help=f"Use at most N recordings ({MOST_HEARD}).", min=1, panel=WHAT)
    ] = None,
    quick: Quick = False,
    device: Device = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    compare: CompareFile = None,
    fail_over: FailOver = None,
    config: Config = None,
) -> None:
    """Measure each Whisper model on the same recordings: time to the final text, and its accuracy.

    The time counts from the end of speech, with nothing decoded before. Word errors are counted by jiwer after OpenAI's
    normalizer if a .txt file beside a recording holds its text; phrases are counted if slots.json names them.

    Recordings are WAV or FLAC files with one voice each. The folders of LibriSpeech work as they are.

    Examples:

      voicecli bench stt

      voicecli bench stt --speech LibriSpeech/test-clean --most 50 --model whisper-base --model whisper-small.en
    """
    output = output_of("stt", json_file, markdown, html, compare, fail_over)
    settings = settings_for(device, {}, config)
    from voicecli.bench.stage_stt import installed_models, measure_stt

    names = models or installed_models(settings)
    fetch_missing(settings, names)
    corpus = said(speech, settings, QUICK if quick else most or MOST_HEARD)
    show(lambda progress: measure_stt(settings, corpus, names, progress), output)


def bench_llm(
    backend: Annotated[Backend | None, option("--llm", help="Language model backend.", panel=WHAT)] = None,
    model: Annotated[str | None, option("--model", help="Model name in that backend.", panel=WHAT)] = None,
    url: Annotated[str | None, option("--url", help="Base URL of the server.", panel=WHAT)] = None,
    quick: Quick = False,
    device: Device = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    compare: CompareFile = None,
    fail_over: FailOver = None,
    config: Config = None,
) -> None:
    """Measure the language model in the middle of a conversation: time to the first token, and tokens per second.

    Each question is asked alternately with a cold prefix (the model has seen nothing of the prompt) and a warm one (it
    has seen all but the question), at temperature 0. In a conversation the prefix is warm.

    Examples:

      voicecli bench llm

      voicecli bench llm --llm openai --url http://127.0.0.1:30000/v1
    """
    output = output_of("llm", json_file, markdown, html, compare, fail_over)
    settings = settings_for(device, model_flags(backend, model, url), config)
    from voicecli.bench.questions import QUESTIONS
    from voicecli.bench.stage_llm import measure_llm

    if settings.llm.backend in ("auto", "embedded"):
        fetch_missing(settings, [settings.llm.embedded_model])
    questions = QUICK if quick else len(QUESTIONS)
    show(lambda progress: measure_llm(settings, progress, print_note, questions), output)


def bench_tts(
    voices: Annotated[
        list[str] | None, option("--voice", help="Kokoro voice. Repeatable (the voice of your settings).", panel=WHAT)
    ] = None,
    model: Annotated[str | None, option("--model", help="Kokoro model: name or ONNX file.", panel=WHAT)] = None,
    no_stream: Annotated[
        bool, option("--no-stream", help="Synthesize whole chunks with Kokoro's own code.", panel=WHAT)
    ] = False,
    quick: Annotated[bool, option("--quick", help="Speak each sentence once.", panel=WHAT)] = False,
    device: Device = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    compare: CompareFile = None,
    fail_over: FailOver = None,
    config: Config = None,
) -> None:
    """Speak sentences of about 1, 3 and 10 s: first sound, real-time factor, and how well Whisper recognizes them.

    Examples:

      voicecli bench tts

      voicecli bench tts --voice af_heart --voice bm_george
    """
    output = output_of("tts", json_file, markdown, html, compare, fail_over)
    flags = {"tts.model": model, "tts.streaming": False if no_stream else None}
    settings = settings_for(device, flags, config)
    from voicecli.bench.stage_tts import ROUNDS, measure_tts
    from voicecli.models.store import voice_models

    fetch_missing(settings, [*voice_models(settings), settings.stt.model])
    names = voices or [settings.tts.voice]
    show(lambda progress: measure_tts(settings, names, progress, print_note, 1 if quick else ROUNDS), output)


def bench_endpoint(
    speech: Speech = None,
    most: Annotated[
        int | None,
        option("--most", metavar="N", help=f"Use at most N recordings ({MOST_ENDPOINTS}).", min=1, panel=WHAT),
    ] = None,
    quick: Quick = False,
    device: Device = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    compare: CompareFile = None,
    fail_over: FailOver = None,
    config: Config = None,
) -> None:
    """Measure how often each endpoint mode, or fixed silence, cuts a speaker off, and how long it makes others wait.

    Each recording is used as it is, and twice with a pause for thought in it, as long as people pause in calls.

    Examples:

      voicecli bench endpoint

      voicecli bench endpoint --speech recordings
    """
    output = output_of("endpoint", json_file, markdown, html, compare, fail_over)
    settings = settings_for(device, {}, config)
    from voicecli.bench.stage_endpoint import measure_endpoint

    fetch_missing(settings, [settings.stt.model, settings.listen.endpoint_model])
    corpus = said(speech, settings, QUICK if quick else most or MOST_ENDPOINTS)
    show(lambda progress: measure_endpoint(settings, corpus, progress), output)


def settings_for(device: BenchDevice | None, flags: Mapping[str, object], config: Path | None) -> Settings:
    """Raises SettingsError, also where they contradict the device, or EngineError for a GPU that is not there."""
    from voicecli.errors import SettingsError
    from voicecli.settings.load import load_settings

    settings = load_settings(flags, profile=device or "", file=config).settings
    if device is None:
        return settings
    from voicecli.bench.environment import device_of, require_device

    if device_of(settings) != device:
        found = f"stt.device is {settings.stt.device}, tts.device is {settings.tts.device}"
        raise SettingsError(f"--device {device} contradicts your settings: {found}", "voicecli talk --show-settings")
    require_device(settings, device)
    return settings


def model_flags(backend: Backend | None, model: str | None, url: str | None) -> dict[str, object]:
    """--model means another setting with each back end."""
    key = {Backend.ollama: "llm.ollama_model", Backend.openai: "llm.model"}.get(backend or Backend.auto)
    address = "llm.ollama_url" if backend == Backend.ollama else "llm.url"
    return {"llm.backend": backend, key or ("llm.model" if url else "llm.embedded_model"): model, address: url}


def said(speech: Path | None, settings: Settings, most: int) -> Corpus:
    """Raises SettingsError, ModelMissing or EngineError."""
    from voicecli.bench.corpus import load_corpus

    if speech is None:
        from voicecli.models.store import voice_models

        fetch_missing(settings, voice_models(settings))
    return load_corpus(speech, settings, print_note, most)


@dataclass(frozen=True, slots=True)
class Output:
    """Where a result goes beside the screen."""

    json_file: Path | None
    markdown: Path | None
    html: Path | None
    compare: Path | None
    fail_over: tuple[str, ...]


def output_of(
    bench: str,
    json_file: Path | None,
    markdown: Path | None,
    html: Path | None,
    compare: Path | None,
    fail_over: list[str] | None,
) -> Output:
    """Before anything is measured. Raises SettingsError for a typing error."""
    from voicecli.commands.bench.output import check_output

    check_output(bench, (json_file, markdown, html), compare, fail_over or ())
    return Output(json_file, markdown, html, compare, tuple(fail_over or ()))


def show(measure: Callable[[Progress], Awaitable[Result]], output: Output) -> None:
    """Measure, and present what was found."""
    from voicecli.commands.bench.output import present
    from voicecli.commands.bench.progress import show_progress
    from voicecli.errors import first_of

    async def run() -> Result:
        with show_progress() as progress:
            return await measure(progress)

    try:
        result = asyncio.run(run())
    except ExceptionGroup as group:
        raise first_of(group) from group
    present(
        result,
        json_file=output.json_file,
        markdown=output.markdown,
        html=output.html,
        compare=output.compare,
        fail_over=output.fail_over,
    )
