"""`/model` and `/language`: who answers, and what is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol

from voicecli.engines.llm.select import AvailableModels, Opened, settings_with
from voicecli.settings.model import LlmSettings
from voicecli.slash.dispatcher import trouble_of

Changed = Callable[[str, str], None]
"""Told the new engine's name and what to say of it."""


class Models(Protocol):
    """What is used of `ModelSwitch`."""

    @property
    def opened(self) -> Opened: ...

    @property
    def settings(self) -> LlmSettings: ...

    async def switch(self, settings: LlmSettings) -> Opened: ...


class ModelCommand:
    """The handler of `/model`. A model is loaded beside the one that answers, and takes its place when it is warm."""

    def __init__(
        self,
        models: Models,
        choices: Callable[[], Awaitable[AvailableModels]],
        changed: Changed,
        tell: Callable[[str], None],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        """`choices` asks what there is."""
        self._models = models
        self._choices = choices
        self._changed = changed
        self._tell = tell
        self._start = start
        self._coming = ""

    async def model(self, argument: str) -> str:
        """Returns at once; servers are asked, and the model is loaded, meanwhile."""
        if argument and self._coming:
            return f"{self._coming} is still being loaded: one after the other."
        self._coming = self._coming or argument
        self._start(self._switch(argument) if argument else self._list())
        return ""

    async def _list(self) -> None:
        try:
            self._tell(listed(await self._choices(), self._models))
        except Exception as error:
            self._tell(trouble_of(error))

    async def _switch(self, argument: str) -> None:
        try:
            await self._take(argument)
        except Exception as error:
            self._tell(f"{trouble_of(error)} {self._models.opened.model.name} goes on answering.")
        finally:
            self._coming = ""

    async def _take(self, wanted: str) -> None:
        models = self._models
        choice = (await self._choices()).find(wanted, models.opened.backend)
        if (choice.backend, choice.name) == (models.opened.backend, models.opened.asked):
            self._tell(f"{models.opened.model.name} answers already.")
            return
        opened = await models.switch(settings_with(models.settings, choice))
        self._changed(opened.model.name, f"{opened.model.name} answers from the next question on.")


def listed(choices: AvailableModels, models: Models) -> str:
    """All of them, and where they run."""
    lines = [f"{models.opened.model.name} answers. There are:"]
    width = max((len(one.name) for one in choices.models), default=0)
    lines += [f"{one.name:<{width}}  {one.where}" for one in choices.models]
    return "\n".join([*lines, *(f"{reason}." for reason in choices.unreachable)])


class Languages(Protocol):
    """What is used of `LanguagePolicy`."""

    @property
    def wanted(self) -> str: ...

    @property
    def voice_status(self) -> str: ...

    def set_language(self, wanted: str) -> str: ...


class LanguageCommand:
    """The handler of `/language`."""

    def __init__(self, language_policy: Languages, heard: Sequence[str]) -> None:
        """`heard`: the languages that the recogniser knows, ISO 639-1."""
        self._language_policy = language_policy
        self._heard = heard

    async def language(self, argument: str) -> str:
        """Raises SettingsError where the recogniser does not know it."""
        if not argument:
            heard = ", ".join(sorted(self._heard))
            return f"The language is set to {self._language_policy.wanted}. {self._language_policy.voice_status} There are: auto, {heard}."
        return self._language_policy.set_language(argument.lower())
