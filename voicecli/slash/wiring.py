"""The commands of one conversation, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicecli.assemble.devices import CLOCK
from voicecli.assemble.engines import Switches
from voicecli.conversation.conversation import Conversation
from voicecli.doctor.examination import Examination, Request
from voicecli.doctor.finding import Group
from voicecli.engines.llm.available import Choices, language_models
from voicecli.events import Component, ComponentChanged, Notice, Publish
from voicecli.history.finding import excerpt
from voicecli.history.log import ConversationLog, SessionLog
from voicecli.history.writer import utc_now
from voicecli.models.store import conversation_models, installed_models, open_store
from voicecli.settings.model import Settings
from voicecli.slash.complete import Value
from voicecli.slash.devices import DeviceCommand, device_values
from voicecli.slash.dispatcher import Handler
from voicecli.slash.doctor import DoctorCommand
from voicecli.slash.engines import LanguageCommand, ModelCommand
from voicecli.slash.history import CHARACTERS, LISTED, HistoryCommands, sessions, when
from voicecli.slash.speech import NO_VOICE, Speech
from voicecli.slash.values import Values

Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What commands work on, and how they are heard of."""

    settings: Settings
    conversation: Conversation
    switches: Switches
    record: ConversationLog
    show: Publish
    start: Start

    def tell(self, text: str) -> None:
        """A remark in the conversation; nothing where there is nothing to say."""
        if text:
            self.show(Notice(at_s=CLOCK(), text=text))

    def changed(self, part: Component) -> Callable[[str, str], None]:
        """How a part is told to be another one."""

        def tell(name: str, message: str) -> None:
            self.show(ComponentChanged(at_s=CLOCK(), component=part, condition="ok", name=name, message=message))

        return tell

    async def choices(self) -> Choices:
        """Of language models."""
        store = open_store(self.settings)
        return await language_models(self.settings.llm, await asyncio.to_thread(installed_models, store, "llm"))

    def examine(self) -> list[Group]:
        """What `voicecli doctor` finds without opening a sound device or hashing a model. Blocks for seconds."""
        settings = self.settings.model_copy(update={"llm": self.switches.model.settings})
        request = Request(settings, conversation_models(settings), {}, aloud=False, quick=True)
        return list(Examination(request).run(lambda doing: None))


def handlers(given: CommandContext) -> dict[str, Handler]:
    """Of each command that needs what is loaded by now."""
    switches = given.switches
    speech = Speech(switches.voice, switches.language_policy, given.changed("voice")) if switches.voice else None
    model = ModelCommand(given.switches.model, given.choices, given.changed("model"), given.tell, given.start)
    kept = HistoryCommands(
        given.settings.history_file,
        isinstance(given.record, SessionLog),
        given.conversation,
        given.record,
        utc_now,
        Path.cwd(),
    )
    return {
        "device": DeviceCommand(given.switches.devices).device,
        "doctor": DoctorCommand(given.examine, given.tell, given.start).doctor,
        "new": kept.new,
        "history": kept.history,
        "resume": kept.resume,
        "save": kept.save,
        "voice": speech.voice if speech else written,
        "speed": speech.speed if speech else written,
        "model": model.model,
        "language": LanguageCommand(switches.language_policy, switches.languages).language,
    }


async def written(argument: str) -> str:
    """In place of a command for a voice."""
    return NO_VOICE


def values(given: CommandContext) -> Values:
    """What may follow each command."""

    async def voices() -> list[Value]:
        voice = given.switches.voice
        return [Value(name) for name in voice.names()] if voice else []

    async def models() -> list[Value]:
        return [Value(one.name, one.where) for one in (await given.choices()).models]

    async def languages() -> list[Value]:
        return [Value(code) for code in ("auto", *sorted(given.switches.languages))]

    async def devices() -> list[Value]:
        return device_values(await given.switches.devices.seen())

    async def earlier() -> list[Value]:
        kept = await asyncio.to_thread(sessions, given.settings.history_file, LISTED)
        return [
            Value("last"),
            *(Value(str(one.id), f"{when(one.began_at)}  {excerpt(one.first, '', CHARACTERS)}") for one in kept),
        ]

    look_ups = {"voice": voices, "model": models, "language": languages, "device": devices, "resume": earlier}
    return Values(look_ups, given.start, CLOCK)
