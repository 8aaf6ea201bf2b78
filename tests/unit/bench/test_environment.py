"""What a result tells beside its figures: nothing private, and all that makes them doubtful."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.defaults import SETTINGS
from voicecli.bench.environment import (
    Found,
    begin,
    conclude,
    device_of,
    load_doubts,
    model_digests,
    other_cores,
    own_cpu_s,
    reported_settings,
    reported_value,
    require_device,
    stolen_doubts,
)
from voicecli.bench.machine import describe_machine
from voicecli.bench.result import RESULT, Metric
from voicecli.engines import gpu
from voicecli.errors import EngineError, ModelMissing
from voicecli.models.manifest import Manifest
from voicecli.models.store import ModelStore
from voicecli.settings.load import load_settings


def test_a_result_has_what_was_found_and_what_it_took() -> None:
    begun = begin()
    while own_cpu_s() < begun.own_cpu_s + 0.05:  # something to be counted
        pass
    metric = Metric("whisper-base", "final", "s", (0.2,))
    found = Found("3 recordings", (metric,), warm_ups={"load": 1.23456}, doubts=("few",), seed=7)
    result = conclude("stt", begun, SETTINGS, {"whisper-base": "ab"}, found)
    assert (result.bench, result.corpus, result.seed, result.metrics) == ("stt", "3 recordings", 7, (metric,))
    assert result.warm_ups == {"load": 1.235}
    assert result.doubts[-1] == "few"
    used = {one.name: one.value for one in result.counts if one.group == "the process"}
    assert used["CPU time"] >= 0.04
    assert used["peak memory"] > 1
    assert RESULT.validate_json(RESULT.dump_json(result)) == result


def test_settings_are_reported_without_secrets_paths_and_passwords() -> None:
    typed = {
        "llm.api_key": "sesame",
        "llm.url": "http://me:sesame@host:8000/v1",
        "llm.system_prompt": "My name is Sesame.",
        "stt.model": "/home/sesame/whisper-mine",
        "models.dir": "/home/sesame",
    }
    reported = reported_settings(load_settings(typed, environ={}).settings)
    assert "sesame" not in json.dumps(reported).lower()
    assert (reported["llm.url"], reported["stt.model"], reported["llm.system_prompt"]) == (
        "host:8000",
        "whisper-mine",
        "18 characters",
    )
    assert (reported["listen.endpoint"], reported["stt.threads"], reported["tts.streaming"]) == ("balanced", 0, True)


def test_a_name_with_a_slash_is_kept_and_a_path_is_not() -> None:
    assert reported_value("model", "Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"
    assert reported_value("model", "~/models/mine.gguf") == "mine.gguf"


def test_load_by_others_is_what_is_left_of_the_machine() -> None:
    assert other_cores(machine_s=15.0, own_s=5.0, wall_s=10.0) == 1.0
    assert other_cores(machine_s=4.9, own_s=5.0, wall_s=10.0) == 0.0
    assert other_cores(machine_s=0.0, own_s=5.0, wall_s=10.0) is None
    assert other_cores(machine_s=None, own_s=5.0, wall_s=10.0) is None


def test_load_by_others_is_a_doubt_and_so_is_not_knowing() -> None:
    assert load_doubts(0.1, 2) == ()
    assert "used 1.2 of 2 cores" in load_doubts(1.2, 2)[0]
    assert "not known" in load_doubts(None, 2)[0]


def test_what_a_host_takes_from_its_virtual_machine_is_a_doubt() -> None:
    assert stolen_doubts(0.1) == ()
    assert "gave 0.5 of its cores to others" in stolen_doubts(0.5)[0]


def test_one_engine_on_a_gpu_makes_it_a_measurement_of_the_gpu() -> None:
    assert device_of(SETTINGS) == "cpu"
    assert device_of(load_settings({"stt.device": "cuda"}, environ={}).settings) == "gpu"


def test_a_gpu_that_is_not_there_is_reported_with_driver_libraries_and_providers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    require_device(SETTINGS, "cpu")
    with pytest.raises(EngineError) as caught:
        require_device(SETTINGS, "gpu")
    for part in ("CUDA devices", "NVIDIA driver", "nvidia-smi", "cuDNN 9", "cuBLAS 12", "providers: "):
        assert part in caught.value.message
    assert caught.value.exit_code == 6


def test_a_gpu_that_only_the_recognizer_can_use_is_enough_for_a_voice_on_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 1)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(gpu, "installed", lambda name: name == "onnxruntime")
    require_device(load_settings({"tts.device": "cpu"}, profile="gpu", environ={}).settings, "gpu")
    with pytest.raises(EngineError, match="Kokoro was asked to run on a GPU"):
        require_device(load_settings({}, profile="gpu", environ={}).settings, "gpu")


def test_the_machine_is_described() -> None:
    found = describe_machine()
    assert found.processor
    assert 1 <= found.cores <= found.threads
    assert found.memory_gb > 0.1
    assert "ctranslate2" in found.libraries


MANIFEST = """
[[model]]
name = "small"
kind = "stt"
license = "MIT"
about = "two files"

[[model.source]]
kind = "pypi"
origin = "small==1"
files = [
  { name = "a.bin", size = 3, sha256 = "AAA" },
  { name = "b.txt", size = 2, sha256 = "BBB" },
]

[[model]]
name = "unpinned"
kind = "stt"
license = "MIT"
about = "only its hub knows"

[[model.source]]
kind = "hub"
origin = "somebody/unpinned@main"
files = [{ name = "c.bin" }]
""".replace("AAA", "a" * 64).replace("BBB", "b" * 64)


def test_a_model_is_reported_by_the_digest_of_its_largest_file(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, Manifest.parse(MANIFEST))
    with pytest.raises(ModelMissing):
        store.digest("small")
    for name, content in (("small/a.bin", "abc"), ("small/b.txt", "de"), ("unpinned/c.bin", "x")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    store.record(store.manifest.find("unpinned"), store.manifest.find("unpinned").source[0].files[0], "c" * 64)
    assert (store.digest("small"), store.digest("unpinned")) == ("a" * 64, "c" * 64)


def test_a_model_of_the_users_own_is_read_and_reported_without_its_place(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "model.bin").write_bytes(b"weights")
    (mine / "a.txt").write_bytes(b"x")
    assert model_digests(SETTINGS, [str(mine)]) == {"mine": hashlib.sha256(b"weights").hexdigest()}
