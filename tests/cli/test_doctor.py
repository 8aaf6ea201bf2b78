"""`voicecli doctor` on broken machines, as a process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from voicecli.models.manifest import Manifest

Findings = dict[str, dict[str, Any]]


def doctor(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run to the end; neither a sound server nor Ollama is to be found."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PULSE_", "VOICECLI_", "SSH_"))}
    return subprocess.run(
        [sys.executable, "-m", "voicecli", "doctor", *arguments],
        env={**env, "XDG_RUNTIME_DIR": "/nonexistent", "VOICECLI_LLM_OLLAMA_URL": "http://127.0.0.1:1", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def findings(outcome: subprocess.CompletedProcess[str]) -> Findings:
    """Name -> finding of a JSON report."""
    report = json.loads(outcome.stdout)
    return {finding["name"]: finding for group in report["groups"] for finding in group["findings"]}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with one default model: right in size and wrong in every byte."""
    turn = Manifest.load().find("smart-turn-v3.2")
    (tmp_path / "models" / turn.name).mkdir(parents=True)
    for file in turn.source[0].files:
        with (tmp_path / "models" / turn.name / file.name).open("wb") as empty:
            empty.truncate(file.size)
    return tmp_path / "models"


def test_missing_and_corrupted_models_are_reported_separately(models: Path) -> None:
    outcome = doctor("--json", "--no-sound", VOICECLI_MODELS_DIR=str(models))
    assert outcome.returncode == 1
    found = findings(outcome)
    assert (found["whisper-base"]["state"], found["whisper-base"]["facts"]["state"]) == ("failed", "absent")
    assert found["whisper-base"]["advice"].startswith("voicecli download-models whisper-base")
    assert found["smart-turn-v3.2"]["text"] == "wrong checksum: smart-turn-v3.2-cpu.onnx"
    assert "--remove smart-turn-v3.2" in found["smart-turn-v3.2"]["advice"]
    assert found["embedded"]["state"] == "failed"
    quick = findings(doctor("--json", "--no-sound", "--quick", VOICECLI_MODELS_DIR=str(models)))
    assert quick["smart-turn-v3.2"]["state"] == "passed"


def test_a_dead_server_fails_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        here = f"127.0.0.1:{free.getsockname()[1]}"
    outcome = doctor("--json", "--no-sound", "--quick", "--llm-url", f"http://{here}/v1")
    assert outcome.returncode == 1
    found = findings(outcome)
    assert (found["server"]["state"], found["server"]["text"]) == ("failed", f"{here} does not answer")
    assert "Start the server" in found["server"]["advice"]
    assert "embedded" not in found


@pytest.mark.skipif(Path("/dev/snd").exists(), reason="this machine has a sound card")
def test_without_a_sound_card_both_directions_fail(models: Path) -> None:
    outcome = doctor("--quick", VOICECLI_MODELS_DIR=str(models), COLUMNS="80")
    assert outcome.returncode == 1
    lines = outcome.stdout.splitlines()
    (microphone,) = [line.split(maxsplit=2) for line in lines if " microphone " in line]
    assert microphone == ["✗", "microphone", "none found, so you can only type questions"]
    assert any("✗ speaker" in line for line in lines)
    assert max(map(len, lines)) <= 80
    assert lines[-2].startswith("Begin with ") or lines[-1].startswith("Begin with ")
    assert "Traceback" not in outcome.stderr
    assert "ALSA lib" not in outcome.stderr
    assert "Please be quiet for a moment" in outcome.stderr


def test_a_terminal_without_unicode_gets_ascii() -> None:
    outcome = doctor("--quick", "--no-sound", PYTHONIOENCODING="ascii")
    assert outcome.stdout.isascii()
    assert "  + Python " in outcome.stdout


def test_settings_that_do_not_hold_stop_nothing(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[audio]\nvolume = 11\n")
    found = findings(doctor("--json", "--no-sound", "--quick", "--config", str(wrong)))
    assert found["settings"]["state"] == "failed"
    assert "audio.volume" in found["settings"]["text"]
    assert "whisper-base" in found


def test_a_report_tells_nothing_of_the_user(tmp_path: Path) -> None:
    home = tmp_path / "lovelace"
    own = home / "models" / "own.gguf"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"GGUF")
    outcome = doctor(
        "--json", "--no-sound", "--quick",
        HOME=str(home),
        LOGNAME="lovelace",
        VOICECLI_LLM_MODEL=str(own),
        VOICECLI_LLM_API_KEY="sk-lovelace",
        VOICECLI_LLM_SYSTEM_PROMPT="You know that I am Lovelace, and where I live.",
        VOICECLI_LLM_URL="http://lovelace.invalid:1/v1",
    )  # fmt: skip
    assert findings(outcome)["own.gguf"]["state"] == "passed"
    assert "lovelace" not in outcome.stdout.lower()
    assert "where I live" not in outcome.stdout
    assert findings(outcome)["settings"]["facts"]["llm.system_prompt"] == "changed"
    assert findings(outcome)["settings"]["facts"]["llm.model"] == '"~/models/own.gguf"'


@pytest.mark.model
def test_models_as_downloaded_pass() -> None:
    found = findings(doctor("--json", "--no-sound"))
    names = [model.name for model in Manifest.load().defaults() if model.kind != "llm"]  # a better one may be here
    assert {found[name]["state"] for name in names} == {"passed"}
    assert all(found[name]["facts"]["hashed"] for name in names)
    assert found["packages"]["state"] == "passed"
