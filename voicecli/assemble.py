"""Settings -> a conversation, or parts of one, ready to run. The only place that names concrete classes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from voicecli import events
from voicecli.assemble_devices import CLOCK, Files, Watch, open_devices
from voicecli.assemble_tools import Tools, open_tools
from voicecli.audio.endpoint import MODES
from voicecli.audio.ready_sound import play_ready_sound
from voicecli.audio.room import Room
from voicecli.conversation.activity import Activity
from voicecli.conversation.answering import Engines
from voicecli.conversation.barge_in import BargeIn
from voicecli.conversation.conversation import Conversation, Rules
from voicecli.conversation.drafting import Cadence
from voicecli.conversation.history import History
from voicecli.conversation.overlap import Devices
from voicecli.conversation.prefill import ANY_QUESTION
from voicecli.engines.base import EndOfTurn
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.long_speech import LongSpeech
from voicecli.engines.models import ModelStore
from voicecli.engines.remembering import RememberedFinals
from voicecli.engines.worker import ThreadWorker
from voicecli.events import Event, Publish
from voicecli.language_model import Opened
from voicecli.sessions.records import Exchange
from voicecli.settings import ListenSettings, Settings, SttSettings, TtsSettings
from voicecli.steady_model import open_steady_model, voices
from voicecli.stored_models import model_file, model_folder, open_store
from voicecli.tools.toolbox import Toolbox

if TYPE_CHECKING:
    from voicecli.engines.kokoro import Kokoro
    from voicecli.engines.whisper import Whisper


@asynccontextmanager
async def assemble(
    settings: Settings,
    sound: Files | Room,
    show: Publish,
    watch: Watch | None = None,
    earlier: Sequence[Exchange] = (),
) -> AsyncIterator[Conversation]:
    """Open devices, load and warm the engines, tell `show` that it is ready; everything closes at the end.

    `sound`: devices, files in place of some, or a room in place of both; `earlier`: what was said before. Raises
    DeviceError, ModelMissing, EngineError, BackendUnavailable or SettingsError.
    """
    tooled = settings.tools.enabled and watch is None  # what is recorded is replayed: tools would act again
    activity, watch = Activity(), watch or Watch()

    def publish(event: Event) -> None:
        activity.see(event)
        show(event)

    def ring(text: str) -> None:
        conversation.announce(text)

    async with AsyncExitStack() as stack:
        ear, speaker, voiced = await open_devices(stack, settings, sound, activity.settled, publish, watch)
        history = history_of(settings, earlier)
        tools = await stack.enter_async_context(open_tools(settings.tools, ring)) if tooled else None
        engines, opened = await load_engines(stack, settings, history, voiced, publish, tools)
        engines = watch.engines(engines)
        rules = make_rules(settings, prefill=settings.llm.prefill and opened.keeps_prefix)
        conversation = Conversation(Devices(ear, speaker), engines, history, rules, CLOCK, publish)
        if settings.audio.ready_sound and voiced and sound == Files():
            await play_ready_sound(ear, speaker)
        publish(ready(Devices(ear, speaker), engines, opened.why, voiced=voiced))
        yield conversation


def ready(devices: Devices, engines: Engines, llm_why: str, *, voiced: bool) -> events.Ready:
    """What the conversation is held with."""
    return events.Ready(
        at_s=CLOCK(),
        microphone=devices.ear.microphone_name,
        speaker=devices.speaker.name if voiced else "",
        stt=engines.stt.name,
        llm=engines.llm.name,
        llm_why=llm_why,
        tts=engines.tts.name if engines.tts else "",
    )


def history_of(settings: Settings, earlier: Sequence[Exchange] = ()) -> History:
    """What the language model is told of a conversation that goes on after `earlier`."""
    room_tokens = settings.llm.context_tokens - settings.llm.max_answer_tokens
    history = History(settings.llm.system_prompt.strip(), room_tokens)
    for exchange in earlier:
        history.add(exchange.question, exchange.heard, cut=exchange.cut)
    return history


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


async def load_engines(
    stack: AsyncExitStack,
    settings: Settings,
    history: History,
    voiced: bool,
    publish: Publish,
    tools: Tools | None = None,
) -> tuple[Engines, Opened]:
    """All engines, loaded side by side and warm, and what is known about the language model."""
    sleep_while_waiting()
    store = open_store(settings)
    stt_worker, tts_worker, turn_worker = (stack.enter_context(ThreadWorker(name)) for name in ("stt", "tts", "turn"))

    def narrate(text: str) -> None:
        publish(events.Notice(at_s=CLOCK(), text=text, passing=text.endswith("…")))

    def tell(text: str) -> None:
        """A default that is not to be had is of passing interest; what was asked for is not."""
        publish(events.Notice(at_s=CLOCK(), text=text, passing=not settings.tools.servers))

    async def load_llm() -> tuple[Opened, Toolbox | None]:
        told = voices(CLOCK, publish, narrate)
        opened = await stack.enter_async_context(
            open_steady_model(settings.llm, lambda: model_file(store, settings.llm.embedded_model, ".gguf"), told)
        )
        offered = await tools.offered_to(opened.model, history, opened.context_tokens, tell) if tools else None
        await opened.model.warm(history.asking(ANY_QUESTION))
        return opened, offered

    narrate("Loading the models…")
    async with asyncio.TaskGroup() as tasks:
        stt = tasks.create_task(load_recogniser(stt_worker, store, settings.stt))
        tts = tasks.create_task(load_voice(tts_worker, store, settings.tts, narrate)) if voiced else None
        turn = tasks.create_task(load_end_of_turn(turn_worker, store, settings.listen))
        opened, toolbox = await load_llm()
    voice = tts.result() if tts else None
    final = RememberedFinals(LongSpeech(stt.result()))  # what it remembers is of a whole utterance
    return Engines(final, opened.model, voice, turn.result(), stt_worker, tts_worker, turn_worker, toolbox), opened


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
