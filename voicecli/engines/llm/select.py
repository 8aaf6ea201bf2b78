"""Which language model answers: a configured server, Ollama, or the embedded one, in that order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from voicecli.engines.base import LanguageModel
from voicecli.errors import BackendUnavailable, SettingsError
from voicecli.network import is_loopback
from voicecli.settings.model import LlmSettings

Narrate = Callable[[str], None]

Backend = Literal["openai", "ollama", "embedded"]

FindGguf = Callable[[], Path]
"""The embedded model's file. Called only when it is needed; raises ModelMissing."""

LOOK_S = 0.5
"""How long `auto` waits for an Ollama that may not be there. On loopback a refusal comes at once."""

BY_SETTING = "set by llm.backend"
"""Why a language model was taken that was asked for."""

ASKED_S = 5.0
"""How long to wait for an Ollama that was asked for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The language model that was taken."""

    model: LanguageModel
    why: str  # for the screen
    context_tokens: int  # for question and answer together
    keeps_prefix: bool = True  # a prompt sent ahead is not read twice, and nobody is billed for it
    backend: Backend = "openai"
    asked: str = ""  # its name in the settings, or at the server

    @property
    def embedded(self) -> bool:
        """Whether it runs in this process."""
        return self.backend == "embedded"


@asynccontextmanager
async def open_language_model(
    settings: LlmSettings, gguf: FindGguf, narrate: Narrate, *, apart: bool = False
) -> AsyncIterator[Opened]:
    """The language model that the settings choose, open inside the block; not yet warm.

    `apart`: an embedded one in a process of its own, so that this one goes on while it is loaded.

    Raises BackendUnavailable, ModelMissing, EngineError or SettingsError when what was asked for cannot be had; with
    backend `auto` only the embedded model's errors remain, and what was passed over is narrated or told in `why`.
    """
    async with AsyncExitStack() as stack:
        match settings.backend:
            case "openai":
                opened = await stack.enter_async_context(_server(settings, BY_SETTING))
            case "ollama":
                model = await stack.enter_async_context(_ollama(settings, ASKED_S, narrate))
                opened = _own(model, BY_SETTING, settings, "ollama")
            case "embedded":
                model = await stack.enter_async_context(_embedded(settings, gguf, narrate, apart=apart))
                opened = _own(model, BY_SETTING, settings, "embedded")
            case "auto":
                opened = await _first_that_answers(settings, gguf, narrate, stack, apart=apart)
        yield opened


async def _first_that_answers(
    settings: LlmSettings, gguf: FindGguf, narrate: Narrate, stack: AsyncExitStack, *, apart: bool
) -> Opened:
    passed_over = "no server is configured"
    if settings.url:
        try:
            return await stack.enter_async_context(_server(settings, f"{place(settings.url)} is configured"))
        except BackendUnavailable as error:
            passed_over = error.message
            narrate(f"The configured server was passed over: {error.message}. {error.hint}".rstrip())
    try:
        ollama = await stack.enter_async_context(_ollama(settings, LOOK_S, narrate))
        return _own(ollama, f"{passed_over}; Ollama answers", settings, "ollama")
    except BackendUnavailable as error:
        passed_over = f"{passed_over} and {error.message}"
    embedded = await stack.enter_async_context(_embedded(settings, gguf, narrate, apart=apart))
    return _own(embedded, f"in this process: {passed_over}", settings, "embedded")


def _own(model: LanguageModel, why: str, settings: LlmSettings, backend: Literal["ollama", "embedded"]) -> Opened:
    """One whose context is set here."""
    asked = settings.ollama_model if backend == "ollama" else settings.embedded_model
    return Opened(model, why, settings.context_tokens, backend=backend, asked=asked)


@asynccontextmanager
async def _server(settings: LlmSettings, why: str) -> AsyncIterator[Opened]:
    if not settings.url:
        raise SettingsError("llm.backend is openai and llm.url is empty", hint="For example http://127.0.0.1:30000/v1.")
    from voicecli.engines.llm import openai as openai_chat

    where = place(settings.url)
    api_key = settings.api_key.get_secret_value()
    use_proxy = not is_loopback(settings.url)
    async with openai_chat.connect(settings.url, api_key, settings.timeout_s, use_proxy=use_proxy) as client:
        served = await openai_chat.served_model(client, settings.model, where)
        model = openai_chat.OpenAiChat(client, served.name, where, settings)
        context_tokens = served.context_tokens or settings.context_tokens
        yield Opened(model, why, context_tokens, is_loopback(settings.url), asked=served.name)


@asynccontextmanager
async def _ollama(settings: LlmSettings, answer_within_s: float, narrate: Narrate) -> AsyncIterator[LanguageModel]:
    from voicecli.engines.llm import ollama as ollama_chat

    client = ollama_chat.connect(settings.ollama_url, use_proxy=not is_loopback(settings.ollama_url))
    async with aclosing(ollama_chat.OllamaChat(client, settings, place(settings.ollama_url))) as model:
        await model.find_model(answer_within_s)
        narrate(f"Loading {settings.ollama_model} into Ollama…")
        yield model


@asynccontextmanager
async def _embedded(
    settings: LlmSettings, gguf: FindGguf, narrate: Narrate, *, apart: bool
) -> AsyncIterator[LanguageModel]:
    from voicecli.engines.llm import llamacpp
    from voicecli.engines.llm import llamacpp_process as llamacpp_apart
    from voicecli.engines.llm import openai as openai_chat

    path = gguf()
    narrate(f"Loading {path.stem}…")
    async with AsyncExitStack() as stack:
        loaded = stack.enter_context(ExitStack())
        serve = llamacpp_apart.server_apart if apart else llamacpp.embedded_server
        server = await asyncio.to_thread(loaded.enter_context, serve(path, settings))
        stack.push_async_callback(asyncio.to_thread, loaded.close)  # a conversation may go on meanwhile
        async with openai_chat.connect(server.base_url, server.api_key, settings.timeout_s, use_proxy=False) as client:
            name = Path(settings.embedded_model).name.removesuffix(".gguf")
            no_tools = "" if server.knows_tools else f"{name} knows none (its chat template has no place for them)"
            yield openai_chat.OpenAiChat(client, server.model, "the embedded llama.cpp", settings, name, no_tools)


def place(url: str) -> str:
    """Host and port of a URL, for the screen: no path, and no password that may be in it."""
    return urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]
