"""What every language model promises, on scripted servers and on real ones."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
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
from tests.contract.language_models import (
    ASKED,
    KEY,
    Answer,
    on_embedded,
    on_foreign,
    on_ollama,
    on_openai,
    said,
    scripted_ollama,
    scripted_openai,
)
from voicecli.engines.base import LanguageModel
from voicecli.engines.llm import ollama as ollama_chat
from voicecli.engines.llm import openai as openai_chat
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull, EngineError, SettingsError, VoiceCliError
from voicecli.speech_text.think_filter import without_thinking
from voicecli.types import Message


def failure(on: AbstractAsyncContextManager[tuple[LanguageModel, ChatServer]]) -> VoiceCliError:
    async def run() -> VoiceCliError:
        async with on as (model, _):
            with pytest.raises(VoiceCliError) as caught:
                await said(model)
            return caught.value

    return asyncio.run(run())


# Every language model. A subject is opened anew for each test: scripted servers have two answers to give.

Opener = Callable[[], AbstractAsyncContextManager[LanguageModel]]


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


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_an_answer_that_the_server_was_made_to_end_says_so(reason: str) -> None:
    async def run() -> None:
        for on, script in (
            (on_openai, [openai_delta(content="Par"), openai_delta(finish_reason=reason), "data: [DONE]\n\n"]),
            (on_ollama, [ollama_part("Par"), ollama_part("", done=True, done_reason=reason)]),
        ):
            async with on(script) as (model, _):
                parts = [(token.text, token.at_limit) async for token in without_thinking(model.reply(ASKED))]
            assert parts == [("Par", False), *([("", True)] if reason == "length" else [])]

    asyncio.run(run())


def test_a_repetition_penalty_is_sent_only_where_there_is_one() -> None:
    async def run() -> None:
        penalty = {"repeat_penalty": 1.1}
        async with on_openai(openai_answer("Paris"), repeat_penalty=1.1) as (model, server):
            await said(model)
            assert server.chat_bodies[0].items() >= penalty.items()
        async with on_ollama(ollama_answer("Paris"), repeat_penalty=1.1) as (model, server):
            await said(model)
            assert server.chat_bodies[0]["options"].items() >= penalty.items()
        async with on_openai(openai_answer("Paris"), repeat_penalty=1.0) as (model, server):
            await said(model)
            assert "repeat_penalty" not in server.chat_bodies[0]

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
        (Refusal(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}), BackendRefuses, "llm.api_key"),
        (Refusal(404, {"error": {"message": "no such model"}}), BackendRefuses, "no model small"),
        (Refusal(503, {"error": {"message": "Loading model"}}), BackendUnavailable, "Loading model"),
        (Refusal(500, {"error": {"message": "out of memory"}}), EngineError, "out of memory"),
        (Refusal(400, OVERFLOW), ContextFull, "longer than the context"),
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
        (Refusal(404, {"error": "model 'llama3.2' not found"}), BackendRefuses, "ollama pull llama3.2"),
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
        async with aclosing(ollama_chat.OllamaChat(local, "llama3.2", "there", llm_settings())) as model:
            with pytest.raises(BackendUnavailable, match="does not answer on there"):
                await model.warm(ASKED)

    asyncio.run(run())


def test_the_first_served_model_is_taken() -> None:
    async def run() -> None:
        async with chat_server(pages=MODELS) as server:
            url = f"http://127.0.0.1:{server.port}/v1"
            async with openai_chat.connect(url, KEY, 1.0, use_proxy=False) as client:
                assert (await openai_chat.served_model(client, "", "there")).name == "small"
                with pytest.raises(SettingsError, match="no language model 'other'"):
                    await openai_chat.served_model(client, "other", "there")

    asyncio.run(run())


def test_a_server_may_say_how_much_its_model_holds() -> None:
    card = {"id": "large", "object": "model", "created": 0, "owned_by": "test", "max_model_len": 32768}
    pages = {"/v1/models": {"data": [*MODELS["/v1/models"]["data"], card]}}

    async def run() -> None:
        async with chat_server(pages=pages) as server:
            url = f"http://127.0.0.1:{server.port}/v1"
            async with openai_chat.connect(url, KEY, 1.0, use_proxy=False) as client:
                assert (await openai_chat.served_model(client, "large", "there")).context_tokens == 32768
                assert (await openai_chat.served_model(client, "", "there")).context_tokens == 0

    asyncio.run(run())
