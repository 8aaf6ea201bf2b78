"""Which embedded model is opened here, by what is installed and what the machine has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.defaults import SETTINGS
from voicecli.models import store as stores
from voicecli.models.ladder import Machine, Speed
from voicecli.models.manifest import Manifest
from voicecli.models.speeds import load_speeds
from voicecli.models.store import ModelStore, chosen_model, embedded_models, language_model_file
from voicecli.settings.model import Settings
from voicecli.types import Timings

DEMO, SMALL, EVERYDAY = "smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"
GB = 1_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    llm = SETTINGS.llm.model_copy(update={"backend": "embedded"})
    return SETTINGS.model_copy(update={"models": SETTINGS.models.model_copy(update={"dir": str(tmp_path)}), "llm": llm})


@pytest.fixture
def store(settings: Settings) -> ModelStore:
    return ModelStore(settings.models_dir, Manifest.load())


def install(store: ModelStore, *names: str) -> None:
    """Files of the right size, with nothing in them."""
    for name in names:
        store.folder(name).mkdir()
        for file in store.manifest.find(name).source[0].files:
            with (store.folder(name) / file.name).open("wb") as opened:
                opened.truncate(file.size)


def on(monkeypatch: pytest.MonkeyPatch, free_gb: float, cores: int = 2) -> None:
    monkeypatch.setattr(stores, "this_machine", lambda gpu_layers: Machine(int(free_gb * GB), cores))


def test_the_best_that_fits_is_opened(store: ModelStore, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    install(store, DEMO, SMALL, EVERYDAY)
    on(monkeypatch, 4)
    file = language_model_file(store, settings, "")
    assert (file.name, file.path.suffix) == (EVERYDAY, ".gguf")
    assert file.why.startswith(f"{EVERYDAY}: the best of 3 that fit 4.0 GB free; ")
    assert embedded_models(settings) == [EVERYDAY]
    on(monkeypatch, 2)
    assert language_model_file(store, settings, "").name == SMALL
    assert embedded_models(settings) == [SMALL]


def test_a_model_that_was_named_is_opened_whatever_fits(
    store: ModelStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(store, DEMO, EVERYDAY)
    on(monkeypatch, 1)
    file = language_model_file(store, settings, EVERYDAY)
    assert (file.name, file.why) == (EVERYDAY, "")


def test_where_none_fits_the_smallest_is_tried_and_that_is_said(
    store: ModelStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(store, SMALL, EVERYDAY)
    on(monkeypatch, 1)
    name, why = chosen_model(store, settings.llm, "en")
    assert name == SMALL
    assert why == f"no language model here fits 1.0 GB free: {SMALL} needs 1.6 GB; the smallest is tried"


def test_where_none_is_installed_the_demo_is_to_be_downloaded(
    store: ModelStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, 16, cores=16)
    assert chosen_model(store, settings.llm, "en")[0] == DEMO
    assert embedded_models(settings) == [DEMO]


def test_what_its_answers_take_is_kept(store: ModelStore, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    install(store, DEMO)
    on(monkeypatch, 4)
    measured = language_model_file(store, settings, "").measured
    assert measured
    measured(Timings(100, 1.0, 40, 1.0, threads=2))
    assert load_speeds(store.root) == {DEMO: Speed(100.0, 40.0)}


def test_a_file_of_the_user_is_not_measured(store: ModelStore, settings: Settings, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF")
    file = language_model_file(store, settings, str(own))
    assert (file.name, file.why, file.measured) == ("own", "", None)
