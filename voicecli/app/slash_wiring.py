"""Connect the commands to the parts of a running conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from voicecli.app.upgrade_wiring import Downloads
from voicecli.assemble.engines import Switches
from voicecli.conversation.conversation import Conversation
from voicecli.doctor.examination import Examination, Request
from voicecli.doctor.finding import Group
from voicecli.engines.llm.available import AvailableModels, list_language_models
from voicecli.events import CLOCK, Component, ComponentChanged, Notice, Publish
from voicecli.history.log import ConversationLog, SessionLog
from voicecli.history.store import excerpt
from voicecli.history.writer import utc_now
from voicecli.models.scores import KeptScore, load_scores
from voicecli.models.store import conversation_models, installed_models, open_store
from voicecli.settings.model import Settings
from voicecli.slash.complete import Value, Values
from voicecli.slash.dispatcher import Handler, Start
from voicecli.slash.handlers import (
    NO_VOICE,
    TO_DOWNLOAD,
    DeviceCommand,
    DoctorCommand,
    LanguageCommand,
    ModelCommand,
    SpeechCommands,
    device_values,
)
from voicecli.slash.history import EXCERPT_CHARS, LISTED, HistoryCommands, format_time, list_sessions


@dataclass(frozen=True, slots=True)
class CommandContext:
    """The parts of a conversation that commands work on, and how they report."""

    settings: Settings
    conversation: Conversation
    switches: Switches
    record: ConversationLog
    show: Publish
    start: Start
    downloads: Downloads

    def report(self, text: str) -> None:
        """Show a note in the conversation, unless `text` is empty."""
        if text:
            self.show(Notice(at_s=CLOCK(), text=text))

    def changed(self, component: Component) -> Callable[[str, str], None]:
        """Return a function that reports a component's new name with a message."""

        def report(name: str, message: str) -> None:
            self.show(ComponentChanged(at_s=CLOCK(), component=component, condition="ok", name=name, message=message))

        return report

    async def choices(self) -> AvailableModels:
        """Return the available language models."""
        store = open_store(self.settings)
        found = await list_language_models(self.settings.llm, await asyncio.to_thread(installed_models, store, "llm"))
        return with_scores(found, load_scores(self.settings.models_dir))

    def examine(self) -> list[Group]:
        """Return what `voicecli doctor` finds without opening a sound device or hashing a model. Blocks for seconds."""
        settings = self.settings.model_copy(update={"llm": self.switches.model.settings})
        request = Request(settings, conversation_models(settings), {}, aloud=False, quick=True)
        return list(Examination(request).run(lambda doing: None))


def with_scores(available: AvailableModels, scores: Mapping[str, KeptScore]) -> AvailableModels:
    """Return the models with what `voicecli bench answers` found of them on this machine."""
    models = (
        replace(one, where=f"{one.where}, {scores[one.name].text}") if one.name in scores else one
        for one in available.models
    )
    return replace(available, models=tuple(models))


def handlers(context: CommandContext) -> dict[str, Handler]:
    """Return the handlers of the commands that need loaded engines, by command name."""
    switches, report, start = context.switches, context.report, context.start
    voice, policy = switches.voice, switches.language_policy
    speech = SpeechCommands(voice, policy, context.changed("voice")) if voice else None
    model = ModelCommand(switches.model, context.choices, context.changed("model"), report, start, context.downloads)
    history = HistoryCommands(
        context.settings.history_file,
        isinstance(context.record, SessionLog),
        context.conversation,
        context.record,
        utc_now,
        Path.cwd(),
    )
    return {
        "device": DeviceCommand(switches.devices).device,
        "doctor": DoctorCommand(context.examine, report, start).doctor,
        "new": history.new,
        "history": history.history,
        "resume": history.resume,
        "save": history.save,
        "voice": speech.voice if speech else no_voice,
        "speed": speech.speed if speech else no_voice,
        "model": model.model,
        "language": LanguageCommand(policy, switches.languages).language,
    }


async def no_voice(argument: str) -> str:
    """Handle a voice command where no voice is loaded."""
    return NO_VOICE


def values(context: CommandContext) -> Values:
    """Return the lookups for the arguments of each command."""

    async def voices() -> list[Value]:
        voice = context.switches.voice
        return [Value(name) for name in voice.names()] if voice else []

    async def models() -> list[Value]:
        here = [Value(one.name, one.where) for one in (await context.choices()).models]
        sizes = await context.downloads.sizes()
        return here + [Value(name, TO_DOWNLOAD.format(size=size)) for name, size in sizes.items()]

    async def languages() -> list[Value]:
        return [Value(code) for code in ("auto", *sorted(context.switches.languages))]

    async def devices() -> list[Value]:
        return device_values(await context.switches.devices.available())

    async def earlier() -> list[Value]:
        found = await asyncio.to_thread(list_sessions, context.settings.history_file, LISTED)
        return [
            Value("last"),
            *(
                Value(str(one.id), f"{format_time(one.began_at)}  {excerpt(one.first, '', EXCERPT_CHARS)}")
                for one in found
            ),
        ]

    look_ups = {"voice": voices, "model": models, "language": languages, "device": devices, "resume": earlier}
    return Values(look_ups, context.start, CLOCK)
