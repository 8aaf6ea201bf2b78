"""Replay a recorded conversation: the real pipeline in virtual time, with the recorded latencies of the engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from voicecli.assemble.conversation import conversation_options
from voicecli.assemble.devices import DeviceOpener, ReconnectingDevices
from voicecli.assemble.engines import load_end_of_turn, load_recognizer, load_voice
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.history import History
from voicecli.conversation.parts import Engines
from voicecli.conversation.prompt import about_now
from voicecli.engines.base import EndOfTurn, LanguageModel, SpeechToText, TextToSpeech
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.llm.select import open_language_model
from voicecli.engines.whisper.final_cache import FinalCache
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.engines.worker import LoopThread, ThreadWorker
from voicecli.errors import first_of
from voicecli.events import Event, LevelMeasured
from voicecli.models.store import language_model_file, open_store
from voicecli.replay import virtual_time
from voicecli.replay.bundle import Recording, StageLatencies, UserAction
from voicecli.replay.latencies import (
    PacedLanguageModel,
    RecordedLatencyEndOfTurn,
    RecordedLatencyRecognizer,
    RecordedLatencyTextToSpeech,
)
from voicecli.replay.recorded_source import RecordedEchoCancellation, RecordedSource
from voicecli.replay.virtual_time import CallClock, TimedWorker
from voicecli.settings.model import Settings
from voicecli.turns.activity import Activity

Narrate = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LoadedEngines:
    """The engines, before latencies are added."""

    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech | None  # None: answers are only shown
    turn: EndOfTurn | None


def replay(recorded: Recording, settings: Settings, narrate: Narrate) -> tuple[Event, ...]:
    """Return the events of a replay. They depend only on recording and settings, not on the load of the machine.

    Raise ModelMissing, EngineError, BackendUnavailable or SettingsError.
    """
    with LoopThread() as thread:
        stack = AsyncExitStack()
        try:
            loaded = thread.run(load_engines(stack, settings, narrate, voiced=recorded.voiced))
            return virtual_time.run(run_conversation(recorded, settings, loaded, thread), recorded.began_s)
        except ExceptionGroup as group:
            raise first_of(group) from group
        finally:
            thread.run(stack.aclose())


async def load_engines(stack: AsyncExitStack, settings: Settings, narrate: Narrate, *, voiced: bool) -> LoadedEngines:
    """Load the engines, on an event loop in real time."""
    sleep_while_waiting()
    store = open_store(settings)
    worker = stack.enter_context(ThreadWorker("loading"))
    narrate("Loading the models…")
    stt = await load_recognizer(worker, store, settings.stt)
    tts = await load_voice(worker, store, settings.tts, narrate) if voiced else None
    turn = await load_end_of_turn(worker, store, settings.listen)
    opened = await stack.enter_async_context(
        open_language_model(settings.llm, partial(language_model_file, store, settings), narrate)
    )
    return LoadedEngines(stt, opened.model, tts, turn)


async def run_conversation(
    recorded: Recording, settings: Settings, loaded: LoadedEngines, thread: LoopThread
) -> tuple[Event, ...]:
    """Run the conversation on the event loop in virtual time, and return its events."""
    events: list[Event] = []
    activity = Activity()
    clock = CallClock(timer=lambda: 0.0)

    def publish(event: Event) -> None:
        activity.observe(event)
        if not isinstance(event, LevelMeasured):
            events.append(event)

    engines = engines_with_latencies(loaded, recorded.about.latencies, clock, thread)
    today, place = datetime.fromisoformat(recorded.about.taken_at).date(), settings.llm.place.strip()
    room_tokens = settings.llm.context_tokens - settings.llm.max_answer_tokens
    history = History(settings.llm.system_prompt.strip(), room_tokens, lambda: about_now(today, place))
    source = RecordedSource(recorded, clock)
    async with AsyncExitStack() as stack:
        hooks, reconnecting = RecordedEchoCancellation(recorded), ReconnectingDevices(activity.is_idle, clock, publish)
        opener = DeviceOpener(stack, settings, source, activity.is_idle, publish, hooks, reconnecting, clock)
        devices, _ = await opener.open()
        options = conversation_options(settings, prefill=False)
        conversation = Conversation(devices, engines, history, options, clock, publish)
        for _ in recorded.times.listenings[:-1]:
            await devices.speech_input.discard_input()
        async with replayed_actions(recorded.times.actions, conversation, clock):
            await conversation.run()
    return tuple(events)


def engines_with_latencies(
    loaded: LoadedEngines, latencies: StageLatencies, clock: CallClock, thread: LoopThread
) -> Engines:
    """Return engines that run at once and return their results after the recorded latency."""
    stt, tts, turn = (TimedWorker(clock.last_call_s, clock.call) for _ in range(3))
    recognizer = RecordedLatencyRecognizer(loaded.stt, latencies.decode_s, clock.spend)
    return Engines(
        FinalCache(LongSpeech(recognizer)),
        PacedLanguageModel(loaded.llm, thread, latencies),
        RecordedLatencyTextToSpeech(loaded.tts, latencies.first_audio_s, clock.spend) if loaded.tts else None,
        RecordedLatencyEndOfTurn(loaded.turn, latencies.end_of_turn_s, clock.spend) if loaded.turn else None,
        *(stt, tts, turn),
    )


@asynccontextmanager
async def replayed_actions(
    actions: tuple[UserAction, ...], conversation: Conversation, clock: CallClock
) -> AsyncIterator[None]:
    """Repeat the user's actions at their recorded times, inside the block."""
    handlers: Mapping[str, Callable[[str], None]] = {
        "mute": lambda _: conversation.mute(True),
        "unmute": lambda _: conversation.mute(False),
        "interrupt": lambda _: conversation.interrupt(),
        "ask": conversation.ask,
        "repeat": conversation.repeat,
        "hold": lambda _: conversation.hold_to_talk(True),
        "let go": lambda _: conversation.hold_to_talk(False),
    }

    async def press() -> None:
        for action in actions:
            await asyncio.sleep(max(0.0, action.at_s - clock()))
            handlers[action.what](action.text)

    async with asyncio.TaskGroup() as tasks:
        pressing = tasks.create_task(press())
        yield
        pressing.cancel()
