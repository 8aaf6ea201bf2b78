"""Language models of servers with OpenAI's chat protocol: SGLang, vLLM, llama.cpp, LM Studio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import openai

from voicecli.engines.llm.model_names import unknown_model
from voicecli.engines.llm.offers import Offer, Server, served_offers
from voicecli.engines.llm.ranking import largest
from voicecli.engines.llm.sampling import penalty_field
from voicecli.engines.llm.tool_calls import ToolCallCollector, as_function, tokens_of, without_calls
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull, EngineError, VoiceCliError
from voicecli.types import Message, Timings, Token, ToolCall, ToolSpec

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk

    from voicecli.settings.model import LlmSettings

CONNECT_TIMEOUT_S = 3.0
"""A server that needs longer to accept a connection is too slow for a conversation."""

NO_THINKING: Mapping[str, object] = {"chat_template_kwargs": {"enable_thinking": False}}
"""Asks SGLang, vLLM and llama.cpp for an answer without reasoning before it."""

OVERFLOW_CODES = frozenset({"exceed_context_size_error", "context_length_exceeded"})
"""Codes of llama.cpp and OpenAI for a conversation that is longer than the model's context."""


def connect(url: str, api_key: str, timeout_s: float, *, use_proxy: bool) -> openai.AsyncOpenAI:
    """Return a client for the server at `url`; nothing is sent yet.

    Every request has its own connection. A turn comes every few seconds, and servers on cpp-httplib or uvicorn close a
    connection after five idle seconds, so few would be reused. Also, llama.cpp sometimes drops a connection at the
    moment it is reused: 10 of 120 requests failed, none on fresh connections (xllamacpp 2026.10).
    """
    return openai.AsyncOpenAI(
        base_url=url,
        api_key=api_key or "none",  # servers without keys ignore it, the client insists on one
        timeout=openai.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        max_retries=0,
        default_headers={"Connection": "close"},
        http_client=openai.DefaultAsyncHttpxClient(trust_env=use_proxy),
    )


def connect_with(settings: LlmSettings, *, use_proxy: bool) -> openai.AsyncOpenAI:
    """Return a client for the configured server."""
    return connect(settings.url, settings.api_key.get_secret_value(), settings.timeout_s, use_proxy=use_proxy)


async def served_model(client: openai.AsyncOpenAI, wanted: str, where: str) -> Offer:
    """Return the model to use: `wanted`, or the best that the server lists.

    Raise BackendUnavailable if the server does not answer, refuses the key or lists no language model, SettingsError if
    it lists others than the wanted one.
    """
    offers = await offered_models(client, where, wanted)
    if not wanted:
        if not offers:
            raise BackendUnavailable(f"{where} lists no language model", hint="Name one with --model.")
        return largest([offer for offer in offers if offer.is_loaded] or offers)
    found = Server("", "", "openai", offers).offer(wanted)
    if found is None and offers:
        raise unknown_model(wanted, [offer.name for offer in offers], [f"on {where}"])
    return found or Offer(wanted)


async def offered_models(client: openai.AsyncOpenAI, where: str, wanted: str = "") -> tuple[Offer, ...]:
    """Return the language models that the server lists; none if it has no list.

    Raise BackendUnavailable if it does not answer or refuses the key.
    """
    with as_our_errors(where, wanted):
        try:
            listed = await client.models.list(timeout=CONNECT_TIMEOUT_S)
        except openai.NotFoundError:
            return ()  # a server without a list may still know the model that was asked for
    return served_offers(listed.model_dump())


class OpenAiChat:
    """A `LanguageModel` on an open client, which it closes."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        model: str,
        where: str,
        settings: LlmSettings,
        name: str = "",
    ) -> None:
        self.name = name or f"{model} ({where})"
        self._client = client
        self._model = model
        self._where = where
        self._settings = settings
        self._extra: Mapping[str, object] = {**NO_THINKING, **penalty_field(settings)}
        self._tools: list[Any] = []
        self._refused: Callable[[str], None] = lambda reason: None
        self._calls_made = 0
        self._measured: Callable[[Timings], None] | None = None
        self._threads = 0

    def measure(self, measured: Callable[[Timings], None], threads: int) -> None:
        """Call `measured` with the timings of each request, which llama.cpp reports. `threads`: that write."""
        self._measured, self._threads = measured, threads

    def offer(self, tools: Sequence[ToolSpec], refused: Callable[[str], None]) -> None:
        """See `CallingModel.offer`."""
        self._tools = [as_function(tool) for tool in tools]
        self._refused = refused

    async def warm(self, messages: Sequence[Message]) -> None:
        """Ask for one token, so that the server reads the prompt and keeps it in its prefix cache.

        Disconnect at the first chunk: a server that goes on writing would delay the next question.
        """
        with as_our_errors(self._where, self._model):
            async with await self._request(messages, max_tokens=1) as chunks:
                async for chunk in chunks:
                    if self._measured is None:  # llama.cpp ends after one token, and then tells how long it read
                        break
                    self._note_timings(chunk)

    def reply(self, messages: Sequence[Message]) -> AsyncGenerator[Token, None]:
        """Stream the answer without reasoning."""
        return tokens_of(self.reply_or_call(messages))

    async def reply_or_call(self, messages: Sequence[Message]) -> AsyncGenerator[Token | ToolCall, None]:
        """Stream the answer without reasoning, then the calls."""
        calls = ToolCallCollector()
        with as_our_errors(self._where, self._model):
            async with await self._request(messages, self._settings.max_answer_tokens) as chunks:
                async for chunk in chunks:
                    self._note_timings(chunk)
                    if not chunk.choices:
                        continue
                    delta = chunk.choices[0].delta
                    if delta.content:
                        yield Token(delta.content)
                    for fragment in delta.tool_calls or ():
                        function = fragment.function
                        if function is not None:
                            arguments = function.arguments or ""
                            calls.push(fragment.index, fragment.id or "", function.name or "", arguments)
                        yield Token("")
                    if chunk.choices[0].finish_reason == "length":
                        yield Token("", at_limit=True)
        self._calls_made += 1
        for call in calls.calls(self._calls_made):
            yield call

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _note_timings(self, chunk: ChatCompletionChunk) -> None:
        if self._measured is not None and (found := timings_of(chunk, self._threads)) is not None:
            self._measured(found)

    async def _request(self, messages: Sequence[Message], max_tokens: int) -> openai.AsyncStream[ChatCompletionChunk]:
        """Start a stream. If a strict server refuses fields that OpenAI does not define, retry without them.

        Retry without tools if the server refuses them: vLLM without a tool-call parser, or a template without tools.
        """
        refusal: openai.APIStatusError | None = None
        why_no_tools = ""
        for extra, tools in self._request_variants():
            try:
                stream = await self._create(messages, max_tokens, extra, tools)
            except openai.APIStatusError as error:
                if not _is_refusal(error, tools) or is_overflow(error):
                    raise
                refusal = error
                why_no_tools = error.message if tools else why_no_tools
                continue
            if self._tools and not tools:
                self._refused(f"{self._where} does not accept tools: {why_no_tools}")
            self._extra, self._tools = extra, tools
            return stream
        assert refusal is not None
        raise refusal

    def _request_variants(self) -> list[tuple[Mapping[str, object], list[Any]]]:
        """Return the extra fields and tools to try beside the messages, the fullest first."""
        variants = [(extra, tools) for tools in (self._tools, []) for extra in (self._extra, {})]
        return [variant for at, variant in enumerate(variants) if variant not in variants[:at]]

    async def _create(
        self, messages: Sequence[Message], max_tokens: int, extra: Mapping[str, object], tools: list[Any]
    ) -> openai.AsyncStream[ChatCompletionChunk]:
        return await self._client.chat.completions.create(
            model=self._model,
            messages=[_as_param(message) for message in (messages if tools else without_calls(messages))],
            max_tokens=max_tokens,
            temperature=self._settings.temperature,
            seed=self._settings.seed if self._settings.seed >= 0 else openai.omit,
            tools=tools or openai.omit,
            stream=True,
            extra_body=dict(extra),
        )


def timings_of(chunk: ChatCompletionChunk, threads: int) -> Timings | None:
    """Return the timings that llama.cpp adds to its last chunk; None if there are none."""
    reported = (chunk.model_extra or {}).get("timings")
    if not isinstance(reported, dict):
        return None
    try:
        read, written = int(reported["prompt_n"]), int(reported["predicted_n"])
        read_s, written_s = reported["prompt_ms"] / 1000, reported["predicted_ms"] / 1000
    except (KeyError, TypeError, ValueError):
        return None
    return Timings(read, read_s, written, written_s, threads)


def _as_param(message: Message) -> openai.types.chat.ChatCompletionMessageParam:
    param: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        param["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.answers is not None:
        param["tool_call_id"] = message.answers.id
    return cast("openai.types.chat.ChatCompletionMessageParam", param)


def _is_refusal(error: openai.APIStatusError, tools: list[Any]) -> bool:
    """Return whether the server refuses what was sent beside the messages; llama.cpp refuses tools with status 500."""
    if isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError):
        return True
    return bool(tools) and error.status_code in (500, 501) and "tool" in error.message.lower()


def is_overflow(refusal: openai.APIStatusError) -> bool:
    """Return whether the server reports that the conversation is longer than its context."""
    return bool({refusal.code, refusal.type} & OVERFLOW_CODES) or "context length" in refusal.message.lower()


@contextmanager
def as_our_errors(where: str, model: str) -> Iterator[None]:
    """Turn the client's exceptions into ours."""
    try:
        yield
    except openai.OpenAIError as error:
        raise _explain(error, where, model) from error


def _explain(error: openai.OpenAIError, where: str, model: str) -> VoiceCliError:
    """Return the error to show. A server's text about a refused key may contain the key, so it is left out."""
    start = "Start the server, or choose another language model with --llm."
    match error:
        case openai.APITimeoutError():
            return BackendUnavailable(f"{where} did not answer in time", hint="Raise llm.timeout_s if it is just slow.")
        case openai.APIConnectionError():
            return BackendUnavailable(f"{where} does not answer", hint=start)
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return BackendRefuses(f"{where} refuses the API key", hint="Set llm.api_key.")
        case openai.NotFoundError():
            hint = "Set llm.model to a model that it serves, and check the path in llm.url (often /v1)."
            return BackendRefuses(f"{where} has no model {model}", hint=hint)
        case openai.APIStatusError() if is_overflow(error):
            hint = "Start a new conversation, or raise llm.context_tokens (embedded) or the server's context."
            return ContextFull(f"The conversation is longer than the context of {model}", hint=hint)
        case openai.APIStatusError(status_code=503):
            return BackendUnavailable(
                f"{where} is not ready: {error.message}", hint="Wait until it has loaded the model."
            )
        case openai.APIError():
            return EngineError(f"{where} failed: {error.message}", hint="See the server's log.")
        case _:
            return EngineError(f"{where} failed: {error}", hint="See the server's log.")
