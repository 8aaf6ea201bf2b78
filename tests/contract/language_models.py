"""Language models to test: on scripted servers, on the embedded one, and on somebody else's Ollama."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

from tests.contract.chat_servers import ChatServer, Refusal, chat_server, llm_settings, ollama_answer, openai_answer
from voicecli.engines.base import LanguageModel
from voicecli.engines.llm import llamacpp
from voicecli.engines.llm import ollama as ollama_chat
from voicecli.engines.llm import openai as openai_chat
from voicecli.engines.llm.look import ask_ollama
from voicecli.types import Message

Answer = Refusal | Sequence[str | None]
KEY = "sk-secret"
ASKED = [Message("system", "Answer in one short sentence."), Message("user", "What is the capital of France?")]


@asynccontextmanager
async def on_openai(*chats: Answer, **changes: Any) -> AsyncIterator[tuple[LanguageModel, ChatServer]]:
    settings = llm_settings(**changes)
    async with chat_server(*chats) as server:
        client = openai_chat.connect(f"http://127.0.0.1:{server.port}/v1", KEY, settings.timeout_s, use_proxy=False)
        async with aclosing(openai_chat.OpenAiChat(client, "small", "the server", settings)) as model:
            yield model, server


@asynccontextmanager
async def on_ollama(*chats: Answer, **changes: Any) -> AsyncIterator[tuple[LanguageModel, ChatServer]]:
    settings = llm_settings(**changes)
    async with chat_server(*chats) as server:
        client = ollama_chat.connect(f"http://127.0.0.1:{server.port}", use_proxy=False)
        async with aclosing(ollama_chat.OllamaChat(client, "llama3.2", "127.0.0.1", settings)) as model:
            yield model, server


async def said(model: LanguageModel, messages: Sequence[Message] = ASKED) -> list[str]:
    return [token.text async for token in model.reply(messages)]


@asynccontextmanager
async def scripted_openai() -> AsyncIterator[LanguageModel]:
    async with on_openai(openai_answer("Paris", ", of", " course."), openai_answer("Yes", ".")) as (model, _):
        yield model


@asynccontextmanager
async def scripted_ollama() -> AsyncIterator[LanguageModel]:
    async with on_ollama(ollama_answer("Paris", ", of", " course."), ollama_answer("Yes", ".")) as (model, _):
        yield model


@asynccontextmanager
async def on_embedded(server: llamacpp.EmbeddedServer) -> AsyncIterator[LanguageModel]:
    client = openai_chat.connect(server.base_url, server.api_key, 30.0, use_proxy=False)
    async with aclosing(openai_chat.OpenAiChat(client, server.model, "in this process", llm_settings())) as model:
        yield model


@contextmanager
def foreign_ollama(server: llamacpp.EmbeddedServer) -> Iterator[str]:
    """Somebody else's reading of Ollama's protocol, in front of the embedded server: the URL it listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    names = {"PROVIDERS_LOCAL_BASE_URL": server.base_url, "PROVIDERS_LOCAL_API_KEY": server.api_key}
    command = [sys.executable, "-m", "ollama_proxy", "serve", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | names | {"EXTRA_MODELS": f"local/{server.model}"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as it:
        assert it.stderr is not None
        try:
            log = ""
            while "Uvicorn running" not in log:
                line = it.stderr.readline()
                assert line, log
                log += line
            drain = threading.Thread(target=it.stderr.read)
            drain.start()
            yield f"http://127.0.0.1:{port}"
        finally:
            it.terminate()
    drain.join()


@asynccontextmanager
async def on_foreign(url: str, name: str) -> AsyncIterator[LanguageModel]:
    client = ollama_chat.connect(url, use_proxy=False)
    chat = ollama_chat.OllamaChat(client, f"local/{name}", "the proxy", llm_settings())
    async with aclosing(chat) as model:
        assert (await ask_ollama(url)).offers
        yield model
