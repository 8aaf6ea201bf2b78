"""Choose the language model: a configured server, Ollama or the embedded one, in that order; list the choices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Literal

from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.sampling import Sampling, with_sampling
from voicecli.errors import BackendUnavailable, SettingsError
from voicecli.network import host_and_port, is_loopback
from voicecli.settings.model import LlmSettings

Narrate = Callable[[str], None]
"""Shows one line about the progress of loading."""

Backend = Literal["openai", "ollama", "embedded"]

FindGguf = Callable[[], Path]
"""Returns the embedded model's file. Called only when the file is needed; raises ModelMissing."""

SamplingOf = Callable[[Path], Sampling]
"""Returns what suits the embedded model in a file."""

BY_SETTING = "set by llm.backend"
"""Reason shown for a model that the settings name."""

AUTO_TIMEOUT_S = 0.5
"""How long `auto` waits for an Ollama that may not run. On loopback a refusal comes at once."""

CHOSEN_TIMEOUT_S = 5.0
"""How long to wait for an Ollama that the settings name."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open language model."""

    model: LanguageModel
    why: str  # the reason for the choice, for the screen
    context_tokens: int  # for question and answer together
    keeps_prefix: bool = True  # a prompt sent ahead is neither read twice nor billed
    backend: Backend = "openai"
    asked: str = ""  # its name in the settings or at the server

    @property
    def embedded(self) -> bool:
        """Whether it runs on this machine inside voicecli."""
        return self.backend == "embedded"


@dataclass(frozen=True, slots=True)
class AvailableModel:
    """A language model that can be chosen."""

    name: str
    backend: Backend
    where: str  # for a list


@dataclass(frozen=True, slots=True)
class AvailableModels:
    """All language models that can be chosen, and the servers that could not be asked."""

    models: tuple[AvailableModel, ...]
    unreachable: tuple[str, ...] = ()  # one message for each server that does not answer

    def find(self, wanted: str, first: Backend) -> AvailableModel:
        """Return the model of that name, or the user's own GGUF file at that path.

        Prefer the backend `first` where several have the name. Raise SettingsError with the nearest names if there is
        no such model.
        """
        matches = [model for model in self.models if model.name in (wanted, f"{wanted}:latest")]
        if matches:
            return next((model for model in matches if model.backend == first), matches[0])
        file = Path(wanted).expanduser()
        if file.suffix == ".gguf" and file.is_file():
            return AvailableModel(str(file), "embedded", "embedded")
        names = [model.name for model in self.models]
        near = get_close_matches(wanted.lower(), names, n=len(names), cutoff=0) if names else []
        there = (
            f"available: {', '.join(near)}" if near else "voicecli download-models --list shows what can be downloaded"
        )
        raise SettingsError(f"there is no language model {wanted!r}", "; ".join([there, *self.unreachable]))


async def list_language_models(settings: LlmSettings, installed: Sequence[str]) -> AvailableModels:
    """Ask the configured server and Ollama for their models. `installed`: names of the embedded models on disk."""
    models = [AvailableModel(name, "embedded", "embedded") for name in installed]
    unreachable: list[str] = []
    if settings.url:
        try:
            models += await _list_server_models(settings)
        except BackendUnavailable as error:
            unreachable.append(error.message)
    try:
        models += await _list_ollama_models(settings)
    except BackendUnavailable as error:
        unreachable += [error.message] if settings.backend == "ollama" else []
    return AvailableModels(tuple(models), tuple(unreachable))


def settings_with(settings: LlmSettings, choice: AvailableModel) -> LlmSettings:
    """Return the settings that open `choice`."""
    key = {"embedded": "embedded_model", "ollama": "ollama_model", "openai": "model"}[choice.backend]
    return settings.model_copy(update={"backend": choice.backend, key: choice.name})


@asynccontextmanager
async def open_language_model(
    settings: LlmSettings,
    gguf: FindGguf,
    narrate: Narrate,
    *,
    in_subprocess: bool = False,
    sampling: SamplingOf = lambda file: Sampling(),
) -> AsyncIterator[Opened]:
    """Open the language model that the settings choose, for the length of the block; it is not yet warm.

    `in_subprocess`: run an embedded model in a process of its own, so that this one is not blocked while it loads;
    `sampling`: what suits an embedded model, where the settings leave it open.

    Raise BackendUnavailable, ModelMissing, EngineError or SettingsError if the chosen model cannot be opened. With
    backend `auto` only the embedded model's errors are raised; the backends that were skipped are narrated or named in
    `why`.
    """
    embedded = partial(_embedded, settings, gguf, narrate, in_subprocess=in_subprocess, sampling=sampling)
    settings = with_sampling(settings, Sampling())
    async with AsyncExitStack() as stack:
        match settings.backend:
            case "openai":
                opened = await stack.enter_async_context(_server(settings, BY_SETTING))
            case "ollama":
                model = await stack.enter_async_context(_ollama(settings, CHOSEN_TIMEOUT_S, narrate))
                opened = _with_set_context(model, BY_SETTING, settings, "ollama")
            case "embedded":
                model = await stack.enter_async_context(embedded())
                opened = _with_set_context(model, BY_SETTING, settings, "embedded")
            case "auto":
                opened = await _first_available(settings, narrate, stack, embedded)
        yield opened


async def _first_available(
    settings: LlmSettings,
    narrate: Narrate,
    stack: AsyncExitStack,
    embedded: Callable[[], AbstractAsyncContextManager[LanguageModel]],
) -> Opened:
    skipped = "no server is configured"
    if settings.url:
        try:
            return await stack.enter_async_context(_server(settings, f"{host_and_port(settings.url)} is configured"))
        except BackendUnavailable as error:
            skipped = error.message
            narrate(f"Skipping the configured server: {error.message}. {error.hint}".rstrip())
    try:
        ollama = await stack.enter_async_context(_ollama(settings, AUTO_TIMEOUT_S, narrate))
        return _with_set_context(ollama, f"{skipped}; Ollama answers", settings, "ollama")
    except BackendUnavailable as error:
        skipped = f"{skipped} and {error.message}"
    model = await stack.enter_async_context(embedded())
    return _with_set_context(model, f"in this process: {skipped}", settings, "embedded")


def _with_set_context(
    model: LanguageModel, why: str, settings: LlmSettings, backend: Literal["ollama", "embedded"]
) -> Opened:
    """Return a model whose context length our settings decide."""
    asked = settings.ollama_model if backend == "ollama" else settings.embedded_model
    return Opened(model, why, settings.context_tokens, backend=backend, asked=asked)


@asynccontextmanager
async def _server(settings: LlmSettings, why: str) -> AsyncIterator[Opened]:
    if not settings.url:
        raise SettingsError("llm.backend is openai and llm.url is empty", hint="For example http://127.0.0.1:30000/v1.")
    from voicecli.engines.llm import openai as openai_chat

    where = host_and_port(settings.url)
    async with openai_chat.connect_with(settings, use_proxy=not is_loopback(settings.url)) as client:
        served = await openai_chat.served_model(client, settings.model, where)
        model = openai_chat.OpenAiChat(client, served.name, where, settings)
        context_tokens = served.context_tokens or settings.context_tokens
        yield Opened(model, why, context_tokens, is_loopback(settings.url), asked=served.name)


async def _list_server_models(settings: LlmSettings) -> list[AvailableModel]:
    from voicecli.engines.llm import openai as openai_chat

    where = host_and_port(settings.url)
    async with openai_chat.connect_with(settings, use_proxy=not is_loopback(settings.url)) as client:
        served = await openai_chat.served_models(client, settings.model, where)
    return [AvailableModel(model.name, "openai", where) for model in served]


@asynccontextmanager
async def _ollama(settings: LlmSettings, answer_within_s: float, narrate: Narrate) -> AsyncIterator[LanguageModel]:
    from voicecli.engines.llm import ollama as ollama_chat

    client = ollama_chat.connect(settings.ollama_url, use_proxy=not is_loopback(settings.ollama_url))
    async with aclosing(ollama_chat.OllamaChat(client, settings, host_and_port(settings.ollama_url))) as model:
        await model.find_model(answer_within_s)
        narrate(f"Loading {settings.ollama_model} into Ollama…")
        yield model


async def _list_ollama_models(settings: LlmSettings) -> list[AvailableModel]:
    from voicecli.engines.llm import ollama as ollama_chat

    client = ollama_chat.connect(settings.ollama_url, use_proxy=not is_loopback(settings.ollama_url))
    async with aclosing(ollama_chat.OllamaChat(client, settings, host_and_port(settings.ollama_url))) as ollama:
        return [AvailableModel(name, "ollama", "Ollama") for name in await ollama.installed(AUTO_TIMEOUT_S)]


@asynccontextmanager
async def _embedded(
    settings: LlmSettings, gguf: FindGguf, narrate: Narrate, *, in_subprocess: bool, sampling: SamplingOf
) -> AsyncIterator[LanguageModel]:
    from voicecli.engines.llm import llamacpp, llamacpp_process
    from voicecli.engines.llm import openai as openai_chat

    path = gguf()
    settings = with_sampling(settings, sampling(path))
    narrate(f"Loading {path.stem}…")
    async with AsyncExitStack() as stack:
        loaded = stack.enter_context(ExitStack())
        serve = llamacpp_process.server_in_subprocess if in_subprocess else llamacpp.embedded_server
        server = await asyncio.to_thread(loaded.enter_context, serve(path, settings))
        stack.push_async_callback(asyncio.to_thread, loaded.close)  # a conversation may go on meanwhile
        async with openai_chat.connect(server.base_url, server.api_key, settings.timeout_s, use_proxy=False) as client:
            name = Path(settings.embedded_model).name.removesuffix(".gguf")
            no_tools = (
                "" if server.supports_tools else f"{name} cannot use tools (its chat template does not support them)"
            )
            yield openai_chat.OpenAiChat(client, server.model, "the embedded llama.cpp", settings, name, no_tools)
