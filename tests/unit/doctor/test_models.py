"""How `voicecli doctor` looks at model files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.models.stage import manifest, model, pinned, source
from voicecli.doctor.models import ModelFacts
from voicecli.doctor.probes.models import model_facts
from voicecli.models.store import ModelStore

FILES = {"a.gguf": b"twelve bytes", "LICENSE": b"MIT"}


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """One model, whole."""
    listed = [pinned(name, content) for name, content in FILES.items()]
    store = ModelStore(tmp_path, manifest(model("tiny", source("pypi", "tiny==1", *listed))))
    (tmp_path / "tiny").mkdir()
    for name, content in FILES.items():
        (tmp_path / "tiny" / name).write_bytes(content)
    return store


def look(store: ModelStore, name: str = "tiny", *, quick: bool = False) -> ModelFacts:
    (facts,) = model_facts(store, [name], quick=quick)
    return facts


def test_a_whole_model_is_hashed(store: ModelStore) -> None:
    assert look(store) == ModelFacts("tiny", "whole", "turn", 15, (), True)
    assert look(store, quick=True) == ModelFacts("tiny", "whole", "turn", 15, (), False)


def test_one_wrong_byte_is_found_by_hashing_alone(store: ModelStore) -> None:
    (store.root / "tiny" / "a.gguf").write_bytes(b"twelve bytez")
    assert look(store) == ModelFacts("tiny", "damaged", "turn", 15, ("a.gguf",), True)
    assert look(store, quick=True).state == "whole"


def test_a_file_that_was_cut_short_lacks(store: ModelStore) -> None:
    (store.root / "tiny" / "a.gguf").write_bytes(b"twelve")
    assert look(store) == ModelFacts("tiny", "incomplete", "turn", 15, ("a.gguf",))


def test_an_absent_model_is_absent(store: ModelStore) -> None:
    store.remove("tiny")
    assert look(store) == ModelFacts("tiny", "absent", "turn", 15)


def test_an_unknown_name_has_a_hint(store: ModelStore) -> None:
    facts = look(store, "tyni")
    assert facts.state == "unknown"
    assert "tiny" in facts.hint


@pytest.mark.parametrize(("name", "kind"), [("own.gguf", "llm"), ("own.onnx", "tts"), ("own.bin", ""), ("own", "stt")])
def test_the_users_own_files_are_taken_as_they_are(store: ModelStore, tmp_path: Path, name: str, kind: str) -> None:
    own = tmp_path / name
    if kind == "stt":
        own.mkdir()
        (own / "model.bin").write_bytes(b"1234")
    else:
        own.write_bytes(b"1234")
    assert look(store, str(own)) == ModelFacts(str(own), "own", kind, 4)
