"""`voicecli talk` over files, as a process: real models, no sound card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.defaults import LANGUAGE_MODEL, SETTINGS
from tests.words import word_error_rate
from voicecli.audio.files.reader import read_clip
from voicecli.engines.whisper.engine import Whisper
from voicecli.types import SpeechSegment

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]


def talk(*arguments: str | Path, typed: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run to the end; no sound server is to be found."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "voicecli",
            "talk",
            "--llm",
            "embedded",
            "--model",
            LANGUAGE_MODEL,
            "--offline",
            *map(str, arguments),
        ],
        input=typed,
        env={**env, "XDG_RUNTIME_DIR": "/nonexistent", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


def events_of(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def one(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (event,) = [event for event in events if event["event"] == kind]
    return event


@pytest.fixture
def question(spoken: Callable[[str], Path]) -> Path:
    return spoken("What is the capital of France?")


@pytest.mark.parametrize("pace", [[], ["--fast"]], ids=["real pace", "fast"])
def test_a_spoken_question_is_understood_answered_and_spoken(
    question: Path, pace: list[str], tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    run = talk("--input", question, "--output", tmp_path / "answer.wav", "--ui", "jsonl", *pace)
    assert run.returncode == 0, run.stderr
    events = events_of(run.stdout)
    assert word_error_rate("what is the capital of france", one(events, "Transcribed")["text"]) <= 0.2
    spoken_text = " ".join(event["text"] for event in events if event["event"] == "Synthesized" and event["share"] == 1)
    assert one(events, "TurnDone")["spoken"].strip()
    assert not [event for event in events if event["event"] == "PlaybackUnderrun"]
    pcm = read_clip(tmp_path / "answer.wav")[: 28 * 16_000]
    heard = Whisper.load(model_folder("whisper-base"), SETTINGS.stt).transcribe(SpeechSegment(pcm, 0.0, 0.0))
    assert word_error_rate(spoken_text, heard.text) <= 0.3, (spoken_text, heard.text)


def test_several_files_are_several_turns(question: Path, spoken: Callable[[str], Path], tmp_path: Path) -> None:
    second = spoken("And what is the capital of Italy?")
    output = tmp_path / "answers.wav"
    run = talk("--input", question, "--input", second, "--output", output, "--ui", "jsonl", "--fast")
    assert run.returncode == 0, run.stderr
    events = events_of(run.stdout)
    assert [event["turn"] for event in events if event["event"] == "TurnDone"] == [1, 2]
    with wave.open(str(output)) as file:
        assert file.getnframes() / file.getframerate() > 1.0


def test_without_microphone_and_speaker_questions_are_typed_and_answers_written() -> None:
    run = talk("--ui", "plain", typed="What is the capital of France?\n")
    assert run.returncode == 0, run.stderr
    assert "No microphone" in run.stdout
    assert "No speaker" in run.stdout
    assert "You: What is the capital of France?" in run.stdout
    assert "Assistant: " in run.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["--voice", "af_nobody"], 2, "af_nobody"),
        (["--speed", "9"], 2, "tts.speed"),
        (["--config", "/nonexistent.toml"], 2, "does not exist"),
        (["--stt-model", "whisper-bass"], 2, "whisper-base"),
        (["--stt-model", "whisper-small"], 3, "whisper-small"),
        (["--input-device", "no such microphone"], 4, "input device"),
        (["--input", "/nonexistent.wav"], 4, "nonexistent.wav"),
        (["--llm", "openai", "--llm-url", "http://127.0.0.1:9/v1"], 5, "127.0.0.1:9"),
        (
            ["--profile", "gpu", "--stt-model", "whisper-base", "--llm", "embedded", "--model", LANGUAGE_MODEL],
            3,
            "kokoro-v1.0-fp32",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_a_message_a_hint_and_a_code_never_a_traceback(
    arguments: list[str], code: int, part: str, tmp_path: Path
) -> None:
    run = talk(*arguments, "--output", tmp_path / "x.wav", "--ui", "plain")
    assert run.returncode == code, run.stderr
    assert part in run.stderr
    assert "Traceback" not in run.stderr


def test_commands_are_typed_between_questions() -> None:
    run = talk("--ui", "plain", typed="/sistem\n/system You are a pirate.\nWho are you?\n/quit\nNever asked.\n")
    assert run.returncode == 0, run.stderr
    assert "Did you mean /system?" in run.stdout
    assert "from the next question" in run.stdout
    assert "You: Who are you?" in run.stdout
    assert "Never asked" not in run.stdout
