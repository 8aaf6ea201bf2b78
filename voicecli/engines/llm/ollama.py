"""Language models of Ollama, by its native API: its OpenAI endpoint lacks keep_alive, think and num_ctx."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx
import ollama

from voicecli.engines.llm.sampling import penalty_field
from voicecli.engines.llm.tool_calls import as_function, parse_arguments, tokens_of, without_calls
from voicecli.errors import BackendRefuses, BackendUnavailable, EngineError
from voicecli.types import Message, Token, ToolCall, ToolSpec

if TYPE_CHECKING:
    from voicecli.settings.model import LlmSettings

CONNECT_TIMEOUT_S = 3.0

LOAD_TIMEOUT_S = 300.0
"""Longest wait for a model to load: Ollama's own OLLAMA_LOAD_TIMEOUT gives up after five minutes."""


def connect(url: str, *, use_proxy: bool) -> ollama.AsyncClient:
    """Return a client for the Ollama at `url`; nothing is sent yet. Its read timeout allows for loading a model."""
    timeout = httpx.Timeout(LOAD_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    return ollama.AsyncClient(host=url, timeout=timeout, trust_env=use_proxy)


async def pull(client: ollama.AsyncClient, model: str, on_bytes: Callable[[int, int | None], None]) -> None:
    """Let Ollama download a model; what it has of it already is kept.

    `on_bytes` gets what is there of the largest layer and its size. Raise BackendUnavailable if Ollama fails.
    """
    most = 0
    try:
        async for part in await client.pull(model, stream=True):
            if part.total and part.total >= most:
                most = part.total
                on_bytes(part.completed or 0, most)
    except (ConnectionError, httpx.TransportError) as error:
        raise BackendUnavailable("Ollama went away during the download", "Start it again, and repeat.") from error
    except ollama.ResponseError as error:
        hint = "Check the name at ollama.com/library, and the network."
        raise BackendUnavailable(f"Ollama cannot get {model}: {error.error}", hint=hint) from error


class OllamaChat:
    """A `LanguageModel` on an open client, which it closes."""

    def __init__(self, client: ollama.AsyncClient, model: str, where: str, settings: LlmSettings) -> None:
        self.name = f"{model} (Ollama)"
        self._client = client
        self._settings = settings
        self._model = model
        self._where = where
        self._tools: list[dict[str, Any]] = []
        self._refused: Callable[[str], None] = lambda reason: None
        self._calls_made = 0

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        """See `CallingModel.offer`."""
        self._tools = [as_function(tool) for tool in tools]
        self._refused = refused

    async def warm(self, messages: Sequence[Message]) -> None:
        """Load the weights and read the prompt; an empty request would only load the weights."""
        async with aclosing(self._parts(messages, 1, LOAD_TIMEOUT_S)) as parts:
            async for _ in parts:
                pass

    def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Stream the answer without the reasoning that some models always produce."""
        return tokens_of(self.reply_or_call(messages))

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        """Stream the answer and the calls, which Ollama sends whole and without ids."""
        parts = self._parts(messages, self._settings.max_answer_tokens, self._settings.timeout_s)
        async with aclosing(parts):
            async for part in parts:
                if text := part.message.content:
                    yield Token(text)
                if part.done_reason == "length":
                    yield Token("", at_limit=True)
                for call in part.message.tool_calls or ():
                    self._calls_made += 1
                    arguments = json.dumps(dict(call.function.arguments), ensure_ascii=False)
                    yield ToolCall(f"call_{self._calls_made}", call.function.name, arguments)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]  # the library has no type for it

    async def _parts(
        self, messages: Sequence[Message], num_predict: int, timeout_s: float
    ) -> AsyncGenerator[ollama.ChatResponse, None]:
        """Stream Ollama's parts, each within `timeout_s`. If the model refuses tools, ask again without them."""
        with self._as_our_errors():
            try:
                async with aclosing(self._timed_parts(messages, num_predict, timeout_s)) as parts:
                    async for part in parts:
                        yield part
                return
            except ollama.ResponseError as error:
                if not self._tools or error.status_code != 400 or "tools" not in error.error:
                    raise
                self._tools = []
                self._refused(f"Ollama's {self._model} does not accept tools: {error.error}")
            async with aclosing(self._timed_parts(messages, num_predict, timeout_s)) as parts:
                async for part in parts:
                    yield part

    async def _timed_parts(
        self, messages: Sequence[Message], num_predict: int, timeout_s: float
    ) -> AsyncGenerator[ollama.ChatResponse, None]:
        async with aclosing(await self._chat(messages, num_predict)) as stream:
            while True:
                async with asyncio.timeout(timeout_s):
                    part = await anext(stream, None)
                if part is None:
                    return
                yield part

    async def _chat(self, messages: Sequence[Message], num_predict: int) -> AsyncGenerator[ollama.ChatResponse, None]:
        """Begin a request.

        `num_ctx` never changes, because Ollama would reload the model for another value. `think=False` is safe for
        models that cannot think: Ollama checks the capability only for `think=True`.
        """
        stream: AsyncIterator[ollama.ChatResponse] = await self._client.chat(
            model=self._model,
            messages=[_as_param(message) for message in (messages if self._tools else without_calls(messages))],
            tools=self._tools or None,
            stream=True,
            think=False,
            keep_alive=self._settings.keep_alive,
            options={
                "num_ctx": self._settings.context_tokens,
                "num_predict": num_predict,
                "temperature": self._settings.temperature,
                **penalty_field(self._settings),
                **({"seed": self._settings.seed} if self._settings.seed >= 0 else {}),
            },
        )
        return cast("AsyncGenerator[ollama.ChatResponse, None]", stream)

    @contextmanager
    def _as_our_errors(self) -> Iterator[None]:
        """Turn the client's exceptions into ours."""
        try:
            yield
        except TimeoutError as error:
            hint = "Raise llm.timeout_s if the machine is just slow."
            raise BackendUnavailable(f"Ollama on {self._where} did not answer in time", hint=hint) from error
        except (ConnectionError, httpx.TransportError) as error:
            raise _unreachable(self._where) from error
        except ollama.ResponseError as error:
            if error.status_code == 404:
                hint = f"ollama pull {self._model}, or name another with --model."
                raise BackendRefuses(f"Ollama has no model {self._model}", hint=hint) from error
            raise EngineError(f"Ollama failed: {error.error}", hint="See Ollama's log.") from error
        except ValueError as error:  # a line that is not JSON, or not a part of a chat
            raise EngineError(f"The server on {self._where} is not Ollama: {error}") from error


def _unreachable(where: str) -> BackendUnavailable:
    hint = "Start it with `ollama serve`, or choose another language model with --llm."
    return BackendUnavailable(f"Ollama does not answer on {where}", hint=hint)


def _as_param(message: Message) -> dict[str, Any]:
    """Return a message for Ollama, which matches results to calls by tool name and takes arguments as an object."""
    param: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        param["tool_calls"] = [
            {"function": {"name": call.name, "arguments": parse_arguments(call.arguments)}} for call in message.calls
        ]
    if message.answers is not None:
        param["tool_name"] = message.answers.name
    return param
