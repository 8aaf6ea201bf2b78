"""`voicecli bench`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from voicecli.bench.result import VOICE_TO_VOICE, read_result
from voicecli.conversation.latency import PART_NAMES


@pytest.mark.model
@pytest.mark.timeout(300)
def test_one_question_is_measured_from_voice_to_voice(tmp_path: Path) -> None:
    files = {name: tmp_path / f"result.{name}" for name in ("json", "markdown", "html", "trace")}
    done = run(
        *("bench", "--device", "cpu", "--turns", "1", "--scenario", "quiet", "--profile", str(files["trace"])),
        *("--json", str(files["json"]), "--markdown", str(files["markdown"]), "--html", str(files["html"])),
        *("--fail-over", "p95=1"),
        within_s=240,
    )
    assert done.returncode == 1, done.stderr  # no machine answers within a millisecond
    assert "Voice to voice" in done.stdout
    result = read_result(files["json"])
    [whole_s] = result.samples("quiet", VOICE_TO_VOICE)
    parts = [result.samples("quiet", name)[0] for name in PART_NAMES]
    assert whole_s == pytest.approx(sum(parts), abs=1e-3)
    assert result.turns[0].heard
    assert result.turns[0].answer
    assert result.models["whisper-base"]
    assert result.settings["llm.temperature"] == 0
    names = {entry["name"] for entry in json.loads(files["trace"].read_text())["traceEvents"]}
    assert {"reply", "Audible", "endpoint"} <= names
    assert "quiet" in files["markdown"].read_text()
    assert files["html"].read_text().startswith("<!doctype html>")


@pytest.mark.model
def test_a_gpu_that_is_not_there_is_reported_with_all_that_was_looked_for() -> None:
    done = run("bench", "--device", "gpu", "--turns", "1")
    if done.returncode == 0:
        pytest.skip("this machine has a GPU")
    assert done.returncode == 6
    for looked_for in ("libcuda", "cuDNN", "onnxruntime-gpu", "CTranslate2", "measure the processor with --device cpu"):
        assert looked_for in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--fail-over", "p95"], "p95"),
        (["--speech", "nowhere"], "nowhere"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["--compare", "nowhere.json"], "nowhere.json"),
        (["--scenario", "underwater"], "underwater"),
    ],
)
def test_a_typing_error_is_reported_before_anything_is_measured(arguments: list[str], reported: str) -> None:
    done = run("bench", *arguments)
    assert done.returncode == 2
    assert reported in done.stderr
    assert "Traceback" not in done.stderr
