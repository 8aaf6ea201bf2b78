"""Any server that speaks OpenAI's chat protocol: SGLang, vLLM, llama.cpp, LM Studio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import openai

from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull, EngineError, VoiceCliError
from voicecli.types import Message, Token

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk

    from voicecli.settings import LlmSettings

CONNECT_TIMEOUT_S = 3.0
"""A server that takes longer to accept a connection is not one to talk to."""

NO_THINKING: Mapping[str, object] = {"chat_template_kwargs": {"enable_thinking": False}}
"""Asks SGLang, vLLM and llama.cpp for an answer without a chain of thought before it."""

OVERFLOW_CODES = frozenset({"exceed_context_size_error", "context_length_exceeded"})
"""How llama.cpp and OpenAI call a conversation that is longer than the model's context."""


def connect(url: str, api_key: str, timeout_s: float, *, use_proxy: bool) -> openai.AsyncOpenAI:
    """A client for the server at `url`; nothing is sent yet.

    Every request has its own connection. A turn comes every few seconds and servers on cpp-httplib or uvicorn close a
    connection after five idle ones, so little would be kept; and llama.cpp drops a connection now and then in the
    moment it is used again: 10 of 120 requests failed, none on fresh connections (xllamacpp 2026.10).
    """
    return openai.AsyncOpenAI(
        base_url=url,
        api_key=api_key or "none",  # servers without keys ignore it, the client insists on one
        timeout=openai.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        max_retries=0,
        default_headers={"Connection": "close"},
        http_client=openai.DefaultAsyncHttpxClient(trust_env=use_proxy),
    )


@dataclass(frozen=True, slots=True)
class Served:
    """A model of a server."""

    name: str
    context_tokens: int = 0  # that it can hold; 0: the server does not say


async def served_model(client: openai.AsyncOpenAI, wanted: str, where: str) -> Served:
    """The model to ask for: `wanted`, or else the server's first.

    Raises BackendUnavailable when the server does not answer, refuses the key or serves no model.
    """
    found = await served_models(client, wanted, where)
    if wanted:
        return next((served for served in found if served.name == wanted), Served(wanted))
    if not found:
        raise BackendUnavailable(f"{where} lists no model", hint="Name one with llm.model.")
    return found[0]


async def served_models(client: openai.AsyncOpenAI, wanted: str, where: str) -> list[Served]:
    """Those that the server lists. Raises BackendUnavailable when it does not answer or refuses the key."""
    with explained(where, wanted):
        try:
            listed = (await client.models.list(timeout=CONNECT_TIMEOUT_S)).data or []
        except openai.NotFoundError:
            listed = []  # a server without a list may still know the model that was asked for
    return [Served(model.id, _context_of(model)) for model in listed]


def _context_of(model: openai.types.Model) -> int:
    """What vLLM and SGLang add to OpenAI's model card."""
    tokens = (model.model_extra or {}).get("max_model_len")
    return tokens if isinstance(tokens, int) else 0


class OpenAiChat:
    """A `LanguageModel` on an open client, which it closes."""

    def __init__(
        self, client: openai.AsyncOpenAI, model: str, where: str, settings: LlmSettings, name: str = ""
    ) -> None:
        self.name = name or f"{model} ({where})"
        self._client = client
        self._model = model
        self._where = where
        self._settings = settings
        self._extra = NO_THINKING

    async def warm(self, messages: Sequence[Message]) -> None:
        """Have the server read the prompt: one token is asked for, so that its prefix cache holds the rest.

        Hangs up at the first sign of it: a server that writes on regardless would keep the next question waiting.
        """
        with explained(self._where, self._model):
            async with await self._request(messages, max_tokens=1) as chunks:
                await anext(aiter(chunks), None)

    async def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Stream the answer; reasoning is left out."""
        with explained(self._where, self._model):
            async with await self._request(messages, self._settings.max_answer_tokens) as chunks:
                async for chunk in chunks:
                    if chunk.choices and (text := chunk.choices[0].delta.content):
                        yield Token(text)

    async def aclose(self) -> None:
        """Give connections back."""
        await self._client.close()

    async def _request(self, messages: Sequence[Message], max_tokens: int) -> openai.AsyncStream[ChatCompletionChunk]:
        """Start a stream. A strict server refuses fields that OpenAI does not define: then it is asked without them."""
        try:
            return await self._create(messages, max_tokens, self._extra)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as refusal:
            if not self._extra or is_overflow(refusal):
                raise
        stream = await self._create(messages, max_tokens, {})
        self._extra = {}
        return stream

    async def _create(
        self, messages: Sequence[Message], max_tokens: int, extra: Mapping[str, object]
    ) -> openai.AsyncStream[ChatCompletionChunk]:
        return await self._client.chat.completions.create(
            model=self._model,
            messages=[_as_param(message) for message in messages],
            max_tokens=max_tokens,
            temperature=self._settings.temperature,
            seed=self._settings.seed if self._settings.seed >= 0 else openai.omit,
            stream=True,
            extra_body=dict(extra),
        )


def _as_param(message: Message) -> openai.types.chat.ChatCompletionMessageParam:
    match message.role:
        case "system":
            return {"role": "system", "content": message.text}
        case "user":
            return {"role": "user", "content": message.text}
        case "assistant":
            return {"role": "assistant", "content": message.text}


def is_overflow(refusal: openai.APIStatusError) -> bool:
    """Whether the server says that the conversation is longer than its context."""
    return bool({refusal.code, refusal.type} & OVERFLOW_CODES) or "context length" in refusal.message.lower()


@contextmanager
def explained(where: str, model: str) -> Iterator[None]:
    """Turn the client's exceptions into ours."""
    try:
        yield
    except openai.OpenAIError as error:
        raise _explain(error, where, model) from error


def _explain(error: openai.OpenAIError, where: str, model: str) -> VoiceCliError:
    """What it means for the user. What a server says about a refused key may repeat the key, so it is not shown."""
    start = "Start the server, or choose another language model with --llm."
    match error:
        case openai.APITimeoutError():
            return BackendUnavailable(f"{where} did not answer in time", hint="Raise llm.timeout_s if it is just slow.")
        case openai.APIConnectionError():
            return BackendUnavailable(f"{where} does not answer", hint=start)
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return BackendRefuses(f"{where} refuses the API key", hint="Set llm.api_key.")
        case openai.NotFoundError():
            hint = "Set llm.model to one that it serves, and check the path in llm.url (often /v1)."
            return BackendRefuses(f"{where} has no model {model}", hint=hint)
        case openai.APIStatusError() if is_overflow(error):
            hint = "Start a new conversation, or raise llm.context_tokens (embedded) or the server's context."
            return ContextFull(f"The conversation is longer than the context of {model}", hint=hint)
        case openai.APIStatusError(status_code=503):
            return BackendUnavailable(
                f"{where} is not ready: {error.message}", hint="Wait until it has loaded the model."
            )
        case openai.APIError():
            return EngineError(f"{where} failed: {error.message}", hint="Its own log says more.")
        case _:
            return EngineError(f"{where} failed: {error}", hint="Its own log says more.")
