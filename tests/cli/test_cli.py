"""The program from outside: help, version, settings, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "sounddevice",
    "ctranslate2",
    "onnxruntime",
    "livekit",
    "openai",
    "ollama",
    "xllamacpp",
    "faster_whisper",
    "httpx",
    "websockets",
)


def run(*arguments: str, within_s: float = 30) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "voicecli", *arguments], capture_output=True, text=True, check=False, timeout=within_s
    )


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["talk"],
        ["ask"],
        ["dictate"],
        ["transcribe"],
        ["say"],
        ["download-models"],
        ["devices"],
        ["doctor"],
        ["tune"],
        ["bench"],
        ["history"],
    ]
    + [["bench", stage] for stage in ("stt", "llm", "tts", "endpoint", "serve-stt", "docs")]
    + [["history", verb] for verb in ("search", "show", "export", "delete")],
    ids=" ".join,
)
def test_help_is_there_and_loads_no_engine(command: list[str]) -> None:
    code = f"""
import sys
from voicecli.cli import app
try:
    app({[*command, "--help"]!r})
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    assert outcome.returncode == 0, outcome.stderr
    assert "Usage" in outcome.stdout


def test_the_version_is_printed() -> None:
    assert run("--version").stdout.startswith("voicecli 0.")


def test_a_command_that_does_not_exist_is_a_usage_error() -> None:
    assert run("tlak").returncode == 2


def test_settings_are_shown_with_their_origin() -> None:
    outcome = run("talk", "--show-settings", "--voice", "bm_george", "--profile", "cpu")
    assert outcome.returncode == 0
    rows = {line.split()[0]: line.split(maxsplit=2) for line in map(str.strip, outcome.stdout.splitlines())}
    assert rows["tts.voice"][1:] == ['"bm_george"', "flag"]
    assert rows["stt.device"][2] == "profile cpu"
    assert rows["listen.end_ms"][2] == "default"
