"""Tools over the wire: how they are sent to servers, the calls that servers stream, and servers that refuse."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import pytest

from tests.contract.chat_servers import (
    ChatServer,
    Refusal,
    ollama_answer,
    ollama_part,
    openai_answer,
    openai_delta,
)
from tests.contract.language_models import ASKED, on_ollama, on_openai
from voicecli.engines.base import CallingModel, LanguageModel
from voicecli.errors import EngineError
from voicecli.types import Message, Token, ToolCall, ToolSpec

SPEC = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
FUNCTION = {
    "type": "function",
    "function": {"name": "look", "description": "Looks.", "parameters": dict(SPEC.parameters)},
}
CALL = ToolCall("c1", "look", '{"at": 1}')
ANSWERED = [*ASKED, Message("assistant", "Hm.", calls=(CALL,)), Message("tool", "noon", answers=CALL)]

VLLM = Refusal(400, {"error": {"message": '"auto" tool choice requires --enable-auto-tool-choice', "code": 400}})
LLAMACPP = Refusal(500, {"error": {"message": "tools param requires --jinja flag", "code": 500}})
STRICT = Refusal(422, {"error": {"message": "chat_template_kwargs: extra inputs are not permitted"}})
OLLAMA = Refusal(400, {"error": "registry.ollama.ai/library/gemma:2b does not support tools"})


def bits(*tool_calls: dict[str, Any]) -> list[str | None]:
    """A stream of one chunk for each bit of a call."""
    chunks = []
    for tool_call in tool_calls:
        chunk = json.loads(openai_delta().removeprefix("data: "))
        chunk["choices"][0]["delta"] = {"tool_calls": [tool_call]}
        chunks.append(f"data: {json.dumps(chunk)}\n\n")
    return [*chunks, "data: [DONE]\n\n"]


OPENAI_CALLS = bits(
    {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}},
    {"index": 0, "function": {"arguments": '{"at"'}},
    {"index": 0, "function": {"arguments": ": 1}"}},
    {"index": 1, "id": "c2", "type": "function", "function": {"name": "weigh", "arguments": "{}"}},
)
OLLAMA_CALLS: list[str | None] = [
    json.dumps(
        {
            "model": "llama3.2",
            "message": {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"function": {"name": "look", "arguments": {"at": 1}}},
                    {"function": {"name": "weigh", "arguments": {}}},
                ],
            },
            "done": False,
        }
    )
    + "\n",
    ollama_part("", done=True),
]

Opened = AbstractAsyncContextManager[tuple[LanguageModel, ChatServer]]


async def parts(model: LanguageModel, messages: list[Message] = ASKED) -> list[Token | ToolCall]:
    """What is said and asked for, signs of life left out."""
    assert isinstance(model, CallingModel)
    async with aclosing(model.reply_or_call(messages)) as reply:
        return [part async for part in reply if part != Token("")]


def offered(on: Opened, messages: list[Message] = ASKED) -> tuple[list[Token | ToolCall], list[Any], list[str]]:
    """Parts of one reply, the bodies that were sent, and why tools were refused."""
    refused: list[str] = []

    async def run() -> tuple[list[Token | ToolCall], list[Any]]:
        async with on as (model, server):
            assert isinstance(model, CallingModel)
            model.offer([SPEC], refused.append)
            return await parts(model, messages), server.chat_bodies

    got, bodies = asyncio.run(run())
    return got, bodies, refused


def test_openai_calls_come_whole_after_a_sign_of_life() -> None:
    got, (body,), refused = offered(on_openai(OPENAI_CALLS))
    assert got == [CALL, ToolCall("c2", "weigh", "{}")]
    assert body["tools"] == [FUNCTION]
    assert refused == []

    async def first() -> Token | ToolCall:
        async with on_openai(OPENAI_CALLS) as (model, _):
            assert isinstance(model, CallingModel)
            async with aclosing(model.reply_or_call(ASKED)) as reply:
                return await anext(reply)

    assert asyncio.run(first()) == Token("")


def test_ollamas_calls_get_ids() -> None:
    got, (body,), refused = offered(on_ollama(OLLAMA_CALLS))
    assert got == [ToolCall("call_1", "look", '{"at": 1}'), ToolCall("call_2", "weigh", "{}")]
    assert body["tools"] == [FUNCTION]
    assert refused == []


def test_openai_is_reported_calls_and_results() -> None:
    _, (body,), _ = offered(on_openai(openai_answer("It is noon.")), ANSWERED)
    function = {"name": "look", "arguments": '{"at": 1}'}
    assert body["messages"][2:] == [
        {"role": "assistant", "content": "Hm.", "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "content": "noon", "tool_call_id": "c1"},
    ]


def test_ollama_is_reported_calls_and_results() -> None:
    _, (body,), _ = offered(on_ollama(ollama_answer("It is noon.")), ANSWERED)
    assert body["messages"][2:] == [
        {"role": "assistant", "content": "Hm.", "tool_calls": [{"function": {"name": "look", "arguments": {"at": 1}}}]},
        {"role": "tool", "content": "noon", "tool_name": "look"},
    ]


@pytest.mark.parametrize(
    ("on", "requests", "reason"),
    [
        (on_openai(VLLM, VLLM, openai_answer("Hello."), openai_answer("Hello.")), 4, "--enable-auto-tool-choice"),
        (on_openai(LLAMACPP, LLAMACPP, openai_answer("Hello."), openai_answer("Hello.")), 4, "--jinja"),
        (on_openai(STRICT, VLLM, STRICT, openai_answer("Hello."), openai_answer("Hello.")), 5, "auto-tool-choice"),
        (on_ollama(OLLAMA, ollama_answer("Hello."), ollama_answer("Hello.")), 3, "does not support tools"),
    ],
    ids=["vllm", "llama.cpp", "strict", "ollama"],
)
def test_a_back_end_that_refuses_tools_says_why_once_and_answers(on: Opened, requests: int, reason: str) -> None:
    refused: list[str] = []

    async def run() -> list[Any]:
        async with on as (model, server):
            assert isinstance(model, CallingModel)
            model.offer([SPEC], refused.append)
            assert await parts(model) == [Token("Hello.")]
            assert await parts(model, ANSWERED) == [Token("Hello.")]
            return server.chat_bodies

    bodies = asyncio.run(run())
    assert len(bodies) == requests
    (reported,) = refused
    assert reason in reported
    assert all(not body.get("tools") for body in bodies[-2:])
    assert [message["role"] for message in bodies[-1]["messages"]] == ["system", "user"]
    assert bodies[-1]["messages"][-1]["content"].endswith("\n\nlook: noon")


def test_a_server_that_minds_only_our_own_fields_keeps_the_tools() -> None:
    got, bodies, refused = offered(on_openai(STRICT, OPENAI_CALLS))
    assert len(got) == 2
    assert [("tools" in body, "chat_template_kwargs" in body) for body in bodies] == [(True, True), (True, False)]
    assert refused == []


def test_a_failure_that_is_no_refusal_stays_one() -> None:
    failed = Refusal(500, {"error": {"message": "out of memory"}})
    with pytest.raises(EngineError, match="out of memory"):
        offered(on_openai(failed))


def test_a_plain_reply_leaves_calls_out() -> None:
    async def run() -> list[Token]:
        async with on_openai(OPENAI_CALLS) as (model, _):
            return [token async for token in model.reply(ASKED) if token.text]

    assert asyncio.run(run()) == []
