"""Change the language model during a conversation: load and warm the new one while the old one goes on answering."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.select import Opened
from voicecli.engines.llm.tool_calls import offer_to, reply_with_calls
from voicecli.errors import first_of
from voicecli.settings.model import LlmSettings
from voicecli.turns.activity import IdleChanges
from voicecli.types import Message, Token, ToolCall, ToolSpec


class ModelInUse:
    """A language model that counts its calls under way."""

    def __init__(self, model: LanguageModel, *, keeps_prefix: bool) -> None:
        self.model = model
        self.keeps_prefix = keeps_prefix
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def call(self) -> Iterator[LanguageModel]:
        """Return the model and count it as busy inside the block."""
        self._calls += 1
        self._idle.clear()
        try:
            yield self.model
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until no call is under way. A model that was replaced gets no new calls."""
        await self._idle.wait()


class SwitchableModel:
    """A `LanguageModel` that can be replaced while in use. The model that began an answer also ends it."""

    def __init__(self, model: LanguageModel, *, keeps_prefix: bool) -> None:
        """`keeps_prefix`: a prompt that is sent ahead saves time later."""
        self.name = model.name
        self._in_use = ModelInUse(model, keeps_prefix=keeps_prefix)

    def switch_to(self, model: LanguageModel, *, keeps_prefix: bool) -> ModelInUse:
        """Use `model` from the next call on. Return the previous one, which may still be answering."""
        before, self._in_use = self._in_use, ModelInUse(model, keeps_prefix=keeps_prefix)
        self.name = model.name
        return before

    async def warm(self, messages: Sequence[Message]) -> None:
        """Warm the model, unless it would have to read the prompt twice."""
        if self._in_use.keeps_prefix:
            with self._in_use.call() as model:
                await model.warm(messages)

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Stream the model's answer."""
        with self._in_use.call() as model:
            async with aclosing(model.reply(messages)) as tokens:
                async for token in tokens:
                    yield token

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        """Offer tools to the model in use. Offer them to another model before switching to it."""
        offer_to(self._in_use.model, tools, refused)

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        """Stream the model's answer and tool calls; only the answer of a model without tools."""
        with self._in_use.call() as model:
            async with aclosing(reply_with_calls(model, messages)) as parts:
                async for part in parts:
                    yield part

    async def aclose(self) -> None:
        """Do nothing: `ModelSwitch` closes the models that it opened."""


OpenSelected = Callable[[LlmSettings], AbstractAsyncContextManager[Opened]]
"""Opens the model that the settings choose."""


@dataclass(eq=False)
class OpenModel:
    """A model that stays open until `release` is set."""

    settings: LlmSettings
    opened: asyncio.Future[Opened]
    release: asyncio.Event = field(default_factory=asyncio.Event)


class ModelSwitch:
    """Opens, replaces and closes the models of a conversation.

    Each model has a task of its own, because a context has to be left by the task that entered it.
    """

    def __init__(
        self,
        open_model: OpenSelected,
        prepare: Callable[[Opened], Awaitable[None]],
        idle_changes: IdleChanges,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """`prepare` warms a model before its first question."""
        self._open = open_model
        self._prepare = prepare
        self._idle_changes = idle_changes
        self._tasks = tasks
        self._models: list[OpenModel] = []

    @property
    def settings(self) -> LlmSettings:
        """Settings of the newest model."""
        return self._models[-1].settings

    @property
    def opened(self) -> Opened:
        """The newest model."""
        return self._models[-1].opened.result()

    @property
    def has_begun(self) -> bool:
        """Whether a model has been opened."""
        return bool(self._models)

    async def begin(self, settings: LlmSettings) -> Opened:
        """Open and warm the first model. Raise what opening it raises."""
        self._models.append(await self._open_in_task(settings))
        self.model = SwitchableModel(self.opened.model, keeps_prefix=self.opened.keeps_prefix)
        return self.opened

    async def switch(self, settings: LlmSettings) -> Opened:
        """Open and warm another model; it answers from the next turn on, and then the previous one is closed.

        Raise what opening it raises; the previous model then stays in use.
        """
        new = await self._open_in_task(settings)
        self._models.append(new)
        self._idle_changes.apply_when_idle(lambda: self._switch_to(new))
        return new.opened.result()

    def close(self) -> None:
        """Close all models."""
        for model in self._models:
            model.release.set()

    def _switch_to(self, new: OpenModel) -> None:
        opened = new.opened.result()
        before = self.model.switch_to(opened.model, keeps_prefix=opened.keeps_prefix)
        old = self._models[self._models.index(new) - 1]
        self._tasks.create_task(self._release(old, before), name="release a language model")

    async def _release(self, old: OpenModel, in_use: ModelInUse) -> None:
        await in_use.idle()
        old.release.set()
        self._models.remove(old)

    async def _open_in_task(self, settings: LlmSettings) -> OpenModel:
        model = OpenModel(settings, asyncio.get_running_loop().create_future())
        task = self._tasks.create_task(self._keep_open(model), name="language model")
        try:
            await model.opened
        except asyncio.CancelledError:  # nobody waits for the model any longer
            task.cancel()
            raise
        return model

    async def _keep_open(self, model: OpenModel) -> None:
        """Raise errors of opening to the caller through `opened`; ignore errors of closing."""
        try:
            async with self._open(model.settings) as opened:
                await self._prepare(opened)
                model.opened.set_result(opened)
                await model.release.wait()
        except Exception as error:
            if not model.opened.done():
                model.opened.set_exception(first_of(error) if isinstance(error, ExceptionGroup) else error)
            elif not model.release.is_set():
                raise


@asynccontextmanager
async def model_switch(
    open_model: OpenSelected, prepare: Callable[[Opened], Awaitable[None]], idle_changes: IdleChanges
) -> AsyncIterator[ModelSwitch]:
    """Run a `ModelSwitch` inside the block; close all models at its end."""
    async with asyncio.TaskGroup() as tasks:
        switch = ModelSwitch(open_model, prepare, idle_changes, tasks)
        try:
            yield switch
        finally:
            switch.close()
