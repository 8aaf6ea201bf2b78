"""What `--model` finds, gets or refuses, with scripted servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.contract.chat_servers import ChatServer, chat_server, llm_settings
from tests.contract.language_servers import EMBEDDING, lm_studio_pages, no_usual_ports, ollama_model, ollama_pages
from tests.defaults import LANGUAGE_MODEL, SETTINGS
from voicecli.commands import language_model
from voicecli.commands.language_model import with_named_model
from voicecli.engines.llm import look
from voicecli.errors import BackendUnavailable, ModelMissing, SettingsError
from voicecli.settings.model import LlmSettings, Settings

__all__ = ["no_usual_ports"]  # the fixture

OLLAMA = ollama_pages(EMBEDDING, ollama_model("qwen3:4b", 2.6), ollama_model("llama3.2", 2.0))
PULLED = "".join(
    json.dumps(line) + "\n"
    for line in (
        {"status": "pulling manifest"},
        {"status": "pulling a", "digest": "a", "total": 100, "completed": 40},
        {"status": "pulling a", "digest": "a", "total": 100, "completed": 100},
        {"status": "pulling b", "digest": "b", "total": 3},
        {"status": "success"},
    )
)


def asked(model: str, folder: Path, url: str = "http://127.0.0.1:9", *, offline: bool = False, **llm: Any) -> Settings:
    models = SETTINGS.models.model_copy(update={"dir": str(folder), "offline": offline})
    chosen = llm_settings(**{"model": model, "ollama_url": url, **llm})
    return SETTINGS.model_copy(update={"llm": chosen, "models": models})


def found(
    model: str, folder: Path, pages: Mapping[str, Any] = OLLAMA, **changes: Any
) -> tuple[LlmSettings, ChatServer]:
    """What the name means, with an Ollama that has these pages."""

    async def run() -> tuple[LlmSettings, ChatServer]:
        async with chat_server(pages=pages) as server:
            settings = asked(model, folder, f"http://127.0.0.1:{server.port}", **changes)
            return (await asyncio.to_thread(with_named_model, settings)).llm, server

    return asyncio.run(run())


def refused(model: str, folder: Path, *others: Any, **changes: Any) -> str:
    with pytest.raises((SettingsError, ModelMissing, BackendUnavailable)) as caught:
        found(model, folder, *others, **changes)
    return f"{caught.value.message}; {caught.value.hint}"


def test_without_a_name_nothing_is_asked(tmp_path: Path) -> None:
    settings = asked("", tmp_path)
    assert with_named_model(settings) is settings
    served = asked("any", tmp_path, backend="openai", url="http://127.0.0.1:9/v1")
    assert with_named_model(served) is served


@pytest.mark.parametrize(
    ("name", "backend", "model"),
    [
        ("qwen3:4b", "ollama", "qwen3:4b"),
        ("llama3.2:latest", "ollama", "llama3.2"),
        (LANGUAGE_MODEL, "embedded", LANGUAGE_MODEL),
    ],
)
def test_a_name_is_found_where_it_is(tmp_path: Path, name: str, backend: str, model: str) -> None:
    llm, _ = found(name, tmp_path)
    assert (llm.backend, llm.model) == (backend, model)


def test_a_model_of_a_server_on_its_usual_port_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with chat_server(pages=lm_studio_pages(gemma_3_4b="not-loaded")) as server:
            monkeypatch.setattr(look, "USUAL_PORTS", {server.port: "LM Studio"})
            llm = (await asyncio.to_thread(with_named_model, asked("gemma-3-4b", tmp_path))).llm
            assert (llm.backend, llm.url) == ("openai", f"http://127.0.0.1:{server.port}/v1")

    asyncio.run(run())


def test_the_users_own_file_is_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    assert "there is no file" in refused(str(file), tmp_path)
    file.touch()
    llm, _ = found(str(file), tmp_path)
    assert (llm.backend, llm.model) == ("embedded", str(file))


def test_an_unknown_name_is_refused_with_the_nearest_of_all_places(tmp_path: Path) -> None:
    assert "'qwen3:4c'; nearest: qwen3:4b" in refused("qwen3:4c", tmp_path, offline=True)
    assert "nearest: smollm2-135m-instruct" in refused("smollm2-135m", tmp_path, backend="embedded")
    assert "available: qwen3:4b, llama3.2, smollm2" in refused("X", tmp_path)
    assert "Ollama does not answer" in refused("mistral:7b", tmp_path, {"/api/tags": "<html>"})
    assert "is not hf.co/OWNER/REPO" in refused("hf.co/me", tmp_path)


def test_a_tag_that_is_missing_is_asked_for_and_pulled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    questions: list[str] = []

    def agree(question: str, hint: str, *, default: bool) -> bool:
        questions.append(question)
        return default

    monkeypatch.setattr(language_model, "confirm", agree)
    llm, server = found("mistral:7b", tmp_path, OLLAMA | {"/api/pull": PULLED})
    assert questions == ["Let Ollama download mistral:7b?"]
    assert (llm.backend, llm.model) == ("ollama", "mistral:7b")
    assert server.requests[-1].body["model"] == "mistral:7b"
    shown = capfd.readouterr().err
    assert "mistral:7b: downloading" in shown
    assert "mistral:7b: ready in Ollama" in shown


def test_a_tag_that_is_not_wanted_is_not_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "confirm", lambda question, hint, *, default: False)
    assert "'mistral:7b'" in refused("mistral:7b", tmp_path)


def test_where_nobody_can_be_asked_the_command_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert refused("mistral:7b", tmp_path).endswith("ollama pull mistral:7b")
    assert refused("mistral", tmp_path, backend="ollama").endswith("ollama pull mistral")
    assert "no language model 'mistral:7b'" in refused("mistral:7b", tmp_path, offline=True)


def test_a_pull_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "confirm", lambda question, hint, *, default: True)
    failing = OLLAMA | {"/api/pull": '{"error": "pull model manifest: file does not exist"}\n'}
    assert "Ollama cannot get mistral:7b: pull model manifest" in refused("mistral:7b", tmp_path, failing)


def test_a_repository_of_the_hub_is_pulled_by_an_ollama_that_runs(tmp_path: Path) -> None:
    llm, server = found("https://huggingface.co/me/Mine-GGUF", tmp_path, OLLAMA | {"/api/pull": PULLED})
    assert (llm.backend, llm.model) == ("ollama", "hf.co/me/Mine-GGUF")
    assert server.requests[-1].body["model"] == "hf.co/me/Mine-GGUF"


def test_a_repository_of_the_hub_that_ollama_has_is_not_pulled(tmp_path: Path) -> None:
    llm, _ = found("hf.co/me/Mine-GGUF", tmp_path, ollama_pages(ollama_model("hf.co/me/mine-gguf:latest", 1.0)))
    assert (llm.backend, llm.model) == ("ollama", "hf.co/me/mine-gguf")


def test_a_repository_that_was_downloaded_needs_no_network(tmp_path: Path) -> None:
    file = tmp_path / "me--Mine-GGUF--Q4_K_M" / "mine-q4_k_m.gguf"
    assert "offline, and not installed: hf.co/me/Mine-GGUF" in refused("hf.co/me/Mine-GGUF", tmp_path, offline=True)
    assert "no language model" in refused("hf.co/me/Mine-GGUF", tmp_path, offline=True, backend="ollama")
    file.parent.mkdir()
    file.touch()
    llm, _ = found("hf.co/me/Mine-GGUF", tmp_path, offline=True)
    assert (llm.backend, llm.model) == ("embedded", str(file))


def test_a_server_may_name_its_model_as_a_file(tmp_path: Path) -> None:
    llm, _ = found("qwen3.gguf", tmp_path, ollama_pages(ollama_model("qwen3.gguf", 2.0)))
    assert (llm.backend, llm.model) == ("ollama", "qwen3.gguf")
