"""Choose the language model: a configured server, one that runs on this machine, or the embedded one, in that order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.available import AvailableModel
from voicecli.engines.llm.look import ask_ollama, loaded_in_lm_studio, look_around
from voicecli.engines.llm.model_names import unknown_model
from voicecli.engines.llm.offers import Offer, Server
from voicecli.engines.llm.ranking import Pick, best_of, is_demo, pick, too_large
from voicecli.engines.llm.room import this_room
from voicecli.engines.llm.sampling import with_sampling
from voicecli.engines.llm.tool_use import ChatModel, ToolUser, Way
from voicecli.engines.llm.way_memory import WayFile, ways_file
from voicecli.errors import BackendUnavailable, ModelMissing, SettingsError
from voicecli.network import host_and_port, is_loopback
from voicecli.settings.backends import OneBackend
from voicecli.settings.model import LlmSettings
from voicecli.types import GgufFile, Sampling

Narrate = Callable[[str], None]
"""Shows one line about the progress of loading."""

FindGguf = Callable[[str], GgufFile]
"""Returns the file of the embedded model that is named; "" means the best that is installed.

Called only when the file is needed. Raises SettingsError if the model is unknown, ModelMissing if it is not installed.
"""

BY_BACKEND = "set by llm.backend"
"""Reason shown for a model whose back end the settings name."""

BY_NAME = "set by llm.model"
"""Reason shown for a model that the settings name."""

NONE_FOUND = "no server with a language model was found on this machine"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open language model."""

    model: LanguageModel
    why: str  # the reason for the choice, for the screen
    context_tokens: int  # for question and answer together
    keeps_prefix: bool = True  # a prompt sent ahead is neither read twice nor billed
    backend: OneBackend = "openai"
    asked: str = ""  # its name in the settings or at the server
    wants_examples: bool = False  # it answers better after example turns

    @property
    def embedded(self) -> bool:
        """Whether it runs on this machine inside voicecli."""
        return self.backend == "embedded"


@dataclass(frozen=True, slots=True)
class Embedded:
    """How an embedded model is opened."""

    gguf: FindGguf
    in_subprocess: bool  # in a process of its own, so that this one is not blocked while it loads


@asynccontextmanager
async def open_language_model(
    settings: LlmSettings, gguf: FindGguf, narrate: Narrate, *, in_subprocess: bool = False
) -> AsyncIterator[Opened]:
    """Open the language model that the settings choose, for the length of the block; it is not yet warm.

    `in_subprocess`: run an embedded model in a process of its own, so that this one is not blocked while it loads.

    Raise BackendUnavailable, ModelMissing, EngineError or SettingsError if the chosen model cannot be opened. With
    backend `auto` only the embedded model's errors are raised; the servers that were skipped are narrated or named in
    `why`.
    """
    embedded = Embedded(gguf, in_subprocess)
    why = BY_NAME if settings.model else BY_BACKEND
    async with AsyncExitStack() as stack:
        match settings.backend:
            case "openai":
                opened = await stack.enter_async_context(_server(settings, why))
            case "ollama":
                opened = await stack.enter_async_context(_ollama(settings, why, narrate))
            case "embedded":
                opened = await stack.enter_async_context(_embedded(settings, why, embedded, narrate))
            case "auto":
                opened = await _first_available(settings, embedded, narrate, stack)
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
    settings: LlmSettings, embedded: Embedded, narrate: Narrate, stack: AsyncExitStack
) -> Opened:
    skipped = ""
    if settings.url:
        where = host_and_port(settings.url)
        try:
            return await stack.enter_async_context(_server(settings, f"{where} is configured"))
        except (BackendUnavailable, SettingsError) as error:  # SettingsError: it lacks the model
            skipped = f"{error.message}; " if isinstance(error, BackendUnavailable) else f"{where} lacks the model; "
            narrate(f"Skipping the configured server: {error.message}. {error.hint}".rstrip())
    servers = await look_around(settings.ollama_url, {} if settings.url else None)
    picked, passed_over = await picked_of(servers, settings.model, embedded.gguf)
    if picked:
        try:
            return await stack.enter_async_context(_of_pick(settings, picked, skipped, narrate))
        except BackendUnavailable as error:
            passed_over = error.message
            narrate(f"Skipping {picked.server.program}: {error.message}. {error.hint}".rstrip())
    why = f"in this process: {skipped}{passed_over}"
    return await stack.enter_async_context(_embedded(settings, why, embedded, narrate))


async def picked_of(servers: Sequence[Server], wanted: str, gguf: FindGguf) -> tuple[Pick | None, str]:
    """Return the model of a server to use; or None, and why the embedded one answers."""
    if wanted:
        with_it = [Pick(server, offer, BY_NAME) for server in servers if (offer := server.offer(wanted))]
        return next(iter(with_it), None), BY_NAME
    room = await this_room()
    best = pick(servers, room)
    if best is None:
        return None, too_large(servers, room) or NONE_FOUND
    if best.is_demo and await asyncio.to_thread(_has_more_than_a_demo, gguf):
        return None, f"{best.server.program} has nothing larger than {best.offer.name}"
    return best, ""


def _has_more_than_a_demo(gguf: FindGguf) -> bool:
    """Return whether an embedded model is installed that is worth asking."""
    try:
        return not is_demo(gguf("").path.stat().st_size)
    except (SettingsError, ModelMissing, OSError):
        return False


def settings_of(settings: LlmSettings, picked: Pick) -> LlmSettings:
    """Return the settings that open the model of a server."""
    server = picked.server
    return AvailableModel(picked.offer.name, server.protocol, server.program, server.url).settings(settings)


@asynccontextmanager
async def _of_pick(settings: LlmSettings, picked: Pick, before: str, narrate: Narrate) -> AsyncIterator[Opened]:
    chosen = settings_of(settings, picked)
    why = f"{before}{picked.why}"
    match picked.server.protocol:
        case "ollama":
            opening = _ollama(chosen, why, narrate)
        case "openai":
            opening = _server(chosen, why, picked.server.program)
    async with opening as opened:
        yield opened


@asynccontextmanager
async def _server(settings: LlmSettings, why: str, program: str = "") -> AsyncIterator[Opened]:
    if not settings.url:
        raise SettingsError("llm.backend is openai and llm.url is empty", hint="For example http://127.0.0.1:30000/v1.")
    from voicecli.engines.llm import openai as openai_chat

    where = host_and_port(settings.url)
    async with openai_chat.connect_with(settings, use_proxy=not is_loopback(settings.url)) as client:
        wanted = settings.model or await loaded_in_lm_studio(settings.url)
        offer = await openai_chat.served_model(client, wanted, where)
        shown = f"{offer.name} ({program or where})"
        model = openai_chat.OpenAiChat(client, offer.name, where, with_sampling(settings, Sampling()), shown)
        context_tokens = offer.context_tokens or settings.context_tokens
        yield Opened(model, why, context_tokens, is_loopback(settings.url), asked=offer.name)


@asynccontextmanager
async def _ollama(settings: LlmSettings, why: str, narrate: Narrate) -> AsyncIterator[Opened]:
    from voicecli.engines.llm import ollama as ollama_chat

    server = await ask_ollama(settings.ollama_url)
    offer, why = await _of_ollama(server, settings.model, why)
    narrate(f"Loading {offer.name} into Ollama…")
    client = ollama_chat.connect(settings.ollama_url, use_proxy=not is_loopback(settings.ollama_url))
    where, sampled = host_and_port(settings.ollama_url), with_sampling(settings, Sampling())
    async with aclosing(ollama_chat.OllamaChat(client, offer.name, where, sampled)) as model:
        yield Opened(model, why, settings.context_tokens, backend="ollama", asked=offer.name)


async def _of_ollama(server: Server, wanted: str, why: str) -> tuple[Offer, str]:
    """Return the wanted model, or the best with its reason. Raise SettingsError or BackendUnavailable without one."""
    if wanted:
        offer = server.offer(wanted)
        if offer is None:
            note = f"or get it: ollama pull {wanted}"
            raise unknown_model(wanted, [offer.name for offer in server.offers], [note])
        return offer, why
    best = best_of(server, room := await this_room())
    if best is None:
        problem = too_large([server], room) or "Ollama has no language model"
        raise BackendUnavailable(problem, hint="ollama pull qwen3:4b, for example.")
    return best.offer, best.why


@asynccontextmanager
async def _embedded(settings: LlmSettings, why: str, embedded: Embedded, narrate: Narrate) -> AsyncIterator[Opened]:
    from voicecli.engines.llm import llamacpp, llamacpp_process
    from voicecli.engines.llm import openai as openai_chat

    file = await asyncio.to_thread(embedded.gguf, settings.model)
    narrate(f"Loading {file.name}…")
    async with AsyncExitStack() as stack:
        loaded = stack.enter_context(ExitStack())
        serve = llamacpp_process.server_in_subprocess if embedded.in_subprocess else llamacpp.embedded_server
        server = await asyncio.to_thread(loaded.enter_context, serve(file.path, settings))
        stack.push_async_callback(asyncio.to_thread, loaded.close)  # a conversation may go on meanwhile
        if server.cpu.problem:
            narrate(
                f"llama.cpp computes with {server.cpu.name}; its faster build is not used, because {server.cpu.problem}"
            )
        async with openai_chat.connect(server.base_url, server.api_key, settings.timeout_s, use_proxy=False) as client:
            where, sampled = "the embedded llama.cpp", with_sampling(settings, file.sampling)
            model = openai_chat.OpenAiChat(client, server.model, where, sampled, file.name)
            if file.measured is not None:
                model.measure(file.measured, settings.threads or llamacpp.default_threads(file.path.stat().st_size))
            chosen = file.why.removeprefix(f"{file.name}: ")
            why = f"{chosen}; {why}" if chosen else why
            opened = Opened(model, why, settings.context_tokens, backend="embedded", asked=file.name)
            yield replace(opened, wants_examples=file.wants_examples)
