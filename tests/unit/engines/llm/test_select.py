"""Which language model is taken, and what is said about it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.contract.chat_servers import MODELS, TAGS, chat_server, llm_settings
from tests.contract.conftest import gguf
from voicecli.engines.llm.select import AvailableModel, list_language_models, open_language_model
from voicecli.errors import BackendUnavailable, ModelMissing, SettingsError
from voicecli.network import host_and_port, is_loopback
from voicecli.types import GgufFile

__all__ = ["gguf"]  # the fixture


@pytest.fixture
def nowhere() -> str:
    """Host and port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def no_gguf(name: str) -> NoReturn:
    raise ModelMissing("no embedded model")


def named(gguf: Path) -> Callable[[str], GgufFile]:
    return lambda name: GgufFile(name or "smollm2", gguf)


async def choice(gguf: Any = no_gguf, **changes: Any) -> tuple[str, str, list[str]]:
    """Name of the model that is taken, why, and what was narrated."""
    narrated: list[str] = []
    async with open_language_model(llm_settings(**changes), gguf, narrated.append) as opened:
        return opened.model.name, opened.why, narrated


def test_a_configured_server_comes_first() -> None:
    async def run() -> None:
        async with chat_server(pages=MODELS) as server:
            here = f"127.0.0.1:{server.port}"
            assert await choice(url=f"http://{here}/v1") == (f"small ({here})", f"{here} is configured", [])

    asyncio.run(run())


def test_ollama_comes_next() -> None:
    async def run() -> None:
        async with chat_server(pages=TAGS) as server:
            name, why, narrated = await choice(ollama_url=f"http://127.0.0.1:{server.port}")
            assert name == "llama3.2 (Ollama)"
            assert why == "no server is configured; Ollama answers"
            assert narrated == ["Loading llama3.2 into Ollama…"]

    asyncio.run(run())


def test_a_configured_server_that_is_silent_is_passed_over_aloud(nowhere: str) -> None:
    async def run() -> None:
        async with chat_server(pages=TAGS) as server:
            ollama_url = f"http://127.0.0.1:{server.port}"
            name, why, narrated = await choice(url=f"http://{nowhere}/v1", ollama_url=ollama_url)
            assert name == "llama3.2 (Ollama)"
            assert why == f"{nowhere} does not answer; Ollama answers"
            assert narrated[0].startswith(f"Skipping the configured server: {nowhere} does not answer. ")

    asyncio.run(run())


@pytest.mark.model
def test_the_embedded_model_comes_last(gguf: Path, nowhere: str) -> None:
    name, why, narrated = asyncio.run(choice(named(gguf), ollama_url=f"http://{nowhere}", model=""))
    assert name == "smollm2"
    assert why == f"in this process: no server is configured and Ollama does not answer on {nowhere}"
    assert narrated == ["Loading smollm2…"]


@pytest.mark.model
def test_an_ollama_without_the_model_is_passed_over(gguf: Path) -> None:
    async def run() -> None:
        async with chat_server(pages=TAGS) as server:
            settings = {"ollama_url": f"http://127.0.0.1:{server.port}", "model": "qwen3:4b"}
            _, why, _ = await choice(named(gguf), **settings)
            ollama = "Ollama has no model qwen3:4b (installed: llama3.2)"
            assert why == f"in this process: no server is configured and {ollama}"

    asyncio.run(run())


def test_without_any_the_missing_model_is_the_error(nowhere: str) -> None:
    with pytest.raises(ModelMissing, match="no embedded model"):
        asyncio.run(choice(ollama_url=f"http://{nowhere}"))


@pytest.mark.parametrize("backend", ["openai", "ollama"])
def test_what_was_asked_for_must_answer(backend: str, nowhere: str) -> None:
    with pytest.raises(BackendUnavailable, match=nowhere) as caught:
        asyncio.run(choice(backend=backend, url=f"http://{nowhere}/v1", ollama_url=f"http://{nowhere}"))
    assert caught.value.hint


def test_the_backend_that_was_asked_for_is_taken_alone(nowhere: str) -> None:
    async def run() -> None:
        async with chat_server(pages=MODELS | TAGS) as server:
            here = f"127.0.0.1:{server.port}"
            name, why, _ = await choice(backend="ollama", url=f"http://{nowhere}/v1", ollama_url=f"http://{here}")
            assert (name, why) == ("llama3.2 (Ollama)", "set by llm.backend")
            name, why, _ = await choice(backend="openai", url=f"http://{here}/v1", model="other")
            assert (name, why) == (f"other ({here})", "set by llm.backend")

    asyncio.run(run())


def test_backend_openai_needs_a_url() -> None:
    with pytest.raises(SettingsError, match="llm.url is empty"):
        asyncio.run(choice(backend="openai"))


def test_the_key_is_never_reported(nowhere: str) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        asyncio.run(choice(backend="openai", url=f"http://user:hunter2@{nowhere}/v1", api_key="sk-secret"))
    reported = f"{caught.value.message} {caught.value.hint}"
    assert "hunter2" not in reported
    assert "sk-secret" not in reported


def test_a_web_page_is_not_ollama() -> None:
    async def run() -> None:
        async with chat_server(pages={"/api/tags": "<html>"}) as server:
            with pytest.raises(BackendUnavailable, match="is not Ollama"):
                await choice(backend="ollama", ollama_url=f"http://127.0.0.1:{server.port}")

    asyncio.run(run())


def test_a_proxy_does_not_stand_before_this_machine(monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{nowhere}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    test_a_configured_server_comes_first()
    test_ollama_comes_next()


@pytest.mark.parametrize(
    ("url", "shown", "loopback"),
    [
        ("http://127.0.0.1:30000/v1", "127.0.0.1:30000", True),
        ("http://localhost:11434", "localhost:11434", True),
        ("http://[::1]:11434", "[::1]:11434", True),
        ("127.0.0.1:11434", "127.0.0.1:11434", True),
        ("https://user:pass@gpu.example.org/v1", "gpu.example.org", False),
        ("http://192.168.1.4:30000/v1", "192.168.1.4:30000", False),
    ],
)
def test_places(url: str, shown: str, loopback: bool) -> None:
    assert host_and_port(url) == shown
    assert is_loopback(url) is loopback


def test_those_on_the_disk_and_those_of_the_servers_that_answer(nowhere: str) -> None:
    async def run() -> None:
        async with chat_server(pages={**MODELS, **TAGS}) as server:
            here = f"127.0.0.1:{server.port}"
            settings = llm_settings(url=f"http://{here}/v1", ollama_url=f"http://{here}")
            found = await list_language_models(settings, ["tiny"])
            assert found.models == (
                AvailableModel("tiny", "embedded", "embedded"),
                AvailableModel("small", "openai", here),
                AvailableModel("llama3.2", "ollama", "Ollama"),
            )
            assert found.unreachable == ()

    asyncio.run(run())


def test_a_server_that_was_configured_and_is_silent_is_reported(nowhere: str) -> None:
    async def run() -> None:
        settings = llm_settings(url=f"http://{nowhere}/v1", ollama_url=f"http://{nowhere}")
        found = await list_language_models(settings, [])
        assert (found.models, found.unreachable) == ((), (f"{nowhere} does not answer",))
        ollama = await list_language_models(settings.model_copy(update={"url": "", "backend": "ollama"}), [])
        assert ollama.unreachable == (f"Ollama does not answer on {nowhere}",)

    asyncio.run(run())
