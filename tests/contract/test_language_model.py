"""What every language model promises, on scripted servers and on real ones."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.chat_servers import (
    MODELS,
    ChatServer,
    Refusal,
    chat_server,
    llm_settings,
    ollama_answer,
    ollama_part,
    openai_answer,
    openai_delta,
)
from voicecli.engines import llamacpp, ollama_chat, openai_chat
from voicecli.engines.base import LanguageModel
from voicecli.errors import BackendUnavailable, EngineError, ModelMissing, VoiceCliError
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
        async with aclosing(ollama_chat.OllamaChat(client, settings, "127.0.0.1")) as model:
            yield model, server


async def said(model: LanguageModel, messages: Sequence[Message] = ASKED) -> list[str]:
    return [token.text async for token in model.reply(messages)]


def failure(on: AbstractAsyncContextManager[tuple[LanguageModel, ChatServer]]) -> VoiceCliError:
    async def run() -> VoiceCliError:
        async with on as (model, _):
            with pytest.raises(VoiceCliError) as caught:
                await said(model)
            return caught.value

    return asyncio.run(run())


# Every language model. A subject is opened anew for each test: scripted servers have two answers to give.

Opener = Callable[[], AbstractAsyncContextManager[LanguageModel]]


@asynccontextmanager
async def scripted_openai() -> AsyncIterator[LanguageModel]:
    async with on_openai(openai_answer("Paris", ", of", " course."), openai_answer("Yes", ".")) as (model, _):
        yield model


@asynccontextmanager
async def scripted_ollama() -> AsyncIterator[LanguageModel]:
    async with on_ollama(ollama_answer("Paris", ", of", " course."), ollama_answer("Yes", ".")) as (model, _):
        yield model


@pytest.fixture(scope="module")
def gguf() -> Path:
    named = os.environ.get("VOICECLI_TEST_GGUF")
    cached = Path("~/.cache/voicecli/models/smollm2-135m-instruct").expanduser().glob("*.gguf")
    found = [Path(named)] if named else list(cached)
    if not found:
        pytest.skip("no GGUF model: set VOICECLI_TEST_GGUF or run voicecli download-models")
    return found[0]


@pytest.fixture(scope="module")
def embedded(gguf: Path) -> Iterator[llamacpp.EmbeddedServer]:
    with llamacpp.embedded_server(gguf, llm_settings()) as server:
        yield server


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


@pytest.fixture(scope="module")
def foreign_url(embedded: llamacpp.EmbeddedServer) -> Iterator[str]:
    pytest.importorskip("ollama_proxy", reason="ollama-proxy-plus is not installed")
    with foreign_ollama(embedded) as url:
        yield url


@asynccontextmanager
async def on_foreign(url: str, name: str) -> AsyncIterator[LanguageModel]:
    client = ollama_chat.connect(url, use_proxy=False)
    chat = ollama_chat.OllamaChat(client, llm_settings(ollama_model=f"local/{name}"), "the proxy")
    async with aclosing(chat) as model:
        await chat.find_model(30.0)
        yield model


@pytest.fixture(
    params=[
        "scripted openai",
        "scripted ollama",
        pytest.param("embedded", marks=pytest.mark.model),
        pytest.param("foreign ollama", marks=pytest.mark.model),
    ]
)
def opened(request: pytest.FixtureRequest) -> Opener:
    match request.param:
        case "scripted openai":
            return scripted_openai
        case "scripted ollama":
            return scripted_ollama
        case "embedded":
            server = request.getfixturevalue("embedded")
            return lambda: on_embedded(server)
        case _:
            name = request.getfixturevalue("embedded").model
            url = request.getfixturevalue("foreign_url")
            return lambda: on_foreign(url, name)


class TestEveryLanguageModel:
    def test_streams_its_answer(self, opened: Opener) -> None:
        async def run() -> None:
            async with opened() as model:
                tokens = await said(model)
                assert len(tokens) > 1
                assert all(tokens)
                assert "Paris" in "".join(tokens)
                longer = [*ASKED, Message("assistant", "".join(tokens)), Message("user", "Are you sure?")]
                assert await said(model, longer)

        asyncio.run(run())

    def test_answers_after_it_was_warmed(self, opened: Opener) -> None:
        async def run() -> None:
            async with opened() as model:
                await model.warm(ASKED)
                assert await said(model)

        asyncio.run(run())

    def test_answers_again_after_an_answer_was_cut_short(self, opened: Opener) -> None:
        async def run() -> None:
            async with opened() as model:
                async with aclosing(model.reply(ASKED)) as answer:
                    assert (await anext(answer)).text
                assert await said(model)

        asyncio.run(run())


# Scripted servers: what goes over the wire.


both_protocols = pytest.mark.parametrize(
    ("on", "first"),
    [(on_openai, openai_delta(content="Well")), (on_ollama, ollama_part("Well"))],
    ids=["openai", "ollama"],
)


@both_protocols
def test_cancelling_a_reader_that_waits_hangs_up(on: Any, first: str) -> None:
    async def run() -> None:
        async with on([first, None]) as (model, server), asyncio.timeout(5):
            heard = asyncio.Event()

            async def read() -> None:
                async with aclosing(model.reply(ASKED)) as answer:
                    async for _ in answer:
                        heard.set()

            async with asyncio.TaskGroup() as group:
                reader = group.create_task(read())
                await heard.wait()
                assert not server.left.is_set()
                reader.cancel()
            await server.left.wait()

    asyncio.run(run())


@both_protocols
def test_closing_an_answer_between_two_tokens_hangs_up(on: Any, first: str) -> None:
    async def run() -> None:
        async with on([first, None]) as (model, server), asyncio.timeout(5):
            answer = model.reply(ASKED)
            assert (await anext(answer)).text == "Well"
            assert not server.left.is_set()
            await answer.aclose()
            await server.left.wait()

    asyncio.run(run())


def test_openai_request_holds_the_conversation_as_it_is() -> None:
    async def run() -> None:
        async with on_openai(openai_answer("Hm"), openai_answer("Paris")) as (model, server):
            await model.warm(ASKED)
            await said(model)
            warming, asking = server.chat_bodies
            assert (
                warming["messages"]
                == asking["messages"]
                == [
                    {"role": "system", "content": ASKED[0].text},
                    {"role": "user", "content": ASKED[1].text},
                ]
            )
            assert (warming["max_tokens"], asking["max_tokens"]) == (1, 24)
            assert asking["stream"] is True
            assert asking["chat_template_kwargs"] == {"enable_thinking": False}
            assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
            assert server.requests[0].headers["connection"] == "close"

    asyncio.run(run())


def test_ollama_request_keeps_the_model_loaded_and_its_context_constant() -> None:
    async def run() -> None:
        async with on_ollama(ollama_answer("Hm"), ollama_answer("Paris")) as (model, server):
            await model.warm(ASKED)
            await said(model)
            warming, asking = server.chat_bodies
            assert warming["messages"] == asking["messages"]
            assert warming["options"] == {"num_ctx": 1024, "num_predict": 1, "temperature": 0.0}
            assert asking["options"] == {"num_ctx": 1024, "num_predict": 24, "temperature": 0.0}
            assert (asking["model"], asking["keep_alive"], asking["think"]) == ("llama3.2", "30m", False)

    asyncio.run(run())


def test_reasoning_is_left_out() -> None:
    async def run() -> None:
        thought = [openai_delta(reasoning_content="The user..."), *openai_answer("Paris")]
        async with on_openai(thought) as (model, _):
            assert await said(model) == ["Paris"]
        async with on_ollama([ollama_part("", thinking="The user..."), *ollama_answer("Paris")]) as (model, _):
            assert await said(model) == ["Paris"]

    asyncio.run(run())


def test_a_strict_server_is_asked_without_foreign_fields_from_then_on() -> None:
    async def run() -> None:
        refusal = Refusal(400, {"error": {"message": "Unrecognized argument: chat_template_kwargs"}})
        async with on_openai(refusal, openai_answer("Paris"), openai_answer("Yes")) as (model, server):
            assert await said(model) == ["Paris"]
            assert await said(model) == ["Yes"]
            assert ["chat_template_kwargs" in body for body in server.chat_bodies] == [True, False, False]

    asyncio.run(run())


OVERFLOW = {"error": {"code": 400, "type": "exceed_context_size_error", "message": "request exceeds the context"}}


@pytest.mark.parametrize(
    ("refusal", "kind", "words"),
    [
        (Refusal(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}), BackendUnavailable, "llm.api_key"),
        (Refusal(404, {"error": {"message": "no such model"}}), BackendUnavailable, "no model small"),
        (Refusal(503, {"error": {"message": "Loading model"}}), BackendUnavailable, "Loading model"),
        (Refusal(500, {"error": {"message": "out of memory"}}), EngineError, "out of memory"),
        (Refusal(400, OVERFLOW), EngineError, "longer than the context"),
        ([openai_delta(content="Well"), 'data: {"error": {"message": "slot died"}}\n\n'], EngineError, "slot died"),
    ],
    ids=["key", "model", "loading", "failure", "overflow", "in mid-stream"],
)
def test_openai_failures_say_what_to_do(refusal: Answer, kind: type[VoiceCliError], words: str) -> None:
    error = failure(on_openai(refusal))
    assert type(error) is kind
    assert words in f"{error.message} {error.hint}"
    assert error.hint
    assert KEY not in f"{error.message} {error.hint}"


@pytest.mark.parametrize(
    ("refusal", "kind", "words"),
    [
        (Refusal(404, {"error": "model 'llama3.2' not found"}), BackendUnavailable, "ollama pull llama3.2"),
        (Refusal(500, {"error": "llama runner has terminated"}), EngineError, "runner has terminated"),
        ([ollama_part("Well"), '{"error": "out of memory"}\n'], EngineError, "out of memory"),
        (["<html>\n"], EngineError, "not Ollama"),
    ],
    ids=["model", "failure", "in mid-stream", "web page"],
)
def test_ollama_failures_say_what_to_do(refusal: Answer, kind: type[VoiceCliError], words: str) -> None:
    error = failure(on_ollama(refusal))
    assert type(error) is kind
    assert words in f"{error.message} {error.hint}"


@pytest.mark.parametrize("on", [on_openai, on_ollama])
def test_a_silent_stream_ends_with_an_error(on: Any) -> None:
    error = failure(on([None], timeout_s=0.05))
    assert isinstance(error, BackendUnavailable)
    assert "in time" in error.message


def test_nobody_at_home() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def run() -> None:
        client = openai_chat.connect(f"http://127.0.0.1:{port}/v1", KEY, 1.0, use_proxy=False)
        async with aclosing(openai_chat.OpenAiChat(client, "small", "the server", llm_settings())) as model:
            with pytest.raises(BackendUnavailable, match="the server does not answer"):
                await said(model)
        local = ollama_chat.connect(f"http://127.0.0.1:{port}", use_proxy=False)
        async with aclosing(ollama_chat.OllamaChat(local, llm_settings(), "there")) as model:
            with pytest.raises(BackendUnavailable, match="does not answer on there"):
                await model.warm(ASKED)

    asyncio.run(run())


def test_the_first_served_model_is_taken() -> None:
    async def run() -> None:
        async with chat_server(pages=MODELS) as server:
            url = f"http://127.0.0.1:{server.port}/v1"
            async with openai_chat.connect(url, KEY, 1.0, use_proxy=False) as client:
                assert await openai_chat.served_model(client, "", "there") == "small"
                assert await openai_chat.served_model(client, "other", "there") == "other"

    asyncio.run(run())


# The embedded server.


def test_a_missing_or_foreign_file_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.gguf"
    page.write_text("<html>")
    for path, words in ((tmp_path / "none.gguf", "No language model"), (page, "not a GGUF file")):
        with pytest.raises(ModelMissing, match=words), llamacpp.embedded_server(path, llm_settings()):
            pass


def test_a_damaged_file_is_refused_quietly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(500))
    with pytest.raises(EngineError, match="cannot load"), llamacpp.embedded_server(broken, llm_settings()):
        pass
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
def test_the_embedded_server_is_quiet_and_keeps_strangers_out(gguf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def run(url: str) -> None:
        async with openai_chat.connect(url, "guessed", 30.0, use_proxy=False) as client:
            with pytest.raises(BackendUnavailable, match="refuses the API key"):
                await openai_chat.served_model(client, "", "there")

    with llamacpp.embedded_server(gguf, llm_settings()) as server:
        assert server.api_key not in repr(server)
        asyncio.run(run(server.base_url))
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
def test_a_conversation_longer_than_the_context_is_told(embedded: llamacpp.EmbeddedServer) -> None:
    async def run() -> None:
        async with on_embedded(embedded) as model:
            with pytest.raises(EngineError, match="longer than the context"):
                await said(model, [Message("user", "word " * 2000)])

    asyncio.run(run())


@pytest.mark.model
def test_one_answer_after_the_other(embedded: llamacpp.EmbeddedServer) -> None:
    """llama.cpp drops one connection in ten in the moment it is used again, so none may be."""

    async def run() -> None:
        async with on_embedded(embedded) as model:
            for _ in range(40):
                await model.warm(ASKED)

    asyncio.run(run())
