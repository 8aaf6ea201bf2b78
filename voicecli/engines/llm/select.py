"""Choose the language model: a configured server, Ollama or the embedded one, in that order; list the choices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.tool_use import ChatModel, ToolUser, Way
from voicecli.engines.llm.way_memory import WayFile, ways_file
from voicecli.errors import BackendUnavailable, SettingsError
from voicecli.network import host_and_port, is_loopback
from voicecli.settings.model import LlmSettings
from voicecli.types import GgufFile

Narrate = Callable[[str], None]
"""Shows one line about the progress of loading."""

Backend = Literal["openai", "ollama", "embedded"]

FindGguf = Callable[[str], GgufFile]
"""Returns the file of the embedded model that is named; "" means the best that is installed.

Called only when the file is needed. Raises SettingsError if the model is unknown, ModelMissing if it is not installed.
"""

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
        matches = [model for model in self.models if model.name == wanted.removesuffix(":latest")]
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
    return settings.model_copy(update={"backend": choice.backend, "model": choice.name})


@asynccontextmanager
async def open_language_model(
    settings: LlmSettings, gguf: FindGguf, narrate: Narrate, *, in_subprocess: bool = False
) -> AsyncIterator[Opened]:
    """Open the language model that the settings choose, for the length of the block; it is not yet warm.

    `in_subprocess`: run an embedded model in a process of its own, so that this one is not blocked while it loads.

    Raise BackendUnavailable, ModelMissing, EngineError or SettingsError if the chosen model cannot be opened. With
    backend `auto` only the embedded model's errors are raised; the backends that were skipped are narrated or named in
    `why`.
    """
    async with AsyncExitStack() as stack:
        match settings.backend:
            case "openai":
                opened = await stack.enter_async_context(_server(settings, BY_SETTING))
            case "ollama":
                opened = await stack.enter_async_context(_ollama(settings, BY_SETTING, CHOSEN_TIMEOUT_S, narrate))
            case "embedded":
                embedded = _embedded(settings, BY_SETTING, gguf, narrate, in_subprocess=in_subprocess)
                opened = await stack.enter_async_context(embedded)
            case "auto":
                opened = await _first_available(settings, gguf, narrate, stack, in_subprocess=in_subprocess)
        yield await stack.enter_async_context(_with_tool_use(opened))


@asynccontextmanager
async def _with_tool_use(opened: Opened) -> AsyncIterator[Opened]:
    """Return the model with what finds out how it gets its tools.

    An embedded model gets them in its prompt first: the calls that it then writes are shorter.
    """
    chat = opened.model
    assert isinstance(chat, ChatModel), "all clients can be offered tools"
    ways: tuple[Way, ...] = ("prompt", "field") if opened.embedded else ("field", "prompt")
    async with aclosing(ToolUser(chat, ways, WayFile(ways_file()))) as model:
        yield replace(opened, model=model)


async def _first_available(
    settings: LlmSettings, gguf: FindGguf, narrate: Narrate, stack: AsyncExitStack, *, in_subprocess: bool
) -> Opened:
    skipped = "no server is configured"
    if settings.url:
        try:
            return await stack.enter_async_context(_server(settings, f"{host_and_port(settings.url)} is configured"))
        except BackendUnavailable as error:
            skipped = error.message
            narrate(f"Skipping the configured server: {error.message}. {error.hint}".rstrip())
    try:
        why = f"{skipped}; Ollama answers"
        return await stack.enter_async_context(_ollama(settings, why, AUTO_TIMEOUT_S, narrate))
    except BackendUnavailable as error:
        skipped = f"{skipped} and {error.message}"
    why = f"in this process: {skipped}"
    return await stack.enter_async_context(_embedded(settings, why, gguf, narrate, in_subprocess=in_subprocess))


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
async def _ollama(settings: LlmSettings, why: str, answer_within_s: float, narrate: Narrate) -> AsyncIterator[Opened]:
    from voicecli.engines.llm import ollama as ollama_chat

    where = host_and_port(settings.ollama_url)
    client = ollama_chat.connect(settings.ollama_url, use_proxy=not is_loopback(settings.ollama_url))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        names = await ollama_chat.installed_models(client, where, answer_within_s)
        name = _one_of(names, settings.model)
        narrate(f"Loading {name} into Ollama…")
        model = ollama_chat.OllamaChat(client, name, where, settings)
        yield Opened(model, why, settings.context_tokens, backend="ollama", asked=name)


def _one_of(names: Sequence[str], wanted: str) -> str:
    """Return the wanted model, or the first. Raise BackendUnavailable if it is not there."""
    wanted = wanted.removesuffix(":latest")
    if wanted and wanted not in names:
        found = f"installed: {', '.join(names)}" if names else "none is installed"
        hint = f"ollama pull {wanted}, or name another with --model."
        raise BackendUnavailable(f"Ollama has no model {wanted} ({found})", hint=hint)
    if not names:
        raise BackendUnavailable("Ollama has no model", hint="ollama pull llama3.2, for example.")
    return wanted or names[0]


async def _list_ollama_models(settings: LlmSettings) -> list[AvailableModel]:
    from voicecli.engines.llm import ollama as ollama_chat

    client = ollama_chat.connect(settings.ollama_url, use_proxy=not is_loopback(settings.ollama_url))
    try:
        names = await ollama_chat.installed_models(client, host_and_port(settings.ollama_url), AUTO_TIMEOUT_S)
    finally:
        await client.close()  # type: ignore[no-untyped-call]  # the library has no type for it
    return [AvailableModel(name, "ollama", "Ollama") for name in names]


@asynccontextmanager
async def _embedded(
    settings: LlmSettings, why: str, gguf: FindGguf, narrate: Narrate, *, in_subprocess: bool
) -> AsyncIterator[Opened]:
    from voicecli.engines.llm import llamacpp, llamacpp_process
    from voicecli.engines.llm import openai as openai_chat

    file = gguf(settings.model)
    narrate(f"Loading {file.name}…")
    async with AsyncExitStack() as stack:
        loaded = stack.enter_context(ExitStack())
        serve = llamacpp_process.server_in_subprocess if in_subprocess else llamacpp.embedded_server
        server = await asyncio.to_thread(loaded.enter_context, serve(file.path, settings))
        stack.push_async_callback(asyncio.to_thread, loaded.close)  # a conversation may go on meanwhile
        async with openai_chat.connect(server.base_url, server.api_key, settings.timeout_s, use_proxy=False) as client:
            where = "the embedded llama.cpp"
            model = openai_chat.OpenAiChat(client, server.model, where, settings, file.name)
            yield Opened(model, why, settings.context_tokens, backend="embedded", asked=file.name)
