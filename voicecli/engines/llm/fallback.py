"""A language model that may become unavailable: retry, answer with a fallback, and return when it is back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.select import FindGguf, Narrate, Opened, open_language_model
from voicecli.engines.llm.tool_calls import Reply, offer_to, reply_with_calls, tokens_of
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull, EngineError, VoiceCliError
from voicecli.events import Clock, ComponentChanged, Condition, Notice, Publish
from voicecli.settings.model import LlmSettings
from voicecli.types import Message, Token, ToolCall, ToolSpec

RETRY_DELAYS_S = (0.3, 0.8, 2.0)
"""Delays before the second, third and fourth attempt. A user takes a few seconds of silence for thought."""

JITTER = 0.2
"""Largest random change of a delay, as a share of it, so that the clients of a server do not retry all at once."""

SLOW_AFTER_S = 2.5
"""Time without a first token after which the user is shown that the model is slow, and not the microphone."""

FIRST_PROBE_S, MAX_PROBE_S = 1.0, 30.0
"""Delay of the first probe of an unavailable server, and the longest delay between two probes."""

OpenFallback = Callable[[], Awaitable[LanguageModel]]
"""Loads the fallback model; called until it succeeds once. Raises ModelMissing or EngineError."""

StartedReply = tuple[Reply, Token | ToolCall | None]
"""A reply that has begun, and its first part; None if the reply is empty."""


@dataclass(frozen=True, slots=True)
class StatusReporter:
    """Callbacks for the state of the language model."""

    changed: Callable[[Condition, str, str], None]  # condition, name of the model that answers now or "", one sentence
    remark: Callable[[str], None]


def status_reporter(clock: Clock, publish: Publish) -> StatusReporter:
    """Return a reporter that publishes events."""

    def changed(condition: Condition, name: str, message: str) -> None:
        publish(ComponentChanged(at_s=clock(), component="model", condition=condition, name=name, message=message))

    def remark(text: str) -> None:
        publish(Notice(at_s=clock(), text=text, passing=True))

    return StatusReporter(changed, remark)


class FallbackModel:
    """A `LanguageModel` over one that may become unavailable. The model that began an answer also ends it."""

    def __init__(
        self,
        model: LanguageModel,
        open_fallback: OpenFallback | None,
        first_token_timeout_s: float,
        reporter: StatusReporter,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.name = model.name
        self._model = self._in_use = model
        self._open_fallback = open_fallback
        self._first_token_timeout_s = first_token_timeout_s
        self._reporter = reporter
        self._tasks = tasks
        self._unavailable = False
        self._latest_messages: Sequence[Message] = ()
        self._offer: tuple[Sequence[ToolSpec], Callable[[str], None]] = ((), lambda reason: None)
        self._loading: asyncio.Task[LanguageModel | VoiceCliError] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._reported_slow = False

    async def warm(self, messages: Sequence[Message]) -> None:
        """Warm the model in use. A failure is not retried: this only prepares the next answer."""
        await self._in_use.warm(messages)

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        """Offer tools to the model, and to the fallback once it is loaded; see `CallingModel.offer`."""
        self._offer = (tools, refused)
        offer_to(self._model, tools, refused)

    def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Stream the answer as `reply_or_call` does, without tool calls."""
        return tokens_of(self.reply_or_call(messages))

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        """Stream the answer of the model or of its fallback.

        Failures before the first token are retried or covered by the fallback; later ones are raised unchanged.
        """
        self._latest_messages = messages
        slow = asyncio.get_running_loop().call_later(SLOW_AFTER_S, self._report_slow)
        try:
            reply, first = await self._start(messages)
        finally:
            if not slow.cancelled() and slow.when() > asyncio.get_running_loop().time():
                self._reported_slow = False
            slow.cancel()
        async with aclosing(reply):
            if first is not None:
                yield first
            async for token in reply:
                yield token

    async def aclose(self) -> None:
        """Close the model's connections."""
        await self._model.aclose()

    def stop(self) -> None:
        """Stop probing the server."""
        if self._probing is not None:
            self._probing.cancel()

    async def _start(self, messages: Sequence[Message]) -> StartedReply:
        if self._in_use is not self._model:
            return await _first_part(self._in_use, messages)
        try:
            started = await self._retry(messages)
        except ContextFull:
            raise
        except (BackendUnavailable, EngineError) as error:
            fallback = await self._open_fallback_once()
            if isinstance(fallback, VoiceCliError):
                message = f"The language model is unavailable: {error.message}. {fallback.message}"
                self._set_unavailable("unavailable", "", message)
                raise
            self._in_use, self.name = fallback, fallback.name
            self._set_unavailable("fallback", fallback.name, f"{error.message}. {fallback.name} answers instead")
            return await _first_part(fallback, messages)
        self._set_available()
        return started

    async def _retry(self, messages: Sequence[Message]) -> StartedReply:
        """Ask until a first token comes, for at most one first-token timeout plus all retry delays."""
        now = asyncio.get_running_loop().time
        delays_s = () if self._unavailable else RETRY_DELAYS_S
        until_s = now() + self._first_token_timeout_s + sum(delays_s)
        for delay_s in delays_s:
            try:
                return await self._try_once(messages, until_s)
            except (ContextFull, BackendRefuses):
                raise
            except (BackendUnavailable, EngineError):
                pause_s = delay_s * random.uniform(1 - JITTER, 1 + JITTER)
                if now() + pause_s >= until_s:
                    raise
            await asyncio.sleep(pause_s)
        return await self._try_once(messages, until_s)

    async def _try_once(self, messages: Sequence[Message], until_s: float) -> StartedReply:
        left_s = until_s - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(self._first_token_timeout_s, left_s)):
                return await _first_part(self._model, messages)
        except TimeoutError as error:
            hint = "Raise llm.first_token_timeout_s if it is just slow."
            raise BackendUnavailable(f"{self._model.name} did not begin to answer in time", hint=hint) from error

    async def _open_fallback_once(self) -> LanguageModel | VoiceCliError:
        """Return the fallback model, loading it once. Cancelling the caller does not cancel the load."""
        if self._open_fallback is None:
            return VoiceCliError("No fallback is configured (llm.fallback)")
        if self._loading is None:
            self._loading = self._tasks.create_task(self._load(self._open_fallback), name="fallback language model")
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
            self._reporter.changed(condition, name, f"{message}; the conversation goes on.")
            self._probing = self._tasks.create_task(self._probe(), name="probe the language model")

    def _set_available(self) -> None:
        if self._unavailable:
            self._unavailable = False
            self.stop()
            self._in_use, self.name = self._model, self._model.name
            self._reporter.changed("ok", self.name, f"{self.name} answers again.")

    async def _probe(self) -> None:
        """Warm the model with the latest question until that succeeds; then use it again."""
        wait_s = FIRST_PROBE_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, MAX_PROBE_S)
            try:
                await self._model.warm(self._latest_messages)
            except Exception:  # no response of a broken server may end the conversation
                continue
            self._set_available()
            return

    def _report_slow(self) -> None:
        if not self._reported_slow:
            self._reported_slow = True
            self._reporter.remark(f"The language model has not answered for {SLOW_AFTER_S:g} s; still waiting.")


@asynccontextmanager
async def with_fallback(
    model: LanguageModel, open_fallback: OpenFallback | None, first_token_timeout_s: float, reporter: StatusReporter
) -> AsyncIterator[FallbackModel]:
    """Run a `FallbackModel` inside the block. `open_fallback`: None for retries without a fallback."""
    async with asyncio.TaskGroup() as tasks:
        fallback_model = FallbackModel(model, open_fallback, first_token_timeout_s, reporter, tasks)
        try:
            yield fallback_model
        finally:
            fallback_model.stop()


@asynccontextmanager
async def open_with_fallback(
    settings: LlmSettings, gguf: FindGguf, narrate: Narrate, reporter: StatusReporter, *, in_subprocess: bool = False
) -> AsyncIterator[Opened]:
    """Open a model as `open_language_model` does, with retries and the fallback of `llm.fallback`.

    The embedded model needs neither: it runs on this machine.
    """
    async with AsyncExitStack() as stack:
        selected = open_language_model(settings, gguf, narrate, in_subprocess=in_subprocess)
        opened = await stack.enter_async_context(selected)
        if opened.embedded:
            yield opened
            return

        async def load_embedded() -> LanguageModel:
            embedded = settings.model_copy(update={"backend": "embedded", "model": ""})
            loaded = open_language_model(embedded, gguf, narrate, in_subprocess=True)
            return (await stack.enter_async_context(loaded)).model

        open_fallback = load_embedded if settings.fallback == "embedded" else None
        async with with_fallback(opened.model, open_fallback, settings.first_token_timeout_s, reporter) as model:
            yield replace(opened, model=model)


async def _first_part(model: LanguageModel, messages: Sequence[Message]) -> StartedReply:
    reply = reply_with_calls(model, messages)
    try:
        return reply, await anext(reply, None)
    except BaseException:
        await reply.aclose()
        raise
