"""Request one token from the language models that voicecli talk would use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Literal

from voicecli.doctor.servers import WARM_S, LanguageModelFacts, ServerFacts
from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.select import AUTO_TIMEOUT_S, CHOSEN_TIMEOUT_S, open_language_model
from voicecli.errors import EngineError, VoiceCliError
from voicecli.network import host_and_port, is_loopback
from voicecli.settings.model import LlmSettings
from voicecli.types import GgufFile, Message

TOKEN_S = 4.0
"""Timeout of a token; enough to load a small model from a fast disk."""


def language_model_facts(settings: LlmSettings, embedded: str, *, embedded_is_there: bool) -> LanguageModelFacts:
    """Return facts about the servers, tried in the order of `auto` until one answers."""
    return asyncio.run(_ask(settings, embedded, embedded_is_there))


async def _ask(settings: LlmSettings, embedded: str, embedded_is_there: bool) -> LanguageModelFacts:
    backend = settings.backend
    server = ollama = None
    if settings.url and backend in ("auto", "openai"):
        server = await ask_server(settings, "openai", CHOSEN_TIMEOUT_S)
    if backend == "ollama" or (backend == "auto" and (server is None or server.problem)):
        ollama = await ask_server(settings, "ollama", CHOSEN_TIMEOUT_S if backend == "ollama" else AUTO_TIMEOUT_S)
    return LanguageModelFacts(backend, server, ollama, embedded, embedded_is_there, has_url=bool(settings.url))


async def ask_server(settings: LlmSettings, kind: Literal["openai", "ollama"], within_s: float) -> ServerFacts:
    """Connect to a server within `within_s`, and time one token; if it is slow, time a second one."""
    url = settings.url if kind == "openai" else settings.ollama_url
    where, is_here = host_and_port(url), is_loopback(url)
    chosen = settings.model_copy(update={"backend": kind})
    model = ""
    try:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(within_s):
                opened = await stack.enter_async_context(open_language_model(chosen, _no_file, lambda text: None))
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
