"""Real models and the built-in tools: which of them call, and whether their calls are made and answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from tests.contract.chat_servers import llm_settings
from voicecli.engines.llm import llamacpp
from voicecli.engines.llm import openai as openai_chat
from voicecli.engines.llm.tool_use import ToolUser
from voicecli.engines.llm.way_memory import MEASURED, WayFile
from voicecli.tools.builtin import builtin_tools
from voicecli.tools.clock import Timers, local_now
from voicecli.types import Message, Token, ToolCall

SYSTEM = Message("system", "You are a friendly voice assistant. Answer in one or two short, plain sentences.")
ANSWERED_WITHIN_S = 100.0


@asynccontextmanager
async def tool_user(server: llamacpp.EmbeddedServer, memory: Path) -> AsyncIterator[tuple[ToolUser, asyncio.Event]]:
    """A model with the built-in tools, and what is set when it turns out that it calls none."""
    refused = asyncio.Event()
    client = openai_chat.connect(server.base_url, server.api_key, ANSWERED_WITHIN_S, use_proxy=False)
    async with asyncio.TaskGroup() as tasks:
        chat = openai_chat.OpenAiChat(client, server.model, "in this process", llm_settings())
        model = ToolUser(chat, ("prompt", "field"), WayFile(memory))
        tools = builtin_tools(local_now, Timers(local_now, lambda text: None, tasks))
        model.offer([tool.spec for tool in tools], lambda reason: refused.set())
        async with aclosing(model):
            yield model, refused


async def parts(model: ToolUser, messages: Sequence[Message]) -> list[Token | ToolCall]:
    async with aclosing(model.reply_or_call(messages)) as reply:
        return [part async for part in reply if part != Token("")]


@pytest.mark.model
def test_a_model_that_calls_nothing_loses_its_tools(embedded: llamacpp.EmbeddedServer, tmp_path: Path) -> None:
    """SmolLM2-135M: its chat template knows no tools, and what it writes is not to be trusted."""

    async def run() -> None:
        async with tool_user(embedded, tmp_path / "ways.json") as (model, refused):
            await model.warm([SYSTEM, Message("user", "Hello.")])
            await asyncio.wait_for(refused.wait(), ANSWERED_WITHIN_S)

    asyncio.run(run())
    assert MEASURED["smollm2-135m-instruct"] == "none"


@pytest.fixture
def large() -> Iterator[llamacpp.EmbeddedServer]:
    """The 1.5B model. SmolLM2 calls no tools, so nothing smaller shows that calls work."""
    found = list(Path("~/.cache/voicecli/models/qwen2.5-coder-1.5b-instruct").expanduser().glob("*.gguf"))
    if not found:
        pytest.skip(
            "qwen2.5-coder-1.5b-instruct is not installed: voicecli download-models qwen2.5-coder-1.5b-instruct"
        )
    with llamacpp.embedded_server(found[0], llm_settings(threads=2, temperature=0.0)) as server:
        yield server


@pytest.mark.model
@pytest.mark.timeout(300)  # on a busy machine reading the tools alone takes a minute
def test_a_model_that_writes_calls_as_text_uses_tools(large: llamacpp.EmbeddedServer, tmp_path: Path) -> None:
    """llama.cpp's template says that Qwen2.5-Coder supports tools, and its server recognizes none of its calls."""

    async def run() -> None:
        async with tool_user(large, tmp_path / "ways.json") as (model, _):
            question = Message("user", "Set a timer for five minutes.")
            (call,) = await parts(model, [SYSTEM, question])
            assert isinstance(call, ToolCall)
            assert (call.name, json.loads(call.arguments)) == ("set_timer", {"minutes": 5})
            result = Message("tool", "The timer is set for 5 minutes and rings at 12:05.", answers=call)
            said = await parts(model, [SYSTEM, question, Message("assistant", "", calls=(call,)), result])
            text = "".join(part.text for part in said if isinstance(part, Token))
            assert "5 minutes" in text or "12:05" in text or "five minutes" in text
            assert not set(text) & set("{}()")
            plain = await parts(model, [SYSTEM, Message("user", "Who wrote Hamlet?")])
            assert "Shakespeare" in "".join(part.text for part in plain if isinstance(part, Token))

    asyncio.run(run())
    assert WayFile(tmp_path / "ways.json").recall("qwen2.5-coder-1.5b-instruct-q4_k_m (in this process)") == "prompt"
