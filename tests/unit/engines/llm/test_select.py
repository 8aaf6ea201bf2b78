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
from tests.contract.language_servers import (
    EMBEDDING,
    LLAMA_CPP,
    OWN_SPEECH,
    VLLM,
    WEB_APP,
    lm_studio_pages,
    no_usual_ports,
    ollama_model,
    ollama_pages,
    openai_pages,
    serving,
)
from voicecli.engines.llm import look, select
from voicecli.engines.llm.available import AvailableModel, list_language_models
from voicecli.engines.llm.look import look_around
from voicecli.engines.llm.ranking import Room
from voicecli.engines.llm.select import open_language_model
from voicecli.errors import BackendUnavailable, ModelMissing, SettingsError
from voicecli.network import host_and_port, is_loopback
from voicecli.types import GgufFile

__all__ = ["gguf", "no_usual_ports"]  # the fixtures


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
            assert why == "its only model"
            assert narrated == ["Loading llama3.2 into Ollama…"]

    asyncio.run(run())


def test_a_configured_server_that_is_silent_is_passed_over_aloud(nowhere: str) -> None:
    async def run() -> None:
        async with chat_server(pages=TAGS) as server:
            ollama_url = f"http://127.0.0.1:{server.port}"
            name, why, narrated = await choice(url=f"http://{nowhere}/v1", ollama_url=ollama_url)
            assert name == "llama3.2 (Ollama)"
            assert why == f"{nowhere} does not answer; its only model"
            assert narrated[0].startswith(f"Skipping the configured server: {nowhere} does not answer. ")

    asyncio.run(run())


@pytest.mark.model
def test_the_embedded_model_comes_last(gguf: Path, nowhere: str) -> None:
    name, why, narrated = asyncio.run(choice(named(gguf), ollama_url=f"http://{nowhere}", model=""))
    assert name == "smollm2"
    assert why == "in this process: no server with a language model was found on this machine"
    assert narrated == ["Loading smollm2…"]


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
            assert (name, why) == ("llama3.2 (Ollama)", "its only model")
            name, why, _ = await choice(backend="openai", url=f"http://{here}/v1")
            assert (name, why) == (f"small ({here})", "set by llm.backend")

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
                AvailableModel("small", "openai", here, f"http://{here}/v1"),
                AvailableModel("llama3.2", "ollama", "Ollama", f"http://{here}"),
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


SPACIOUS = Room(memory_bytes=16_000_000_000, cores=8)


@pytest.fixture
def spacious(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with room for the models of these tests, whatever runs them."""

    async def room() -> Room:
        return SPACIOUS

    monkeypatch.setattr(select, "this_room", room)


def at(ports: dict[int, str], name: str) -> str:
    return next(f"http://127.0.0.1:{port}" for port, program in ports.items() if program == name)


async def chosen(
    monkeypatch: pytest.MonkeyPatch, *programs: tuple[str, Any], gguf: Any = no_gguf, **changes: Any
) -> tuple[str, str]:
    """Name of the model that auto takes among these programs, and why."""
    async with serving(*programs) as (ports, _):
        ollama_url = next((f"http://127.0.0.1:{port}" for port, name in ports.items() if name == "Ollama"), "")
        others = {port: name for port, name in ports.items() if name != "Ollama"}
        monkeypatch.setattr(look, "USUAL_PORTS", others)
        name, why, _ = await choice(gguf, ollama_url=ollama_url or "http://127.0.0.1:9", **changes)
    return name, why


LARGE, SMALL = ollama_model("qwen3:8b", 5.2), ollama_model("qwen3:1.7b", 1.4)
ON_VLLM = "Qwen/Qwen2.5-7B-Instruct (vLLM)"
BEST_OF_TWO = "the best of 2 for this machine, 5.2 GB"
THREE = ("Ollama", ollama_pages(EMBEDDING, SMALL, LARGE))
SMALL_LOADED = ("Ollama", ollama_pages(EMBEDDING, SMALL, LARGE, loaded=("qwen3:1.7b",)))
STUDIO = ("LM Studio", lm_studio_pages(gemma_3_4b="not-loaded", qwen3_4b="loaded"))


@pytest.mark.usefixtures("spacious")
@pytest.mark.parametrize(
    ("programs", "name", "why"),
    [
        ([THREE], "qwen3:8b (Ollama)", BEST_OF_TWO),
        ([SMALL_LOADED], "qwen3:1.7b (Ollama)", "in memory"),
        ([STUDIO], "qwen3-4b (LM Studio)", "in memory"),
        ([THREE, STUDIO], "qwen3-4b (LM Studio)", "in memory"),
        ([THREE, ("LM Studio", lm_studio_pages(gemma="not-loaded"))], "qwen3:8b (Ollama)", BEST_OF_TWO),
        ([("llama.cpp", LLAMA_CPP)], "qwen3-4b-q4_k_m.gguf (llama.cpp)", "in memory"),
        ([("llama.cpp", VLLM)], ON_VLLM, "in memory"),
        ([("llama.cpp", WEB_APP), ("vLLM", OWN_SPEECH), ("SGLang", VLLM)], ON_VLLM, "in memory"),
        ([("vLLM", openai_pages("Systran/faster-whisper-small")), THREE], "qwen3:8b (Ollama)", BEST_OF_TWO),
    ],
)  # fmt: skip
def test_auto_takes(monkeypatch: pytest.MonkeyPatch, programs: list[tuple[str, Any]], name: str, why: str) -> None:
    assert asyncio.run(chosen(monkeypatch, *programs)) == (name, why)


@pytest.mark.usefixtures("spacious")
@pytest.mark.parametrize(
    "programs",
    [
        [("llama.cpp", WEB_APP)],
        [("vLLM", OWN_SPEECH)],
        [("vLLM", {"/v1/models": {"data": [{"id": "a car"}]}})],
        [("Ollama", ollama_pages(EMBEDDING))],
        [("Ollama", ollama_pages(ollama_model("gpt-oss:120b-cloud", 0.0)))],
    ],
    ids=["web app", "our own speech", "another list", "an embedding", "in the cloud"],
)
def test_auto_never_takes(monkeypatch: pytest.MonkeyPatch, programs: list[tuple[str, Any]]) -> None:
    with pytest.raises(ModelMissing, match="no embedded model"):
        asyncio.run(chosen(monkeypatch, *programs))


def test_a_demo_of_a_server_does_not_beat_a_real_one_of_the_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "real.gguf").open("wb") as sparse:
        sparse.truncate(500_000_000)

    def real(name: str) -> GgufFile:
        return GgufFile("real", tmp_path / "real.gguf")

    demo = ("Ollama", ollama_pages(ollama_model("smollm2:135m", 0.27)))
    assert asyncio.run(chosen(monkeypatch, demo))[0] == "smollm2:135m (Ollama)"
    with pytest.raises(ModelMissing, match="is not a GGUF file"):  # it was opened
        asyncio.run(chosen(monkeypatch, demo, gguf=real))


def test_a_model_that_the_memory_cannot_hold_is_passed_over_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def room() -> Room:
        return Room(memory_bytes=2_000_000_000, cores=8)

    monkeypatch.setattr(select, "this_room", room)
    found: list[str] = []

    def missing(name: str) -> NoReturn:
        found.append(name)
        raise ModelMissing("none")

    with pytest.raises(ModelMissing):
        asyncio.run(chosen(monkeypatch, ("Ollama", ollama_pages(LARGE)), gguf=missing))
    assert found == [""]
    with pytest.raises(BackendUnavailable, match="Ollama's qwen3:8b needs 6.7 GB of memory, 2.0 GB are free"):
        asyncio.run(chosen(monkeypatch, ("Ollama", ollama_pages(LARGE)), backend="ollama"))
    assert asyncio.run(chosen(monkeypatch, ("Ollama", ollama_pages(LARGE)), model="qwen3:8b")) == (
        "qwen3:8b (Ollama)",
        "set by llm.model",
    )


def test_a_named_model_is_found_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, shown in (("qwen3:1.7b", "qwen3:1.7b (Ollama)"), ("gemma-3-4b", "gemma-3-4b (LM Studio)")):
        assert asyncio.run(chosen(monkeypatch, THREE, STUDIO, model=name)) == (shown, "set by llm.model")


@pytest.mark.parametrize("backend", ["openai", "ollama"])
def test_a_named_model_that_is_not_there_is_refused_with_the_nearest(backend: str) -> None:
    async def run() -> None:
        async with chat_server(pages=THREE[1] | openai_pages("qwen3:8b", "other")) as server:
            here = f"http://127.0.0.1:{server.port}"
            with pytest.raises(SettingsError, match="there is no language model 'qwen3:9b'") as caught:
                await choice(backend=backend, url=f"{here}/v1", ollama_url=here, model="qwen3:9b")
            assert caught.value.hint.startswith("nearest: qwen3:8b")

    asyncio.run(run())


def test_a_configured_server_that_lists_embeddings_first_answers_with_a_language_model() -> None:
    async def run() -> None:
        async with chat_server(pages=openai_pages("text-embedding-nomic-embed-text-v1.5", "gemma")) as server:
            name, _, _ = await choice(url=f"http://127.0.0.1:{server.port}/v1")
            assert name.startswith("gemma (")
        async with chat_server(pages=openai_pages("text-embedding-nomic-embed-text-v1.5")) as server:
            with pytest.raises(BackendUnavailable, match="lists no language model"):
                await choice(backend="openai", url=f"http://127.0.0.1:{server.port}/v1")

    asyncio.run(run())


def test_a_server_that_is_silent_does_not_hold_up_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "ANSWER_S", 0.1)

    async def run() -> None:
        left = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            left.set()

        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            assert await look_around(f"http://127.0.0.1:{port}", {port: "vLLM"}) == []
            await left.wait()

    asyncio.run(run())


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "not a url", "http://[::1", ""])
def test_an_address_that_is_none_is_passed_over(url: str) -> None:
    assert asyncio.run(look_around(url)) == []


def test_the_key_of_the_configured_server_goes_to_no_other() -> None:
    settings = llm_settings(url="http://gpu:8000/v1", api_key="sk-secret")
    here = AvailableModel("a", "openai", "", "http://127.0.0.1:1234/v1").settings(settings)
    assert (here.url, here.api_key.get_secret_value()) == ("http://127.0.0.1:1234/v1", "")
    there = AvailableModel("a", "openai", "", "http://gpu:8000/v1").settings(settings)
    assert there.api_key.get_secret_value() == "sk-secret"


def test_a_configured_lm_studio_answers_with_what_it_has_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with serving(("LM Studio", lm_studio_pages(gemma="not-loaded", qwen="loaded"))) as (ports, _):
            monkeypatch.setattr(look, "USUAL_PORTS", ports)
            (port,) = ports
            name, why, _ = await choice(url=f"http://127.0.0.1:{port}/v1", backend="openai")
            assert (name, why) == (f"qwen (127.0.0.1:{port})", "set by llm.backend")

    asyncio.run(run())
