"""Request one token from the language models that voicecli talk would use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from voicecli.doctor.servers import WARM_S, LanguageModelFacts, NearbyServer, ServerFacts
from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.look import look_around
from voicecli.engines.llm.offers import Server
from voicecli.engines.llm.select import FindGguf, open_language_model, picked_of, settings_of
from voicecli.errors import EngineError, VoiceCliError
from voicecli.network import host_and_port, is_loopback
from voicecli.settings.model import LlmSettings
from voicecli.types import GgufFile, Message

ANSWER_S = 5.0
"""Timeout of a server's list."""

TOKEN_S = 4.0
"""Timeout of a token; enough to load a small model from a fast disk."""


def language_model_facts(
    settings: LlmSettings, embedded: str, gguf: FindGguf, *, embedded_is_there: bool
) -> LanguageModelFacts:
    """Return facts about the servers, tried in the order of `auto` until one answers.

    `embedded`: the name of the embedded model that may answer; `gguf` finds its file.
    """
    return asyncio.run(_ask(settings, embedded, gguf, embedded_is_there))


async def _ask(settings: LlmSettings, embedded: str, gguf: FindGguf, embedded_is_there: bool) -> LanguageModelFacts:
    facts = LanguageModelFacts(
        settings.backend, embedded=embedded, embedded_is_there=embedded_is_there, has_url=bool(settings.url)
    )
    if settings.url and settings.backend in ("auto", "openai"):
        configured = settings.model_copy(update={"backend": "openai"})
        facts = replace(facts, server=await ask_server(configured, ANSWER_S))
    match settings.backend:
        case "openai" | "embedded":
            return facts
        case "ollama":
            return replace(facts, ollama=await ask_server(settings, ANSWER_S))
        case "auto":
            return await _ask_found(settings, facts, gguf)


async def _ask_found(settings: LlmSettings, facts: LanguageModelFacts, gguf: FindGguf) -> LanguageModelFacts:
    """Ask the server that `auto` takes, and name the others."""
    servers = await look_around(settings.ollama_url, {} if settings.url else None)
    used: Server | None = None
    if not facts.answering:
        picked, _ = await picked_of(servers, settings.model, gguf)
        if picked:
            used = picked.server
            asked = await ask_server(settings_of(settings, picked), ANSWER_S)
            asked = replace(asked, program=used.program)
            facts = replace(facts, ollama=asked) if used.protocol == "ollama" else replace(facts, server=asked)
    nearby = [
        NearbyServer(server.program, host_and_port(server.url), tuple(offer.name for offer in server.offers))
        for server in servers
        if server is not used
    ]
    if not facts.answering and not any(server.protocol == "ollama" for server in servers):
        where = host_and_port(settings.ollama_url)
        silent = ServerFacts(where, is_loopback(settings.ollama_url), problem=f"Ollama does not answer on {where}")
        facts = replace(facts, ollama=silent)
    return replace(facts, nearby=tuple(nearby))


async def ask_server(settings: LlmSettings, within_s: float) -> ServerFacts:
    """Connect to the server of the settings within `within_s`, and time one token; if it is slow, time a second one."""
    url = settings.url if settings.backend == "openai" else settings.ollama_url
    where, is_here = host_and_port(url), is_loopback(url)
    model = ""
    try:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(within_s):
                opened = await stack.enter_async_context(open_language_model(settings, _no_file, lambda text: None))
            model = opened.model.name
            question = [Message("system", settings.system_prompt.strip()), Message("user", "Hello.")]
            first_s = await token_s(opened.model, question)
            again_s = await token_s(opened.model, question) if first_s is not None and first_s > WARM_S else None
    except TimeoutError:
        return ServerFacts(
            where, is_here, problem=f"{where} did not answer within {within_s:.1f} s", hint="it may be busy: try again"
        )
    except VoiceCliError as error:
        return ServerFacts(where, is_here, model, error.message, error.hint)
    return ServerFacts(where, is_here, model, limit_s=TOKEN_S, first_s=first_s, again_s=again_s)


async def token_s(model: LanguageModel, question: Sequence[Message]) -> float | None:
    """Return the seconds to the first token; None if there is none within `TOKEN_S`."""
    began_s = time.monotonic()
    try:
        async with asyncio.timeout(TOKEN_S):
            await model.warm(question)
    except TimeoutError:
        return None
    return time.monotonic() - began_s


def _no_file(name: str) -> GgufFile:
    raise EngineError("the doctor does not load the embedded model")
