"""Names of language models, as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.engines.llm.model_names import hub_repository, is_tag, own_file, unknown_model
from voicecli.errors import SettingsError
from voicecli.types import HubRepository


@pytest.mark.parametrize(
    ("name", "repository", "shown"),
    [
        ("hf.co/Qwen/Qwen3-4B-GGUF", HubRepository("Qwen", "Qwen3-4B-GGUF", "Q4_K_M"), "hf.co/Qwen/Qwen3-4B-GGUF"),
        ("huggingface.co/a/b.c:q8_0", HubRepository("a", "b.c", "Q8_0", True), "hf.co/a/b.c:Q8_0"),
        ("https://huggingface.co/a/b/", HubRepository("a", "b", "Q4_K_M"), "hf.co/a/b"),
        ("HF.co/a/b:UD-Q4_K_XL", HubRepository("a", "b", "UD-Q4_K_XL", True), "hf.co/a/b:UD-Q4_K_XL"),
    ],
)
def test_a_repository_of_the_hub(name: str, repository: HubRepository, shown: str) -> None:
    assert hub_repository(name) == repository
    assert repository.name == shown
    assert repository.folder == f"{repository.owner}--{repository.repo}--{repository.quantization}"


@pytest.mark.parametrize("name", ["hf.co/a", "hf.co/a/b/c", "hf.co//b", "hf.co/a/b:", "hf.co/../b", "hf.co/a/..:Q4_0"])
def test_half_a_repository_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="is not hf.co/OWNER/REPO"):
        hub_repository(name)


@pytest.mark.parametrize("name", ["qwen3:4b", "llama", "a/b", "", "mine.gguf"])
def test_what_is_no_repository(name: str) -> None:
    assert hub_repository(name) is None


@given(st.text())
def test_any_name_is_a_repository_or_none_or_refused(name: str) -> None:
    try:
        repository = hub_repository(f"hf.co/{name}")
    except SettingsError:
        return
    assert repository is not None
    assert Path(repository.folder).name == repository.folder


@pytest.mark.parametrize(
    ("name", "is_one"), [("qwen3:4b", True), ("me/mine:latest", True), ("qwen3", False), ("", False)]
)
def test_tags(name: str, is_one: bool) -> None:
    assert is_tag(name) is is_one


def test_the_users_own_file(tmp_path: Path) -> None:
    file = tmp_path / "Mine.GGUF"
    with pytest.raises(SettingsError, match="there is no file"):
        own_file(str(file))
    file.touch()
    assert own_file(str(file)) == file
    assert own_file("qwen3:4b") is None
    assert own_file("hf.co/me/model.gguf") is None


def test_the_nearest_names_come_first() -> None:
    names = ["qwen3:4b", "llama3.2", "Qwen3:8b", "smollm2-135m-instruct"]
    error = unknown_model("qwen3:9b", names, ["Ollama does not answer"])
    assert error.message == "there is no language model 'qwen3:9b'"
    assert error.hint == "nearest: Qwen3:8b, qwen3:4b; Ollama does not answer"
    assert unknown_model("xyz", names).hint == "available: qwen3:4b, llama3.2, Qwen3:8b, smollm2-135m-instruct"
    assert unknown_model("xyz", []).hint == "voicecli download-models --list"


@given(st.text(), st.lists(st.text(min_size=1)))
def test_suggestions_are_names_that_are_there(name: str, names: list[str]) -> None:
    hint = unknown_model(name, names).hint
    assert hint.startswith("nearest: " if hint.startswith("n") else "available: " if names else "voicecli")
