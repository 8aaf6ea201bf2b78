"""`voicecli tune` from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.defaults import LANGUAGE_MODEL

NEEDED = ("whisper-base", "kokoro-v1.0-int8", "kokoro-voices", "smollm2-135m-instruct", "smart-turn-v3.2")


def tune(*arguments: str, stdin: int = subprocess.DEVNULL, timeout_s: float = 50) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "voicecli", "tune", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        stdin=stdin,
        env={**os.environ, "VOICECLI_LLM_BACKEND": "embedded", "VOICECLI_LLM_MODEL": LANGUAGE_MODEL},
    )


def test_a_file_is_not_changed_without_a_terminal_to_ask(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    for name in NEEDED[:2]:
        model_folder(name)
    mine = tmp_path / "mine.toml"
    mine.write_text("[tts]\nspeed = 1.2\n", encoding="utf8")
    outcome = tune("--config", str(mine))
    assert outcome.returncode == 2
    assert "exists and there is no terminal to ask" in outcome.stderr
    assert "--dry-run" in outcome.stderr
    assert mine.read_text(encoding="utf8") == "[tts]\nspeed = 1.2\n"


def test_a_broken_file_is_reported_before_anything_is_measured(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[tts]\nspede = 1.2\n", encoding="utf8")
    outcome = tune("--config", str(mine), "--yes")
    assert outcome.returncode == 2
    assert "did you mean tts.speed?" in outcome.stderr


@pytest.mark.model
@pytest.mark.quiet
@pytest.mark.timeout(400)
def test_a_short_tuning_measures_and_writes_what_can_be_read(
    tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    for name in NEEDED:
        model_folder(name)
    mine, record = tmp_path / "mine.toml", tmp_path / "tuning.json"
    before = "# Mine.\n[tts]\nspeed = 1.2 # quick\nthreads = 1\n"
    mine.write_text(before, encoding="utf8")
    outcome = tune("--config", str(mine), "--yes", "--time-limit", "4", "--json", str(record), timeout_s=390)
    assert outcome.returncode == 0, outcome.stderr
    reported = json.loads(record.read_text(encoding="utf8"))
    assert reported["spent_s"] < 4 * 60 + 10
    assert reported["waits_before"]["answering_s"] > 0
    assert {one["name"] for one in reported["metrics"]} >= {"final", "first sound", "wait after the end of speech"}
    written = tomllib.loads(mine.read_text(encoding="utf8"))
    assert written["tts"].pop("speed") == 1.2
    found = {f"{section}.{key}": value for section, its in written.items() for key, value in its.items()}
    assert found == {"tts.threads": 1} | reported["written"]
    assert mine.read_text(encoding="utf8").startswith("# Mine.\n[tts]\nspeed = 1.2 # quick\n")
    assert not reported["written"] or (tmp_path / "mine.toml.bak").read_text(encoding="utf8") == before
    for head in ("Speech to text", "Answer", "End of turn", "voice-to-voice latency, estimated"):
        assert head in outcome.stdout
    assert {"stt.compute_type", "listen.endpoint"} <= {one["key"] for one in reported["choices"]}
