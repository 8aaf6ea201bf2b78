"""llama.cpp in this process: quiet, private, and clear about what it cannot load."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path

import pytest

from tests.contract.chat_servers import llm_settings
from tests.contract.language_models import ASKED, on_embedded, said
from voicecli.conversation.history import History, estimated_tokens
from voicecli.engines.llm import llamacpp
from voicecli.engines.llm import openai as openai_chat
from voicecli.errors import BackendUnavailable, EngineError, ModelMissing
from voicecli.types import Message


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
def test_a_conversation_longer_than_the_context_is_reported(embedded: llamacpp.EmbeddedServer) -> None:
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


TALKS = {
    "short turns": ("Why?", "Yes."),
    "English": ("What is the capital of France?", "The capital of France is Paris, which lies on the Seine."),
    "German": ("Wie heißt die Hauptstadt von Österreich?", "Die Hauptstadt von Österreich heißt Wien, an der Donau."),
    "Japanese": ("日本の首都はどこですか", "日本の首都は東京です。とても大きな町です。"),
    "Hindi": ("भारत की राजधानी क्या है?", "भारत की राजधानी नई दिल्ली है।"),
    "code": ("Show me a loop.", "```python\nfor i in range(10):\n    print(i ** 2, end='\\t')\n```"),
}


def counted_tokens(server: llamacpp.EmbeddedServer, messages: list[Message]) -> int:
    """Of the prompt, by the server itself."""
    asked = {"messages": [{"role": one.role, "content": one.text} for one in messages], "max_tokens": 1}
    request = urllib.request.Request(
        f"{server.base_url}/chat/completions",
        data=json.dumps(asked).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return int(json.load(answer)["usage"]["prompt_tokens"])


@pytest.mark.model
@pytest.mark.parametrize("talk", TALKS)
def test_a_history_that_is_as_full_as_can_be_fits_into_the_context(
    embedded: llamacpp.EmbeddedServer, talk: str
) -> None:
    question, answer = TALKS[talk]
    history, fullest = History("Be brief.", llm_settings().context_tokens - 24), [Message("user", "")]
    for _ in range(200):
        fullest = max(fullest, history.prompt(question), key=len)
        history.add(question, answer)
    assert counted_tokens(embedded, fullest) <= sum(map(estimated_tokens, fullest)) <= llm_settings().context_tokens
