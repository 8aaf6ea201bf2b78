"""`voicecli report` and `voicecli replay`, as processes: real models, files in place of a sound card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.defaults import LANGUAGE_MODEL
from tests.unit.replay.stage import recorded
from voicecli.conversation.latency import PART_NAMES
from voicecli.replay.zip_file import recorded_members, write_zip


def run(*arguments: str | Path, timeout_s: float = 150, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    return subprocess.run(
        [sys.executable, "-m", "voicecli", *map(str, arguments)],
        env={**env, "XDG_RUNTIME_DIR": "/nonexistent", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


def test_a_plain_report_holds_no_word_that_was_spoken_and_no_secret(tmp_path: Path) -> None:
    log = tmp_path / "voicecli.log"
    log.write_text(f"{Path.home()}/somewhere: a driver complained\n")
    output = tmp_path / "plain.zip"
    made = run("report", "--output", output, VOICECLI_LLM_API_KEY="sk-1234", VOICECLI_LOG_FILE=str(log))
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == str(output)
    assert "Nothing was sent anywhere" in made.stderr
    with zipfile.ZipFile(output) as packed:
        assert packed.namelist() == ["README.txt", "report.json", "log.txt"]
        reported = "".join(packed.read(name).decode() for name in packed.namelist())
    assert "sk-1234" not in reported
    assert str(log) not in reported
    assert "~/somewhere: a driver complained" in reported


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["report", "--record"], "--yes"),
        (["report", "--output", "{recording}/a.zip"], "its folder does not exist"),
        (["report", "--set", "listen.pause=1"], "listen.pause_ms"),
        (["replay", "/nonexistent.zip"], "cannot be read"),
        (["replay", __file__], "not a complete zip file"),
        (["replay", "{recording}", "--set", "listen.pause_ms"], "section.key=value"),
        (["replay", "{recording}", "--stt-model", "whisper-bass"], "whisper-base"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_a_message_a_hint_and_a_code_never_a_traceback(
    arguments: list[str], part: str, tmp_path: Path
) -> None:
    recording = tmp_path / "recording.zip"
    write_zip(recording, recorded_members(recorded()))
    refused = run(*(argument.format(recording=recording) for argument in arguments))
    assert refused.returncode == 2, refused.stderr
    assert part in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture(scope="module")
def recording(spoken: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question that stops to think."""
    path = tmp_path_factory.mktemp("recording") / "recording.zip"
    options = (
        "--record",
        "--yes",
        "--llm",
        "embedded",
        "--model",
        LANGUAGE_MODEL,
        "--offline",
        "--set",
        "llm.max_answer_tokens=24",
    )
    made = run("report", *options, "--input", spoken("What is the capital of France?"), "--output", path)
    assert made.returncode == 0, made.stderr
    return path


def replayed(recording: Path, output: Path, *options: str) -> list[dict[str, Any]]:
    again = run("replay", recording, "--offline", "--json", output, *options)
    assert again.returncode == 0, again.stderr
    turns: list[dict[str, Any]] = json.loads(output.read_text())["turns"]
    return turns


@pytest.mark.model
@pytest.mark.timeout(400)
def test_a_recording_is_replayed_the_same_each_time_and_otherwise_with_other_settings(
    recording: Path, tmp_path: Path
) -> None:
    (once,) = replayed(recording, tmp_path / "once.json")
    replayed(recording, tmp_path / "twice.json")
    assert (tmp_path / "once.json").read_bytes() == (tmp_path / "twice.json").read_bytes()
    then, now = once["then"], once["now"]
    assert "capital of France" in now["heard"]
    assert now["heard"] == then["heard"]
    assert now["outcome"] == then["outcome"] == "answered"
    assert now["endpoint_wait_s"] == pytest.approx(then["endpoint_wait_s"], abs=0.05)
    assert list(now["parts_s"]) == list(PART_NAMES)
    assert now["answer"]
    (patient,) = replayed(recording, tmp_path / "silence.json", "--endpoint", "silence", "--set", "listen.end_ms=1500")
    assert patient["now"]["endpoint_wait_s"] == pytest.approx(1.5, abs=0.05)
    assert "endpoint after" in patient["different"]
    assert patient["now"]["answer"] == now["answer"]
