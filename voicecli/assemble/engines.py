"""Settings -> the engines of a conversation, loaded in parallel, and what exchanges them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from voicecli import events
from voicecli.assemble.devices import ReconnectingDevices
from voicecli.assemble.languages import make_language_policy, open_voices, opening_voice
from voicecli.assemble.tools import Tools
from voicecli.conversation.history import History
from voicecli.conversation.language import LanguagePolicy
from voicecli.conversation.parts import Engines
from voicecli.conversation.prefill import ANY_QUESTION
from voicecli.conversation.prompt import parse_examples
from voicecli.engines.base import EndOfTurn, SpeechEngine
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.current_voice import CurrentVoice
from voicecli.engines.llm.fallback import open_with_fallback, status_reporter
from voicecli.engines.llm.select import Opened
from voicecli.engines.llm.switch import ModelSwitch, model_switch
from voicecli.engines.whisper.final_cache import FinalCache
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import BackendUnavailable
from voicecli.events import CLOCK, Publish
from voicecli.models.store import ModelStore, language_model_file, model_file, model_folder, open_store
from voicecli.settings.load import shipped_text
from voicecli.settings.model import ListenSettings, LlmSettings, Settings, SttSettings, TtsSettings
from voicecli.tools.toolbox import Toolbox
from voicecli.turns.activity import IdleChanges
from voicecli.types import Message

READING_ATTEMPTS = 20
"""Requests, of `llm.timeout_s` each, in which an embedded model reads a long conversation that it takes over."""

if TYPE_CHECKING:
    from voicecli.engines.whisper.engine import Whisper


@dataclass(frozen=True, slots=True)
class Switches:
    """What can be changed while the conversation goes on."""

    voice: CurrentVoice | None  # None: nothing is spoken
    language_policy: LanguagePolicy
    languages: Sequence[str]  # that the recognizer knows, ISO 639-1
    model: ModelSwitch
    devices: ReconnectingDevices


@dataclass(frozen=True, slots=True)
class EngineOpener:
    """Opens the engines of one conversation."""

    stack: AsyncExitStack  # closes them
    settings: Settings
    history: History
    changes: IdleChanges
    tools: Tools | None
    publish: Publish

    async def open(self, devices: ReconnectingDevices, *, has_sound: bool) -> tuple[Engines, Switches]:
        """Load all engines in parallel and warm them. Return them with what exchanges them."""
        sleep_while_waiting()
        stack, settings, narrate = self.stack, self.settings, self.narrate
        store = open_store(settings)
        stt_worker, tts_worker, turn_worker = (
            stack.enter_context(ThreadWorker(name)) for name in ("stt", "tts", "turn")
        )
        narrate("Loading the models…")
        async with asyncio.TaskGroup() as tasks:
            stt = tasks.create_task(load_recognizer(stt_worker, store, settings.stt))
            voice = opening_voice(settings)
            tts = tasks.create_task(load_voice(tts_worker, store, voice, narrate)) if has_sound else None
            turn = tasks.create_task(load_end_of_turn(turn_worker, store, settings.listen))
            model, toolbox = await self._load_language_model(store)
        speech, whisper = tts.result() if tts else None, stt.result()
        current = await stack.enter_async_context(open_voices(speech, tts_worker, settings.tts)) if speech else None
        policy = make_language_policy(settings, whisper, current, narrate)
        # The cache is outermost: what it holds is the transcript of a whole utterance.
        recognizer = FinalCache(LongSpeech(whisper.with_language_policy(policy)))
        switches = Switches(current, policy, whisper.languages, model, devices)
        workers = (stt_worker, tts_worker, turn_worker)
        return Engines(recognizer, model.model, current, turn.result(), *workers, policy, toolbox), switches

    def narrate(self, text: str) -> None:
        """Report what is being loaded, or a problem."""
        self.publish(events.Notice(at_s=CLOCK(), text=text, passing=text.endswith("…")))

    def _report_tools(self, text: str) -> None:
        """Report a problem with tools: in passing, unless the user has configured a server."""
        self.publish(events.Notice(at_s=CLOCK(), text=text, passing=not self.settings.tools.servers))

    async def _load_language_model(self, store: ModelStore) -> tuple[ModelSwitch, Toolbox | None]:
        """Open the language model, warm, in what exchanges it. Each model gets the tools before it reads anything."""
        toolbox: Toolbox | None = None

        def open_model(llm: LlmSettings) -> AbstractAsyncContextManager[Opened]:
            reporter = status_reporter(CLOCK, self.publish)
            file = partial(language_model_file, store, self.settings)
            return open_with_fallback(llm, file, self.narrate, reporter, in_subprocess=model.has_begun)

        async def prepare(opened: Opened) -> None:
            nonlocal toolbox
            self.history.set_examples(example_turns(opened))
            if self.tools is not None:
                tokens = opened.context_tokens
                offered = await self.tools.offered_to(opened.model, self.history, tokens, self._report_tools)
                toolbox = toolbox or offered
            await read_conversation(opened, self.history)

        model = await self.stack.enter_async_context(model_switch(open_model, prepare, self.changes))
        await model.begin(self.settings.llm)
        return model, toolbox


async def read_conversation(opened: Opened, history: History) -> None:
    """Let a model read the conversation so far, so that it answers the next question at once.

    An embedded model may need longer than one request may take, on a machine that does other things too. llama.cpp
    keeps what it has read for a request that was given up, so the next one goes on from there. Raise what the last one
    raises.
    """
    for _ in range(READING_ATTEMPTS if opened.embedded else 0):
        try:
            return await opened.model.warm(history.prompt(ANY_QUESTION))
        except BackendUnavailable:
            continue
    await opened.model.warm(history.prompt(ANY_QUESTION))


def example_turns(opened: Opened) -> tuple[Message, ...]:
    """Return the example turns for a language model; none where it answers as well without."""
    return parse_examples(shipped_text("examples.toml")) if opened.wants_examples else ()


async def load_recognizer(worker: ThreadWorker, store: ModelStore, settings: SttSettings) -> Whisper:
    """Load Whisper on its worker. Raise ModelMissing or EngineError."""
    from voicecli.engines.whisper.engine import Whisper

    return await worker.run(Whisper.load, model_folder(store, settings.model), settings)


async def load_end_of_turn(worker: ThreadWorker, store: ModelStore, settings: ListenSettings) -> EndOfTurn | None:
    """Load the end-of-turn model on its worker; return None where silence alone decides. Raise ModelMissing."""
    if not settings.judges_pauses:
        return None
    return await worker.run(open_end_of_turn, store, settings)


def open_end_of_turn(store: ModelStore, settings: ListenSettings) -> EndOfTurn:
    """Load the end-of-turn model of the settings, whatever their mode. Blocks. Raise ModelMissing or EngineError."""
    from voicecli.engines.smart_turn.engine import SmartTurn

    return SmartTurn.load(model_file(store, settings.endpoint_model, ".onnx"))


async def load_voice(
    worker: ThreadWorker, store: ModelStore, settings: TtsSettings, narrate: Callable[[str], None]
) -> SpeechEngine:
    """Load the text-to-speech engine on its worker. `narrate` is called on the loop.

    Raise ModelMissing or EngineError.
    """
    from voicecli.engines.kokoro.engine import Kokoro

    model = model_file(store, settings.model, ".onnx")
    return await worker.run(Kokoro.load, model, store.path("kokoro-voices"), settings, narrate_on_loop(narrate))


def narrate_on_loop(narrate: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that a worker's thread may call: it calls `narrate` on the running loop."""
    loop = asyncio.get_running_loop()

    def narrate_threadsafe(text: str) -> None:
        loop.call_soon_threadsafe(narrate, text)

    return narrate_threadsafe
