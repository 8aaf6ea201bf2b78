"""Settings -> a conversation, or parts of one, ready to run. The only place that names concrete classes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from voicecli import events
from voicecli.assemble.devices import CLOCK, Files, PipelineHooks, open_devices
from voicecli.assemble.engines import Opening, Switches, load_engines
from voicecli.assemble.languages import opening_instruction
from voicecli.assemble.malloc_trim import trim_after_answers
from voicecli.assemble.reconnecting import ReconnectingDevices
from voicecli.assemble.tools import open_tools
from voicecli.audio.sounds import play_ready_sound
from voicecli.audio.source import Room
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.history import History
from voicecli.conversation.options import ConversationOptions
from voicecli.conversation.overlap import Devices
from voicecli.conversation.partial_decoder import PartialSchedule
from voicecli.conversation.respond import Engines
from voicecli.conversation.wake_gate import WakeOptions
from voicecli.events import Event, Publish
from voicecli.history.records import Exchange
from voicecli.settings.model import ListenSettings, Settings
from voicecli.turns.activity import Activity
from voicecli.turns.barge_in import BargeIn
from voicecli.turns.endpoint import MODES
from voicecli.turns.idle_changes import IdleChanges
from voicecli.turns.wake_phrase import WakePhrase


@asynccontextmanager
async def assemble(
    settings: Settings,
    sound: Files | Room,
    show: Publish,
    watch: PipelineHooks | None = None,
    earlier: Sequence[Exchange] = (),
) -> AsyncIterator[tuple[Conversation, Switches]]:
    """Open devices, load and warm the engines, tell `show` that it is ready; everything closes at the end.

    `sound`: devices, files in place of some, or a room in place of both; `earlier`: what was said before. Raises
    DeviceError, ModelMissing, EngineError, BackendUnavailable or SettingsError.
    """
    tooled = settings.tools.enabled and watch is None  # what is recorded is replayed: tools would act again
    activity, watch = Activity(), watch or PipelineHooks()
    rest, show = IdleChanges(activity.is_idle), trim_after_answers(show)

    def publish(event: Event) -> None:
        activity.observe(event)
        show(event)
        rest.apply_if_idle()

    def ring(text: str) -> None:
        conversation.announce(text)

    async with AsyncExitStack() as stack:
        reconnecting = ReconnectingDevices(activity.is_idle, CLOCK, publish)
        speech_input, speaker, voiced = await open_devices(
            stack, settings, sound, activity.is_idle, publish, watch, reconnecting=reconnecting
        )
        history = history_of(settings, earlier)
        tools = await stack.enter_async_context(open_tools(settings.tools, ring)) if tooled else None
        opening = Opening(stack, settings, history, rest, tools, publish)
        loaded, switches = await load_engines(opening, reconnecting, voiced=voiced)
        engines, rules = watch.engines(loaded), conversation_options(settings, prefill=settings.llm.prefill)
        conversation = Conversation(Devices(speech_input, speaker), engines, history, rules, CLOCK, publish)
        if settings.audio.ready_sound and voiced and sound == Files():
            await play_ready_sound(speech_input, speaker)
        begun = ready(Devices(speech_input, speaker), engines, switches.model.opened.why, voiced=voiced)
        publish(with_listen_mode(begun, settings.listen))
        yield conversation, switches


def ready(devices: Devices, engines: Engines, llm_why: str, *, voiced: bool) -> events.Ready:
    """What the conversation is held with."""
    return events.Ready(
        at_s=CLOCK(),
        microphone=devices.speech_input.microphone_name,
        speaker=devices.speaker.name if voiced else "",
        stt=engines.stt.name,
        llm=engines.llm.name,
        llm_why=llm_why,
        tts=engines.tts.name if engines.tts else "",
    )


def with_listen_mode(ready: events.Ready, listen: ListenSettings) -> events.Ready:
    """With what is answered."""
    return replace(ready, mode=listen.mode, wake_phrase=listen.wake_phrase if listen.mode == "wake-phrase" else "")


def history_of(settings: Settings, earlier: Sequence[Exchange] = ()) -> History:
    """What the language model is told of a conversation that goes on after `earlier`."""
    room_tokens = settings.llm.context_tokens - settings.llm.max_answer_tokens
    history = History(settings.llm.system_prompt.strip(), room_tokens)
    history.add_to_prompt(opening_instruction(settings))
    for exchange in earlier:
        history.add(exchange.question, exchange.heard, cut=exchange.cut)
    return history


def conversation_options(settings: Settings, *, prefill: bool) -> ConversationOptions:
    """What the settings say about when to do what."""
    listen = settings.listen
    bounds = MODES[listen.endpoint] if listen.endpoint != "silence" and listen.judges_pauses else None
    soonest_ms = bounds.shortest_ms if bounds else listen.end_ms
    wait_s = max(0, soonest_ms - listen.pause_ms) / 1000
    waking = (
        WakeOptions(WakePhrase(listen.wake_phrase), listen.wake_timeout_s) if listen.mode == "wake-phrase" else None
    )
    early_pause_to_end_s = (
        max(0, listen.end_ms - listen.early_decode_ms) / 1000
    )  # not the soonest: a decode in the end is the final
    return ConversationOptions(
        BargeIn(
            listen.start_ms,
            listen.barge_in_pause_ms,
            listen.min_interrupt_ms,
            listen.duck_db,
            allowed=listen.barge_in != "off",
            phrase=waking.phrase if waking else None,
        ),
        PartialSchedule(settings.stt.partial_interval_s, listen.pause_ms / 1000, early_pause_to_end_s),
        bounds,
        wait_s,
        prefill,
        echo=listen.barge_in != "headphones",
        first_chunk_chars=settings.tts.first_chunk_chars,
        wake=waking,
    )
