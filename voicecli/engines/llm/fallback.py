"""A language model that may go away: it is asked again, something takes its place, and it is returned to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from voicecli.engines.base import CallingModel, LanguageModel
from voicecli.engines.llm.tool_calls import offer_to, without_calls
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull, EngineError, VoiceCliError
from voicecli.events import Condition
from voicecli.types import Message, Token, ToolCall, ToolSpec

RETRY_DELAYS_S = (0.3, 0.8, 2.0)
"""Before the second, third and fourth try. Who has asked aloud takes a few seconds of silence for thought."""

JITTER = 0.2
"""Each wait is longer or shorter by up to this share, so that the clients of a server do not come back at once."""

SLOW_AFTER_S = 2.5
"""Without a first token for so long, the user is told that it is not the microphone."""

FIRST_PROBE_S, MAX_PROBE_S = 1.0, 30.0
"""How long after it went away a server is looked for, and the most that lies between two looks."""

OpenFallback = Callable[[], Awaitable[LanguageModel]]
"""Loads what takes the place; called until it has come once. Raises ModelMissing or EngineError."""


Reply = AsyncGenerator[Token | ToolCall, None] | AsyncGenerator[Token, None]

StartedReply = tuple[Reply, Token | ToolCall | None]
"""An answer that has begun, and its first part; None where it is empty."""


@dataclass(frozen=True, slots=True)
class StatusReporter:
    """Who hears of it."""

    changed: Callable[[Condition, str, str], None]  # condition, the name of what answers now or "", one sentence
    remark: Callable[[str], None]


class FallbackModel:
    """A `LanguageModel` over one that may go away. A question stays with the model that began to answer it."""

    def __init__(
        self,
        model: LanguageModel,
        open_fallback: OpenFallback | None,
        first_token_timeout_s: float,
        tell: StatusReporter,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.name = model.name
        self._model = self._in_use = model
        self._open_fallback = open_fallback
        self._first_token_timeout_s = first_token_timeout_s
        self._report = tell
        self._tasks = tasks
        self._unavailable = False
        self._latest_messages: Sequence[Message] = ()
        self._offer: tuple[Sequence[ToolSpec], Callable[[str], None]] = ((), lambda reason: None)
        self._loading: asyncio.Task[LanguageModel | VoiceCliError] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._reported_slow = False

    async def warm(self, messages: Sequence[Message]) -> None:
        """As the model in use does. It is not tried again: this is only preparation."""
        await self._in_use.warm(messages)

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        """Whoever answers is told of them; as `CallingModel` has it."""
        self._offer = (tools, refused)
        offer_to(self._model, tools, refused)

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """As `reply_or_call`, where no tools were offered."""
        async with aclosing(self.reply_or_call(messages)) as parts:
            async for part in parts:
                if isinstance(part, Token):
                    yield part

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        """Stream the answer of the model, or of what takes its place.

        Until the first token a failure is made good; after it, it is raised as the model raises it.
        """
        self._latest_messages = messages
        remark = asyncio.get_running_loop().call_later(SLOW_AFTER_S, self._remark_slow)
        try:
            reply, first = await self._start(messages)
        finally:
            if not remark.cancelled() and remark.when() > asyncio.get_running_loop().time():
                self._reported_slow = False
            remark.cancel()
        async with aclosing(reply):
            if first is not None:
                yield first
            async for token in reply:
                yield token

    async def aclose(self) -> None:
        """Give connections back."""
        await self._model.aclose()

    def stop(self) -> None:
        """No more is asked; the server is not looked for any longer."""
        if self._probing is not None:
            self._probing.cancel()

    async def _start(self, messages: Sequence[Message]) -> StartedReply:
        if self._in_use is not self._model:
            return await _first_of(self._in_use, messages)
        try:
            begun = await self._retry(messages)
        except ContextFull:
            raise
        except (BackendUnavailable, EngineError) as error:
            fallback = await self._open_fallback_once()
            if isinstance(fallback, VoiceCliError):
                self._set_unavailable(
                    "unavailable", "", f"The language model is gone: {error.message}. {fallback.message}"
                )
                raise
            self._in_use, self.name = fallback, fallback.name
            self._set_unavailable("fallback", fallback.name, f"{error.message}. {fallback.name} answers in its place")
            return await _first_of(fallback, messages)
        self._set_available()
        return begun

    async def _retry(self, messages: Sequence[Message]) -> StartedReply:
        """Ask until a first token comes, for as long as one late token and all waits take together."""
        now = asyncio.get_running_loop().time
        waits_s = () if self._unavailable else RETRY_DELAYS_S
        until_s = now() + self._first_token_timeout_s + sum(waits_s)
        for wait_s in waits_s:
            try:
                return await self._try_once(messages, until_s)
            except (ContextFull, BackendRefuses):
                raise
            except (BackendUnavailable, EngineError):
                pause_s = wait_s * random.uniform(1 - JITTER, 1 + JITTER)
                if now() + pause_s >= until_s:
                    raise
            await asyncio.sleep(pause_s)
        return await self._try_once(messages, until_s)

    async def _try_once(self, messages: Sequence[Message], until_s: float) -> StartedReply:
        left_s = until_s - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(self._first_token_timeout_s, left_s)):
                return await _first_of(self._model, messages)
        except TimeoutError as error:
            hint = "Raise llm.first_token_timeout_s if it is just slow."
            raise BackendUnavailable(f"{self._model.name} did not begin to answer in time", hint=hint) from error

    async def _open_fallback_once(self) -> LanguageModel | VoiceCliError:
        """What takes the place. Whoever asks may be cancelled; loading goes on."""
        if self._open_fallback is None:
            return VoiceCliError("Nothing may take its place (llm.fallback)")
        if self._loading is None:
            self._loading = self._tasks.create_task(self._load(self._open_fallback), name="spare language model")
        loaded = await asyncio.shield(self._loading)
        if isinstance(loaded, VoiceCliError):
            self._loading = None  # its file may be there next time
        return loaded

    async def _load(self, open_fallback: OpenFallback) -> LanguageModel | VoiceCliError:
        try:
            loaded = await open_fallback()
        except VoiceCliError as error:
            return error
        offer_to(loaded, *self._offer)
        return loaded

    def _set_unavailable(self, condition: Condition, name: str, message: str) -> None:
        if not self._unavailable:
            self._unavailable = True
            self._report.changed(condition, name, f"{message}; the conversation goes on.")
            self._probing = self._tasks.create_task(self._probe(), name="look for the language model")

    def _set_available(self) -> None:
        if self._unavailable:
            self._unavailable = False
            self.stop()
            self._in_use, self.name = self._model, self._model.name
            self._report.changed("ok", self.name, f"{self.name} answers again.")

    async def _probe(self) -> None:
        """Until it answers. Then it has read the conversation, and is asked next."""
        wait_s = FIRST_PROBE_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, MAX_PROBE_S)
            try:
                await self._model.warm(self._latest_messages)
            except Exception:  # whatever a broken server sends, looking for it ends no conversation
                continue
            self._set_available()
            return

    def _remark_slow(self) -> None:
        if not self._reported_slow:
            self._reported_slow = True
            self._report.remark(f"No word from the language model after {SLOW_AFTER_S:g} s: it is still waited for.")


@asynccontextmanager
async def with_fallback(
    model: LanguageModel, open_fallback: OpenFallback | None, first_token_timeout_s: float, tell: StatusReporter
) -> AsyncIterator[FallbackModel]:
    """`open_fallback`: None where nothing may take the model's place."""
    async with asyncio.TaskGroup() as tasks:
        steady = FallbackModel(model, open_fallback, first_token_timeout_s, tell, tasks)
        try:
            yield steady
        finally:
            steady.stop()


async def _first_of(model: LanguageModel, messages: Sequence[Message]) -> StartedReply:
    reply: Reply
    reply = model.reply_or_call(messages) if isinstance(model, CallingModel) else model.reply(without_calls(messages))
    try:
        return reply, await anext(reply, None)
    except BaseException:
        await reply.aclose()
        raise
