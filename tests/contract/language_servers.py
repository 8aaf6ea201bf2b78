"""What programs that serve language models list, as their documentation shows it, and ports for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.contract.chat_servers import ChatServer, chat_server
from voicecli.engines.llm import look

GB = 1_000_000_000


def ollama_pages(*models: Mapping[str, Any], loaded: tuple[str, ...] = ()) -> dict[str, Any]:
    """Lists of Ollama."""
    return {"/api/tags": {"models": list(models)}, "/api/ps": {"models": [{"model": name} for name in loaded]}}


def ollama_model(name: str, size_gb: float, *, family: str = "qwen3", **more: Any) -> dict[str, Any]:
    """One of Ollama's models."""
    tagged = name if ":" in name else f"{name}:latest"
    details = {"family": family, "families": [family], "format": "gguf", "quantization_level": "Q4_K_M"}
    modified = {"modified_at": "2026-05-04T17:37:44.706015396-07:00"}
    return {"name": tagged, "model": tagged, "size": int(size_gb * GB), "details": details, **modified, **more}


EMBEDDING = ollama_model("nomic-embed-text", 0.27, family="nomic-bert")


def openai_pages(*names: str, owned_by: str = "test", **more: Any) -> dict[str, Any]:
    """The list of a server of OpenAI's protocol."""
    cards = [{"id": name, "object": "model", "created": 0, "owned_by": owned_by, **more} for name in names]
    return {"/v1/models": {"object": "list", "data": cards}}


def lm_studio_pages(**states: str) -> dict[str, Any]:
    """Lists of LM Studio, which begins with embeddings; `states`: state by name, with _ for -."""
    named = {"text-embedding-nomic-embed-text-v1.5": "not-loaded"}
    named |= {name.replace("_", "-"): state for name, state in states.items()}
    entries = [
        {"id": name, "object": "model", "type": "embeddings" if "embed" in name else "llm", "state": state}
        for name, state in named.items()
    ]
    return openai_pages(*named, owned_by="organization_owner") | {"/api/v0/models": {"object": "list", "data": entries}}


LLAMA_CPP = openai_pages(
    "qwen3-4b-q4_k_m.gguf", owned_by="llamacpp", meta={"size": 2_500_000_000, "n_ctx_train": 40960}
)
VLLM = openai_pages("Qwen/Qwen2.5-7B-Instruct", owned_by="vllm", max_model_len=4096)
OWN_SPEECH = openai_pages("kokoro-v1.0-int8", owned_by="voicecli")
WEB_APP: dict[str, Any] = {"/v1/models": "<html><body>A wiki</body></html>"}


@asynccontextmanager
async def serving(*programs: tuple[str, Mapping[str, Any]]) -> AsyncIterator[tuple[dict[int, str], list[ChatServer]]]:
    """Servers with the pages of programs: the port of each, with the program that usually has it."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(chat_server(pages=pages)) for _, pages in programs]
        yield {server.port: name for server, (name, _) in zip(servers, programs, strict=True)}, servers


@pytest.fixture(autouse=True)
def no_usual_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever serves on the developer's machine is not found; a busy machine is no reason to find nothing."""
    monkeypatch.setattr(look, "USUAL_PORTS", {})
    monkeypatch.setattr(look, "CONNECT_S", 20.0)
    monkeypatch.setattr(look, "ANSWER_S", 20.0)
