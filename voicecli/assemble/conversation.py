"""Settings -> a conversation, ready to run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from voicecli import events
from voicecli.assemble.devices import DeviceOpener, Files, PipelineHooks, ReconnectingDevices
from voicecli.assemble.engines import EngineOpener, Switches
from voicecli.assemble.languages import opening_instruction
from voicecli.assemble.malloc_trim import trim_after_answers
from voicecli.assemble.tools import open_tools
from voicecli.audio.sounds import play_ready_sound
from voicecli.audio.source import SoundSource
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.history import History
from voicecli.conversation.partial_decoder import PartialSchedule
from voicecli.conversation.parts import ConversationOptions, Devices, Engines, WakeOptions
from voicecli.conversation.prompt import about_now
from voicecli.engines.llm.select import Opened
from voicecli.events import CLOCK, Event, Publish
from voicecli.history.records import Exchange
from voicecli.models.manifest import Manifest
from voicecli.settings.model import ListenSettings, Settings
from voicecli.tools.clock import local_now
from voicecli.turns.activity import Activity, IdleChanges
from voicecli.turns.barge_in import BargeIn
from voicecli.turns.endpoint import MODES
from voicecli.turns.wake_phrase import WakePhrase


@asynccontextmanager
async def assemble(
    settings: Settings,
    source: SoundSource,
    publish: Publish,
    hooks: PipelineHooks | None = None,
    earlier: Sequence[Exchange] = (),
) -> AsyncIterator[tuple[Conversation, Switches]]:
    """Open devices, load and warm the engines, and publish Ready. Everything is closed at the end.

    `hooks`: for a measurement or a recording; `earlier`: what was said in a session that is resumed. Raise DeviceError,
    ModelMissing, EngineError, BackendUnavailable or SettingsError.
    """
    has_tools = settings.tools.enabled and hooks is None  # a recording is replayed, and tools would act again
    activity, hooks = Activity(), hooks or PipelineHooks()
    changes, report = IdleChanges(activity.is_idle), trim_after_answers(publish)

    def publish_all(event: Event) -> None:
        activity.observe(event)
        report(event)
        changes.apply_if_idle()

    def announce(text: str) -> None:
        conversation.announce(text)

    async with AsyncExitStack() as stack:
        reconnecting = ReconnectingDevices(activity.is_idle, CLOCK, publish_all)
        opener = DeviceOpener(stack, settings, source, activity.is_idle, publish_all, hooks, reconnecting)
        devices, has_sound = await opener.open()
        history = new_history(settings, earlier)
        tools = await stack.enter_async_context(open_tools(settings.tools, announce)) if has_tools else None
        engine_opener = EngineOpener(stack, settings, history, changes, tools, publish_all)
        loaded, switches = await engine_opener.open(reconnecting, has_sound=has_sound)
        engines, options = hooks.engines(loaded), conversation_options(settings, prefill=settings.llm.prefill)
        conversation = Conversation(devices, engines, history, options, CLOCK, publish_all)
        if settings.audio.ready_sound and has_sound and source == Files():
            await play_ready_sound(devices.speech_input, devices.speaker)
        publish_all(ready(devices, engines, switches.model.opened, settings.listen, has_sound=has_sound))
        yield conversation, switches


def ready(devices: Devices, engines: Engines, llm: Opened, listen: ListenSettings, *, has_sound: bool) -> events.Ready:
    """Return the event that says what the conversation is held with."""
    return events.Ready(
        at_s=CLOCK(),
        microphone=devices.speech_input.microphone_name,
        speaker=devices.speaker.name if has_sound else "",
        stt=engines.stt.name,
        llm=engines.llm.name,
        llm_why=llm.why,
        tts=engines.tts.name if engines.tts else "",
        mode=listen.mode,
        wake_phrase=listen.wake_phrase if listen.mode == "wake-phrase" else "",
        demo=llm.embedded and Manifest.load().is_default(llm.asked),
    )


def new_history(settings: Settings, earlier: Sequence[Exchange] = ()) -> History:
    """Return the messages of a conversation that continues after `earlier`."""
    room_tokens = settings.llm.context_tokens - settings.llm.max_answer_tokens
    place = settings.llm.place.strip()
    history = History(settings.llm.system_prompt.strip(), room_tokens, lambda: about_now(local_now().date(), place))
    history.add_to_prompt(opening_instruction(settings))
    for exchange in earlier:
        history.add(exchange.question, exchange.heard, cut=exchange.cut)
    return history


def conversation_options(settings: Settings, *, prefill: bool) -> ConversationOptions:
    """Return what the settings say about when to do what."""
    listen = settings.listen
    bounds = MODES[listen.endpoint] if listen.endpoint != "silence" and listen.judges_pauses else None
    shortest_ms = bounds.shortest_ms if bounds else listen.end_ms
    wake = WakeOptions(WakePhrase(listen.wake_phrase), listen.wake_timeout_s) if listen.mode == "wake-phrase" else None
    # Not the shortest wait: an early decode that is over by the fixed one still serves as the final.
    early_decode_s = max(0, listen.end_ms - listen.early_decode_ms) / 1000
    return ConversationOptions(
        BargeIn(
            listen.start_ms,
            listen.barge_in_pause_ms,
            listen.min_interrupt_ms,
            listen.duck_db,
            allowed=listen.barge_in != "off",
            phrase=wake.phrase if wake else None,
        ),
        PartialSchedule(settings.stt.partial_interval_s, listen.pause_ms / 1000, early_decode_s),
        bounds,
        max(0, shortest_ms - listen.pause_ms) / 1000,
        prefill,
        echo=listen.barge_in != "headphones",
        most_answer_tokens=settings.llm.max_answer_tokens,
        first_chunk_chars=settings.tts.first_chunk_chars,
        wake=wake,
    )
