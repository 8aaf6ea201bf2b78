"""Where a tuning begins: the user's settings without what is tuned."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicecli.errors import EngineError, ModelMissing
from voicecli.models.manifest import Manifest
from voicecli.models.store import ModelStore
from voicecli.tune.start import begin, installed
from voicecli.tune.values import PART_OF


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """A store whose models are files of the right sizes, with nothing in them."""
    monkeypatch.setenv("VOICECLI_MODELS_DIR", str(tmp_path / "models"))
    return ModelStore(tmp_path / "models", Manifest.load())


def put(store: ModelStore, *names: str) -> None:
    for name in names:
        store.folder(name).mkdir(parents=True)
        for file in store.manifest.find(name).source[0].files:
            with (store.folder(name) / file.name).open("wb") as empty:
                empty.truncate(file.size or 1)


def test_without_a_file_all_is_as_it_comes(models: ModelStore) -> None:
    put(models, "whisper-base", "kokoro-v1.0-int8")
    beginning = begin("cpu", None)
    assert beginning.defaults == beginning.shipped
    assert beginning.defaults.keys() == PART_OF.keys()
    assert all(beginning.defaults[key] for key in ("stt.threads", "llm.threads", "tts.threads"))
    assert (beginning.asked, beginning.notes) == ((), ())


def test_what_the_user_has_set_stays_but_for_what_is_tuned(models: ModelStore, tmp_path: Path) -> None:
    put(models, "whisper-base", "kokoro-v1.0-int8")
    mine = tmp_path / "mine.toml"
    mine.write_text('[stt]\nlanguage = "de"\nthreads = 1\n[listen]\nend_ms = 900\nendpoint = "fast"\n', encoding="utf8")
    settings = begin("cpu", mine).settings
    assert (settings.stt.language, settings.listen.end_ms) == ("de", 900)
    assert (settings.stt.threads, settings.listen.endpoint) == (0, "balanced")


def test_a_file_that_is_not_there_yet_is_no_mistake(models: ModelStore, tmp_path: Path) -> None:
    put(models, "whisper-base", "kokoro-v1.0-int8")
    assert begin("cpu", tmp_path / "new.toml").path == tmp_path / "new.toml"


def test_what_the_environment_says_of_a_tuned_setting_is_reported(
    models: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(models, "whisper-base", "kokoro-v1.0-int8")
    monkeypatch.setenv("VOICECLI_STT_THREADS", "3")
    (note,) = begin("cpu", None).notes
    assert note.startswith("VOICECLI_STT_THREADS is set")


def test_where_the_default_is_not_there_another_model_stands_in(models: ModelStore) -> None:
    put(models, "whisper-small", "whisper-tiny.en", "kokoro-v1.0-fp32")
    beginning = begin("cpu", None)
    assert (beginning.defaults["stt.model"], beginning.shipped["stt.model"]) == ("whisper-tiny.en", "whisper-base")
    assert beginning.settings.tts.model == "kokoro-v1.0-fp32"
    assert [note.partition(":")[0] for note in beginning.notes] == [
        "the default whisper-base is not installed",
        "the default kokoro-v1.0-int8 is not installed",
    ]


def test_only_what_is_installed_and_knows_the_language_is_tried(models: ModelStore, tmp_path: Path) -> None:
    put(models, "whisper-small", "whisper-tiny.en", "whisper-base", "kokoro-v1.0-int8")
    there = installed(models, "en")
    assert there.stt == ("whisper-tiny.en", "whisper-base", "whisper-small")
    assert "whisper-medium" in there.others
    assert "smollm2-135m-instruct" not in there.others
    german = installed(models, "de", (str(tmp_path), "whisper-base"))
    assert german.stt == ("whisper-base", "whisper-small", str(tmp_path))
    assert not [name for name in german.others if name.endswith(".en")]


def test_without_any_model_there_is_nothing_to_tune(models: ModelStore) -> None:
    with pytest.raises(ModelMissing, match="no stt model"):
        begin("cpu", None)
    put(models, "whisper-base")
    with pytest.raises(ModelMissing, match="no tts model"):
        begin("cpu", None)


def test_a_gpu_that_is_not_there_is_an_error(models: ModelStore) -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("there is a GPU")
    put(models, "whisper-base", "kokoro-v1.0-int8")
    with pytest.raises(EngineError, match="no GPU was found"):
        begin("gpu", None)
