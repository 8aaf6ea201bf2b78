"""Settings -> the engines of a conversation, loaded side by side, and what exchanges them. Names concrete classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from voicecli import events
from voicecli.assemble.devices import CLOCK
from voicecli.assemble.languages import make_language_policy, open_voices, opening_voice
from voicecli.assemble.reconnecting import ReconnectingDevices
from voicecli.assemble.tools import Tools
from voicecli.conversation.history import History
from voicecli.conversation.language import LanguagePolicy
from voicecli.conversation.prefill import ANY_QUESTION
from voicecli.conversation.respond import Engines
from voicecli.engines.base import EndOfTurn
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.kokoro.current_voice import CurrentVoice
from voicecli.engines.llm.open import open_steady_model, voices
from voicecli.engines.llm.select import Opened
from voicecli.engines.llm.switch import ModelSwitch, model_switch
from voicecli.engines.whisper.final_cache import FinalCache
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.engines.worker import ThreadWorker
from voicecli.events import Publish
from voicecli.models.store import ModelStore, model_file, model_folder, open_store
from voicecli.settings.model import ListenSettings, LlmSettings, Settings, SttSettings, TtsSettings
from voicecli.tools.toolbox import Toolbox
from voicecli.turns.idle_changes import IdleChanges

if TYPE_CHECKING:
    from voicecli.engines.kokoro.engine import Kokoro
    from voicecli.engines.whisper.engine import Whisper


@dataclass(frozen=True, slots=True)
class Switches:
    """What can be changed while the conversation goes on."""

    voice: CurrentVoice | None  # None: nothing is spoken
    language_policy: LanguagePolicy
    languages: Sequence[str]  # that are heard, ISO 639-1
    model: ModelSwitch
    devices: ReconnectingDevices


@dataclass(frozen=True, slots=True)
class Opening:
    """What a conversation's engines are opened for."""

    stack: AsyncExitStack  # closes them
    settings: Settings
    history: History
    rest: IdleChanges
    tools: Tools | None
    publish: Publish

    def narrate(self, text: str) -> None:
        """Tell the user."""
        self.publish(events.Notice(at_s=CLOCK(), text=text, passing=text.endswith("…")))

    def tell_of_tools(self, text: str) -> None:
        """A default that is not to be had is of passing interest; what was asked for is not."""
        self.publish(events.Notice(at_s=CLOCK(), text=text, passing=not self.settings.tools.servers))


async def load_engines(opening: Opening, devices: ReconnectingDevices, *, voiced: bool) -> tuple[Engines, Switches]:
    """All engines, loaded side by side and warm, and what changes them."""
    sleep_while_waiting()
    stack, settings, narrate = opening.stack, opening.settings, opening.narrate
    store = open_store(settings)
    stt_worker, tts_worker, turn_worker = (stack.enter_context(ThreadWorker(name)) for name in ("stt", "tts", "turn"))
    narrate("Loading the models…")
    async with asyncio.TaskGroup() as tasks:
        stt = tasks.create_task(load_recogniser(stt_worker, store, settings.stt))
        tts = tasks.create_task(load_voice(tts_worker, store, opening_voice(settings), narrate)) if voiced else None
        turn = tasks.create_task(load_end_of_turn(turn_worker, store, settings.listen))
        model, toolbox = await load_language_model(opening, store)
    kokoro = tts.result() if tts else None
    voice = await stack.enter_async_context(open_voices(kokoro, tts_worker, settings.tts)) if kokoro else None
    language_policy = make_language_policy(settings, stt.result(), voice, narrate)
    final = FinalCache(
        LongSpeech(stt.result().with_language_policy(language_policy))
    )  # what it remembers is of a whole utterance
    switches = Switches(voice, language_policy, stt.result().languages, model, devices)
    workers = (stt_worker, tts_worker, turn_worker)
    return Engines(final, model.model, voice, turn.result(), *workers, language_policy, toolbox), switches


async def load_language_model(opening: Opening, store: ModelStore) -> tuple[ModelSwitch, Toolbox | None]:
    """The language model, warm, in what exchanges it. Each one is told of the tools before it reads anything."""
    tools, history = opening.tools, opening.history
    toolbox: Toolbox | None = None

    def open_model(llm: LlmSettings) -> AbstractAsyncContextManager[Opened]:
        reported = voices(CLOCK, opening.publish, opening.narrate)
        file = partial(model_file, store, llm.embedded_model, ".gguf")
        return open_steady_model(llm, file, reported, apart=model.has_begun)

    async def prepare(opened: Opened) -> None:
        nonlocal toolbox
        if tools is not None:
            offered = await tools.offered_to(opened.model, history, opened.context_tokens, opening.tell_of_tools)
            toolbox = toolbox or offered
        await opened.model.warm(history.prompt(ANY_QUESTION))

    model = await opening.stack.enter_async_context(model_switch(open_model, prepare, opening.rest))
    await model.begin(opening.settings.llm)
    return model, toolbox


async def load_recogniser(worker: ThreadWorker, store: ModelStore, settings: SttSettings) -> Whisper:
    """Whisper, loaded on its worker."""
    from voicecli.engines.whisper.engine import Whisper

    return await worker.run(Whisper.load, model_folder(store, settings.model), settings)


async def load_end_of_turn(worker: ThreadWorker, store: ModelStore, settings: ListenSettings) -> EndOfTurn | None:
    """Smart Turn, loaded on its worker; None where silence alone decides. Raises ModelMissing."""
    if not settings.judges_pauses:
        return None
    from voicecli.engines.smart_turn.engine import SmartTurn

    return await worker.run(SmartTurn.load, model_file(store, settings.endpoint_model, ".onnx"))


async def load_voice(
    worker: ThreadWorker, store: ModelStore, settings: TtsSettings, narrate: Callable[[str], None]
) -> Kokoro:
    """Kokoro, loaded on its worker. What it tells comes from there and is told on the loop."""
    from voicecli.engines.kokoro.engine import Kokoro

    model = model_file(store, settings.model, ".onnx")
    return await worker.run(Kokoro.load, model, store.path("kokoro-voices"), settings, report_on_loop(narrate))


def report_on_loop(narrate: Callable[[str], None]) -> Callable[[str], None]:
    """What a worker's thread may call in place of `narrate`."""
    loop = asyncio.get_running_loop()

    def narrate_on_loop(text: str) -> None:
        loop.call_soon_threadsafe(narrate, text)

    return narrate_on_loop
