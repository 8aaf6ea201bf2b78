"""A language model that can be exchanged while it is in use: calls go to the one that was taken last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager

from voicecli.engines.base import CallingModel, LanguageModel
from voicecli.engines.llm.tool_calls import offer_to, without_calls
from voicecli.types import Message, Token, ToolCall, ToolSpec


class ModelInUse:
    """A language model, and how many calls of it are under way."""

    def __init__(self, model: LanguageModel, *, keeps_prefix: bool) -> None:
        self.model = model
        self.keeps_prefix = keeps_prefix
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def call(self) -> Iterator[LanguageModel]:
        """The model, which is in use inside."""
        self._calls += 1
        self._idle.clear()
        try:
            yield self.model
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def idle(self) -> None:
        """When no call is under way; of one that was taken out of use none begins any more."""
        await self._idle.wait()


class SwitchableModel:
    """A `LanguageModel`. An answer that has been begun is ended by the model that began it."""

    def __init__(self, model: LanguageModel, *, keeps_prefix: bool) -> None:
        """`keeps_prefix`: what is sent ahead is worth it."""
        self.name = model.name
        self._in_use = ModelInUse(model, keeps_prefix=keeps_prefix)

    def switch_to(self, model: LanguageModel, *, keeps_prefix: bool) -> ModelInUse:
        """Ask this one from the next call on; returns the one before, which may be in the middle of some."""
        before, self._in_use = self._in_use, ModelInUse(model, keeps_prefix=keeps_prefix)
        self.name = model.name
        return before

    async def warm(self, messages: Sequence[Message]) -> None:
        """As the model does; nothing, where it would read the prompt twice for that."""
        if self._in_use.keeps_prefix:
            with self._in_use.call() as model:
                await model.warm(messages)

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """As the model does."""
        with self._in_use.call() as model:
            async with aclosing(model.reply(messages)) as tokens:
                async for token in tokens:
                    yield token

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        """The model in use is told. Another one is to be told of tools before it is taken."""
        offer_to(self._in_use.model, tools, refused)

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        """As the model does; of one that knows no tools, as it replies."""
        with self._in_use.call() as model:
            parts: AsyncGenerator[Token | ToolCall, None] | AsyncGenerator[Token, None]
            if isinstance(model, CallingModel):
                parts = model.reply_or_call(messages)
            else:
                parts = model.reply(without_calls(messages))
            async with aclosing(parts):
                async for part in parts:
                    yield part

    async def aclose(self) -> None:
        """Whoever opened the models closes them."""
