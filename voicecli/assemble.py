"""Settings -> a conversation, or parts of one, ready to run. The only place that names concrete classes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voicecli import events
from voicecli.audio.device import Microphone, Speaker
from voicecli.audio.ear import Ear, SpeechGate
from voicecli.audio.echo import EchoCanceller, EchoFreeMicrophone, Played
from voicecli.audio.echo_guard import LEARNING_S, READY_LEARNING_S, GuardedGate
from voicecli.audio.endpoint import MODES
from voicecli.audio.gate import Gate, Silero
from voicecli.audio.nothing import NoMicrophone
from voicecli.audio.ready_sound import play_ready_sound
from voicecli.audio.recording import Recording
from voicecli.audio.segmenter import Segmenter
from voicecli.audio.wav import WavMicrophone, WavSpeaker
from voicecli.conversation.activity import Activity
from voicecli.conversation.answering import Engines
from voicecli.conversation.barge_in import BargeIn
from voicecli.conversation.conversation import Conversation, Rules
from voicecli.conversation.drafting import Cadence
from voicecli.conversation.history import History
from voicecli.conversation.overlap import Devices
from voicecli.conversation.pacing import MOST_LEAD_S
from voicecli.engines.base import EndOfTurn
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.long_speech import LongSpeech
from voicecli.engines.models import Manifest, ModelStore
from voicecli.engines.remembering import RememberedFinals
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import DeviceError, EngineError, ModelMissing
from voicecli.events import Clock, Event, Publish
from voicecli.language_model import Opened, open_language_model
from voicecli.settings import ListenSettings, Settings, SttSettings, TtsSettings

if TYPE_CHECKING:
    from voicecli.engines.kokoro import Kokoro
    from voicecli.engines.whisper import Whisper

CLOCK: Clock = time.monotonic


@dataclass(frozen=True, slots=True)
class Files:
    """Sound files in place of devices."""

    inputs: tuple[Path, ...] = ()
    output: Path | None = None
    fast: bool = False


@asynccontextmanager
async def assemble(settings: Settings, files: Files, show: Publish) -> AsyncIterator[Conversation]:
    """Open devices, load and warm the engines, tell `show` that it is ready; everything closes at the end.

    Raises DeviceError, ModelMissing, EngineError, BackendUnavailable or SettingsError.
    """
    activity = Activity()

    def publish(event: Event) -> None:
        activity.see(event)
        show(event)

    async with AsyncExitStack() as stack:
        ear, speaker, voiced = await open_devices(stack, settings, files, activity.settled, publish)
        history = History(
            settings.llm.system_prompt.strip(), settings.llm.context_tokens - settings.llm.max_answer_tokens
        )
        engines, opened = await load_engines(stack, settings, history, voiced, publish)
        rules = make_rules(settings, prefill=settings.llm.prefill and opened.keeps_prefix)
        conversation = Conversation(Devices(ear, speaker), engines, history, rules, CLOCK, publish)
        if settings.audio.ready_sound and voiced and files == Files():
            await play_ready_sound(ear, speaker)
        publish(
            events.Ready(
                at_s=CLOCK(),
                microphone=ear.microphone_name,
                speaker=speaker.name if voiced else "",
                stt=engines.stt.name,
                llm=engines.llm.name,
                llm_why=opened.why,
                tts=engines.tts.name if engines.tts else "",
            )
        )
        yield conversation


def make_rules(settings: Settings, *, prefill: bool) -> Rules:
    """What the settings say about when to do what."""
    listen = settings.listen
    bounds = MODES[listen.endpoint] if listen.endpoint != "silence" else None
    soonest_ms = bounds.shortest_ms if bounds else listen.end_ms
    wait_s = max(0, soonest_ms - listen.pause_ms) / 1000
    lull_to_end_s = max(0, listen.end_ms - listen.lull_ms) / 1000  # not the soonest: a decode in the end is the final
    return Rules(
        BargeIn(
            listen.start_ms, listen.hush_ms, listen.min_interrupt_ms, listen.duck_db, allowed=listen.barge_in != "off"
        ),
        Cadence(settings.stt.partial_interval_s, listen.pause_ms / 1000, lull_to_end_s),
        bounds,
        wait_s,
        prefill,
        echo=listen.barge_in != "headphones",
        first_piece_chars=settings.tts.first_piece_chars,
    )


async def open_devices(
    stack: AsyncExitStack, settings: Settings, files: Files, settled: Callable[[], bool], publish: Publish
) -> tuple[Ear, Speaker, bool]:
    """Ear and speaker, and whether anything can sound. A device that was not asked for by name may be missing."""
    microphone = await open_microphone(stack, settings, files, settled, publish)
    canceller = load_canceller(settings, files, publish) if microphone.name else None
    played = canceller.played if canceller else None
    try:
        speaker, voiced = await stack.enter_async_context(make_speaker(settings, files, publish, played)), True
    except DeviceError as error:
        if settings.audio.output_device or files.output:
            raise
        publish(events.Notice(at_s=CLOCK(), text=f"No speaker: answers are written ({error.message})"))
        speaker, voiced = await stack.enter_async_context(WavSpeaker(None, CLOCK, publish)), False
    gate: SpeechGate = make_gate(settings.listen)
    if canceller is not None and voiced:
        microphone, gate = (
            EchoFreeMicrophone(microphone, canceller),
            GuardedGate(gate, canceller.guard, canceller.likeness),
        )
    return Ear(microphone, gate, Segmenter(settings.listen), CLOCK, publish), speaker, voiced


def load_canceller(settings: Settings, files: Files, publish: Publish) -> EchoCanceller | None:
    """What keeps the assistant from hearing itself, where that could happen. Raises EngineError when asked for."""
    needless = settings.listen.barge_in == "headphones" and settings.audio.echo == "auto"
    if settings.audio.echo == "off" or needless or files.inputs or files.output:
        return None
    try:
        return EchoCanceller.load(READY_LEARNING_S if settings.audio.ready_sound else LEARNING_S)
    except EngineError as error:
        if settings.audio.echo == "on":
            raise
        instead = "wear headphones (--barge-in headphones), or --barge-in off"
        text = f"No echo cancellation, so {instead}: {error.message} ({error.hint})"
        publish(events.Notice(at_s=CLOCK(), text=text))
        return None


async def open_microphone(
    stack: AsyncExitStack, settings: Settings, files: Files, settled: Callable[[], bool], publish: Publish
) -> Microphone:
    """Files, the device, or nothing where there is none."""
    if files.inputs:
        return WavMicrophone(list(files.inputs), settled, CLOCK, fast=files.fast)
    try:
        from voicecli.audio.devices import find_device, list_devices
        from voicecli.audio.portaudio import PortAudioMicrophone

        device = find_device(list_devices(), settings.audio.input_device, "input")
        return await stack.enter_async_context(
            PortAudioMicrophone(device, settings.audio.input_latency_s, CLOCK, publish)
        )
    except (DeviceError, OSError) as error:  # OSError: sounddevice cannot find the PortAudio library
        if settings.audio.input_device:
            raise
        publish(events.Notice(at_s=CLOCK(), text=f"No microphone: type your questions ({error})"))
        return NoMicrophone()


def make_speaker(settings: Settings, files: Files, publish: Publish, played: Played | None = None) -> Speaker:
    """A file or the device. Raises DeviceError when there is no device."""
    if files.output:
        return WavSpeaker(files.output, CLOCK, publish, fast=files.fast)
    try:
        from voicecli.audio.devices import find_device, list_devices
        from voicecli.audio.portaudio import PortAudioSpeaker
    except OSError as error:
        raise DeviceError(f"PortAudio is not installed: {error}", "apt install libportaudio2") from error
    device = find_device(list_devices(), settings.audio.output_device, "output")
    return PortAudioSpeaker(device, settings.audio.output_latency_s, CLOCK, publish, played)


def make_recording(path: Path) -> Speaker:
    """A file that is written as fast as the voice speaks."""
    return Recording(path, MOST_LEAD_S)


def make_gate(listen: ListenSettings) -> Gate:
    """A gate that has heard nothing yet. Raises ModelMissing."""
    return Gate(Silero.load(), listen)


def open_store(settings: Settings) -> ModelStore:
    """The models on disk."""
    return ModelStore(settings.models_dir, Manifest.load())


async def load_engines(
    stack: AsyncExitStack, settings: Settings, history: History, voiced: bool, publish: Publish
) -> tuple[Engines, Opened]:
    """All engines, loaded side by side and warm, and what is known about the language model."""
    sleep_while_waiting()
    store = open_store(settings)
    stt_worker, tts_worker, turn_worker = (stack.enter_context(ThreadWorker(name)) for name in ("stt", "tts", "turn"))

    def narrate(text: str) -> None:
        publish(events.Notice(at_s=CLOCK(), text=text, passing=text.endswith("…")))

    async def load_llm() -> Opened:
        opened = await stack.enter_async_context(
            open_language_model(settings.llm, lambda: model_file(store, settings.llm.embedded_model, ".gguf"), narrate)
        )
        await opened.model.warm(history.asking("Hello."))  # chat templates want a question
        return opened

    narrate("Loading the models…")
    async with asyncio.TaskGroup() as tasks:
        stt = tasks.create_task(load_recogniser(stt_worker, store, settings.stt))
        tts = tasks.create_task(load_voice(tts_worker, store, settings.tts, narrate)) if voiced else None
        turn = tasks.create_task(load_end_of_turn(turn_worker, store, settings.listen))
        opened = await load_llm()
    voice = tts.result() if tts else None
    final = RememberedFinals(LongSpeech(stt.result()))  # what it remembers is of a whole utterance
    return Engines(final, opened.model, voice, turn.result(), stt_worker, tts_worker, turn_worker), opened


async def load_recogniser(worker: ThreadWorker, store: ModelStore, settings: SttSettings) -> Whisper:
    """Whisper, loaded on its worker."""
    from voicecli.engines.whisper import Whisper

    return await worker.run(Whisper.load, model_folder(store, settings.model), settings)


async def load_end_of_turn(worker: ThreadWorker, store: ModelStore, settings: ListenSettings) -> EndOfTurn | None:
    """Smart Turn, loaded on its worker; None where silence alone decides. Raises ModelMissing."""
    if settings.endpoint == "silence":
        return None
    from voicecli.engines.smart_turn import SmartTurn

    return await worker.run(SmartTurn.load, model_file(store, settings.endpoint_model, ".onnx"))


async def load_voice(
    worker: ThreadWorker, store: ModelStore, settings: TtsSettings, narrate: Callable[[str], None]
) -> Kokoro:
    """Kokoro, loaded on its worker. What it tells comes from there and is told on the loop."""
    from voicecli.engines.kokoro import Kokoro

    model = model_file(store, settings.model, ".onnx")
    return await worker.run(Kokoro.load, model, store.path("kokoro-voices"), settings, told_on_loop(narrate))


def told_on_loop(narrate: Callable[[str], None]) -> Callable[[str], None]:
    """What a worker's thread may call in place of `narrate`."""
    loop = asyncio.get_running_loop()

    def narrate_on_loop(text: str) -> None:
        loop.call_soon_threadsafe(narrate, text)

    return narrate_on_loop


def model_folder(store: ModelStore, name: str) -> Path:
    """A folder of the user's, or a model of the manifest. Raises ModelMissing."""
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else store.path(name)


def model_file(store: ModelStore, name: str, suffix: str) -> Path:
    """A file of the user's, or the one with that suffix in a model of the manifest. Raises ModelMissing."""
    file = Path(name).expanduser()
    if file.suffix == suffix and file.is_file():
        return file
    folder = store.path(name)
    found = sorted(folder.glob(f"*{suffix}"))
    if not found:
        raise ModelMissing(f"{folder} holds no {suffix} file", f"voicecli download-models {name}")
    return found[0]
