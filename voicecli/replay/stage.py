"""A recorded conversation again: the product's own parts, on a clock that jumps, with engines of fixed prices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from voicecli.assemble.conversation import conversation_options
from voicecli.assemble.devices import open_devices
from voicecli.assemble.engines import load_end_of_turn, load_recogniser, load_voice
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.history import History
from voicecli.conversation.overlap import Devices
from voicecli.conversation.respond import Engines
from voicecli.engines.base import EndOfTurn, LanguageModel, SpeechToText, TextToSpeech
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.llm.select import open_language_model
from voicecli.engines.whisper.final_cache import FinalCache
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.engines.worker import LoopThread, ThreadWorker
from voicecli.errors import first_of
from voicecli.events import Event, LevelMeasured
from voicecli.models.store import model_file, open_store
from voicecli.replay import virtual_time
from voicecli.replay.bundle import Recorded, StageLatencies, UserAction
from voicecli.replay.latencies import (
    PacedLanguageModel,
    RecordedLatencyEndOfTurn,
    RecordedLatencyRecogniser,
    RecordedLatencyVoice,
)
from voicecli.replay.room import RecordedCanceller, RecordedRoom
from voicecli.replay.timed_worker import CallClock, TimedWorker
from voicecli.settings.model import Settings
from voicecli.turns.activity import Activity

Narrate = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The engines as they are."""

    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech | None  # None: answers are written
    turn: EndOfTurn | None


def replay(recorded: Recorded, settings: Settings, narrate: Narrate) -> tuple[Event, ...]:
    """What happens this time. The same recording and settings give the same events, whatever else the machine does.

    Raises ModelMissing, EngineError, BackendUnavailable or SettingsError.
    """
    with LoopThread() as thread:
        stack = AsyncExitStack()
        try:
            loaded = thread.run(load(stack, settings, narrate, voiced=recorded.voiced))
            return virtual_time.run(hold(recorded, settings, loaded, thread), recorded.began_s)
        except ExceptionGroup as group:
            raise first_of(group) from group
        finally:
            thread.run(stack.aclose())


async def load(stack: AsyncExitStack, settings: Settings, narrate: Narrate, *, voiced: bool) -> Loaded:
    """On a loop that waits."""
    sleep_while_waiting()
    store = open_store(settings)
    worker = stack.enter_context(ThreadWorker("loading"))
    narrate("Loading the models…")
    stt = await load_recogniser(worker, store, settings.stt)
    tts = await load_voice(worker, store, settings.tts, narrate) if voiced else None
    turn = await load_end_of_turn(worker, store, settings.listen)
    opened = await stack.enter_async_context(
        open_language_model(settings.llm, lambda: model_file(store, settings.llm.embedded_model, ".gguf"), narrate)
    )
    return Loaded(stt, opened.model, tts, turn)


async def hold(recorded: Recorded, settings: Settings, loaded: Loaded, thread: LoopThread) -> tuple[Event, ...]:
    """The conversation, on the loop whose clock jumps."""
    reported: list[Event] = []
    activity = Activity()
    clock = CallClock(timer=lambda: 0.0)

    def publish(event: Event) -> None:
        activity.observe(event)
        if not isinstance(event, LevelMeasured):
            reported.append(event)

    engines = priced(loaded, recorded.about.latencies, clock, thread)
    history = History(settings.llm.system_prompt.strip(), settings.llm.context_tokens - settings.llm.max_answer_tokens)
    room = RecordedRoom(recorded, clock)
    async with AsyncExitStack() as stack:
        speech_input, speaker, _ = await open_devices(
            stack, settings, room, activity.is_idle, publish, RecordedCanceller(recorded), clock
        )
        rules = conversation_options(settings, prefill=False)
        conversation = Conversation(Devices(speech_input, speaker), engines, history, rules, clock, publish)
        for _ in recorded.times.listenings[:-1]:
            await speech_input.discard_input()
        async with doing(recorded.times.actions, conversation, clock):
            await conversation.run()
    return tuple(reported)


def priced(loaded: Loaded, latencies: StageLatencies, clock: CallClock, thread: LoopThread) -> Engines:
    """Engines whose calls are made at once, and whose results come when they would have come."""
    stt, tts, turn = (TimedWorker(clock.took_s, clock.call) for _ in range(3))
    recogniser = RecordedLatencyRecogniser(loaded.stt, latencies.decode_s, clock.spend)
    return Engines(
        FinalCache(LongSpeech(recogniser)),
        PacedLanguageModel(loaded.llm, thread, latencies),
        RecordedLatencyVoice(loaded.tts, latencies.first_sound_s, clock.spend) if loaded.tts else None,
        RecordedLatencyEndOfTurn(loaded.turn, latencies.look_s, clock.spend) if loaded.turn else None,
        *(stt, tts, turn),
    )


@asynccontextmanager
async def doing(actions: tuple[UserAction, ...], conversation: Conversation, clock: CallClock) -> AsyncIterator[None]:
    """The user's keys, pressed when they were pressed."""
    acts: Mapping[str, Callable[[str], None]] = {
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
            acts[action.what](action.text)

    async with asyncio.TaskGroup() as tasks:
        pressing = tasks.create_task(press())
        yield
        pressing.cancel()
