"""Another language model: it is loaded while the one in use goes on answering, and taken when it is warm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from voicecli.engines.llm.select import Opened
from voicecli.engines.llm.switchable import ModelInUse, SwitchableModel
from voicecli.errors import first_of
from voicecli.settings.model import LlmSettings
from voicecli.turns.idle_changes import IdleChanges

Open = Callable[[LlmSettings], AbstractAsyncContextManager[Opened]]


@dataclass(eq=False)
class OpenModel:
    """A model that is open, until `leave`."""

    settings: LlmSettings
    opened: asyncio.Future[Opened]
    leave: asyncio.Event = field(default_factory=asyncio.Event)


class ModelSwitch:
    """Each model is held by a task of its own: what it opens has to be closed where it was opened."""

    def __init__(
        self,
        open_model: Open,
        prepare: Callable[[Opened], Awaitable[None]],
        rest: IdleChanges,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """`prepare` warms a model before it is taken."""
        self._open = open_model
        self._prepare = prepare
        self._rest = rest
        self._tasks = tasks
        self._held: list[OpenModel] = []

    @property
    def settings(self) -> LlmSettings:
        """Those of the model that was taken last."""
        return self._held[-1].settings

    @property
    def opened(self) -> Opened:
        """The model that was taken last."""
        return self._held[-1].opened.result()

    @property
    def has_begun(self) -> bool:
        """Whether there is one."""
        return bool(self._held)

    async def begin(self, settings: LlmSettings) -> Opened:
        """Open and warm the first. Raises what opening it raises."""
        self._held.append(await self._open_in_task(settings))
        self.model = SwitchableModel(self.opened.model, keeps_prefix=self.opened.keeps_prefix)
        return self.opened

    async def switch(self, settings: LlmSettings) -> Opened:
        """Open and warm another; it answers from the next turn on, and then the one before is closed.

        Raises what opening it raises; then all stays as it is.
        """
        held = await self._open_in_task(settings)
        self._held.append(held)
        self._rest.apply_when_idle(lambda: self._switch_to(held))
        return held.opened.result()

    def close(self) -> None:
        """All of them."""
        for held in self._held:
            held.leave.set()

    def _switch_to(self, held: OpenModel) -> None:
        opened = held.opened.result()
        before = self.model.switch_to(opened.model, keeps_prefix=opened.keeps_prefix)
        old = self._held[self._held.index(held) - 1]
        self._tasks.create_task(self._release(old, before), name="let a language model go")

    async def _release(self, held: OpenModel, before: ModelInUse) -> None:
        await before.idle()
        held.leave.set()
        self._held.remove(held)

    async def _open_in_task(self, settings: LlmSettings) -> OpenModel:
        held = OpenModel(settings, asyncio.get_running_loop().create_future())
        keeping = self._tasks.create_task(self._keep_open(held), name="language model")
        try:
            await held.opened
        except asyncio.CancelledError:  # whoever asked for it has gone
            keeping.cancel()
            raise
        return held

    async def _keep_open(self, held: OpenModel) -> None:
        """Its failure is that of whoever asked for it; one in closing is nobody's."""
        try:
            async with self._open(held.settings) as opened:
                await self._prepare(opened)
                held.opened.set_result(opened)
                await held.leave.wait()
        except Exception as error:
            if not held.opened.done():
                held.opened.set_exception(first_of(error) if isinstance(error, ExceptionGroup) else error)
            elif not held.leave.is_set():
                raise


@asynccontextmanager
async def model_switch(
    open_model: Open, prepare: Callable[[Opened], Awaitable[None]], rest: IdleChanges
) -> AsyncIterator[ModelSwitch]:
    """What is open at the end is closed."""
    async with asyncio.TaskGroup() as tasks:
        switch = ModelSwitch(open_model, prepare, rest, tasks)
        try:
            yield switch
        finally:
            switch.close()
