"""`voicecli say` and `voicecli transcribe` as processes, each the proof of the other: real models, no sound card."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.words import word_error_rate
from voicecli.audio.files.reader import read_clip
from voicecli.audio.files.wav import open_wav
from voicecli.types import LISTEN_RATE_HZ, Pcm

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

SENTENCES = (
    "The harbour was quiet when the first boat came in.",
    "Two children ran along the wall and counted the boats.",
    "In the afternoon the wind turned and the water became dark.",
    "Every window in the street was closed before the rain.",
)


def run(*arguments: str | Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run to the end; no sound server is to be found."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    return subprocess.run(
        [sys.executable, "-m", "voicecli", *map(str, arguments)],
        input=typed,
        env={**env, "XDG_RUNTIME_DIR": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


def write(path: Path, pcm: Pcm) -> Path:
    with open_wav(path, LISTEN_RATE_HZ) as file:
        file.writeframes(pcm.tobytes())
    return path


def json_lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def question(spoken: Callable[[str], Path], model_folder: Callable[[str], Path]) -> Path:
    model_folder("whisper-base")
    return spoken("What is the capital of France?")


def test_what_is_said_is_understood(question: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.wav"
    text = "- The **train** to Paris leaves at noon.\n- Take `two` warm coats with you.\n"
    said = run("say", "-o", output, "--json", "--offline", typed=text)
    assert said.returncode == 0, said.stderr
    (times,) = json_lines(said.stdout)
    assert 0 < times["first_audio_s"] < times["total_s"]
    assert times["file"] == str(output)
    with wave.open(str(output)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        assert file.getnframes() / 24_000 == pytest.approx(times["audio_s"], abs=0.002)
    heard = run("transcribe", output, "--offline")
    assert heard.returncode == 0, heard.stderr
    assert heard.stdout.count("\n") == 1
    assert word_error_rate("the train to paris leaves at noon take two warm coats with you", heard.stdout) <= 0.2


def test_a_voice_that_does_not_stream_says_the_same(question: Path, tmp_path: Path) -> None:
    said = run("say", "What is the capital", "of France?", "--no-stream", "--output", tmp_path / "a.wav", "--offline")
    assert (said.returncode, said.stdout) == (0, ""), said.stderr
    heard = run("transcribe", tmp_path / "a.wav", "--offline", "--window", "full")
    assert word_error_rate("what is the capital of france", heard.stdout) <= 0.2


def test_good_files_are_reported_and_bad_ones_too(question: Path, tmp_path: Path) -> None:
    silence = write(tmp_path / "silence.wav", np.zeros(2 * LISTEN_RATE_HZ, np.int16))
    (tmp_path / "note.txt").write_text("This is no sound.\n" * 20)
    files = [question, tmp_path / "absent.wav", silence, tmp_path / "note.txt", question]
    heard = run("transcribe", *files, "--json", "--offline")
    assert heard.returncode == 4
    good, absent, quiet, note, again = json_lines(heard.stdout)
    assert word_error_rate("what is the capital of france", good["text"]) <= 0.2
    assert good["text"] == again["text"]
    assert good["file"] == str(question)
    assert good["audio_s"] == pytest.approx(len(read_clip(question)) / LISTEN_RATE_HZ, abs=0.001)
    assert 0 < good["decode_s"] < 30
    assert good["redecoded"] is False
    assert "reason" not in good
    assert (quiet["text"], quiet["reason"], quiet["redecoded"]) == ("", "no speech", True)
    assert "does not exist" in absent["error"]
    assert "no sound track" in note["error"] or "cannot be read" in note["error"]
    for part in ("voicecli: ", "absent.wav does not exist", "hint: ", "silence.wav: no text: no speech"):
        assert part in heard.stderr
    assert "Traceback" not in heard.stderr


def test_several_files_are_named(question: Path, tmp_path: Path) -> None:
    heard = run("transcribe", question, question, "--offline")
    assert heard.returncode == 0, heard.stderr
    assert [line.startswith(f"{question}: What is") for line in heard.stdout.splitlines()] == [True, True]


def test_a_recording_beyond_whispers_window_is_understood_to_its_end(
    question: Path, spoken: Callable[[str], Path], tmp_path: Path
) -> None:
    pause = np.zeros(round(0.8 * LISTEN_RATE_HZ), np.int16)
    story = np.concatenate([part for text in SENTENCES for part in (read_clip(spoken(text)), pause)])
    times = 35 * LISTEN_RATE_HZ // len(story) + 1
    heard = run("transcribe", write(tmp_path / "long.wav", np.tile(story, times)), "--json", "--offline")
    (reported,) = json_lines(heard.stdout)
    assert reported["audio_s"] > 35
    assert "withheld" not in reported
    assert word_error_rate(" ".join(SENTENCES * times).replace("harbour", "harbor"), reported["text"]) <= 0.1


def test_hasty_speech_keeps_its_end(question: Path, tmp_path: Path) -> None:
    text = " ".join(SENTENCES)
    assert run("say", text, "--speed", "2", "-o", tmp_path / "a.wav", "--offline").returncode == 0
    heard = run("transcribe", tmp_path / "a.wav", "--offline").stdout
    assert word_error_rate(SENTENCES[-1], " ".join(heard.split()[-9:])) <= 0.4


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["say", "Hello"], 4, "-o FILE writes a WAV file instead"),
        (["say", "Hello", "-o", "/dev/null/a.wav"], 4, "cannot be written"),
        (["say", "Hello", "--voice", "af_nobody", "-o", "/dev/null/a.wav"], 2, "af_nobody"),
        (["say", "Hello", "--model", "kokoro-v1.0-fp32"], 3, "kokoro-v1.0-fp32"),
        (["say"], 2, "can be spoken"),
        (["transcribe", "a.wav", "--model", "whisper-bass"], 2, "whisper-base"),
        (["transcribe", "a.wav", "--model", "whisper-small"], 3, "whisper-small"),
        (["transcribe", "/nonexistent.wav"], 4, "/nonexistent.wav does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_a_message_a_hint_and_a_code(question: Path, arguments: list[str], code: int, part: str) -> None:
    outcome = run(*arguments, "--offline")
    assert outcome.returncode == code, outcome.stderr
    assert part in outcome.stderr
    assert "hint: " in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_ctrl_c_stops_at_once_and_leaves_a_whole_file(question: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.wav"
    command = [sys.executable, "-m", "voicecli", "say", "-o", str(output), "--offline", " ".join(SENTENCES * 20)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (output.exists() and output.stat().st_size > 100_000):
            assert process.poll() is None
            time.sleep(0.05)
        began_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, reported = process.communicate(timeout=10)
    assert process.returncode == 130
    assert time.monotonic() - began_s < 1.0
    assert "Traceback" not in reported
    assert len(read_clip(output)) > LISTEN_RATE_HZ
