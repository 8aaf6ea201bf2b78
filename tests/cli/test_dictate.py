"""`voicecli dictate` over files, as a process: real models, no sound card."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.words import word_error_rate
from voicecli.audio.files.reader import read_clip
from voicecli.audio.files.wav import open_wav
from voicecli.types import LISTEN_RATE_HZ, Pcm

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

FRANCE, TRAIN = "What is the capital of France?", "The train to Paris leaves at noon."
PAUSE = np.zeros(2 * LISTEN_RATE_HZ, np.int16)


def environment() -> dict[str, str]:
    """Without a sound server."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    return {**env, "XDG_RUNTIME_DIR": "/nonexistent"}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "voicecli", "dictate", "--offline", *map(str, arguments)]


def dictate(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    outcome = subprocess.run(
        command(*arguments), env=environment(), capture_output=True, text=True, check=False, timeout=150
    )
    assert outcome.returncode == code, outcome.stderr
    assert "Traceback" not in outcome.stderr
    return outcome


def written(path: Path, pcm: Pcm) -> Path:
    with open_wav(path, LISTEN_RATE_HZ) as file:
        file.writeframes(pcm.tobytes())
    return path


@pytest.fixture
def both(spoken: Callable[[str], Path], model_folder: Callable[[str], Path]) -> Pcm:
    model_folder("whisper-base")
    model_folder("smart-turn-v3.2")
    return np.concatenate([read_clip(spoken(FRANCE)), PAUSE, read_clip(spoken(TRAIN)), PAUSE])


@pytest.fixture
def memo(both: Pcm, tmp_path: Path) -> Path:
    return written(tmp_path / "memo.wav", both)


def test_each_utterance_is_a_line_and_nothing_else_is_on_stdout(memo: Path) -> None:
    heard = dictate("--input", memo)
    first, second = heard.stdout.splitlines()
    assert word_error_rate(FRANCE, first) <= 0.2
    assert word_error_rate(TRAIN, second) <= 0.2
    assert heard.stderr == ""


def test_a_paragraph_is_appended_to_a_file(memo: Path, tmp_path: Path) -> None:
    output = tmp_path / "notes.txt"
    output.write_text("Before.\n")
    assert dictate("--input", memo, "--join", "--output", output).stdout == ""
    before, paragraph = output.read_text().splitlines()
    assert before == "Before."
    assert word_error_rate(f"{FRANCE} {TRAIN}", paragraph) <= 0.2


def test_once_is_one_utterance(memo: Path) -> None:
    (line,) = dictate("--input", memo, "--once").stdout.splitlines()
    assert word_error_rate(FRANCE, line) <= 0.2


def test_silence_has_no_words_and_is_no_error(both: Pcm, tmp_path: Path) -> None:
    assert dictate("--input", written(tmp_path / "silence.wav", PAUSE)).stdout == ""


def test_silence_alone_may_be_the_end_and_then_no_model_for_it_is_needed(memo: Path) -> None:
    assert len(dictate("--input", memo, "--endpoint", "silence").stdout.splitlines()) == 2


def test_a_terminal_shows_words_while_they_are_said_and_the_text_once(memo: Path) -> None:
    outer, inner = pty.openpty()
    with subprocess.Popen(
        command("--input", memo),
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**environment(), "TERM": "xterm-256color"},
    ) as process:
        os.close(inner)
        shown = b""
        while True:
            try:
                block = os.read(outer, 65536)
            except OSError:
                break
            shown += block
    os.close(outer)
    assert process.returncode == 0
    assert "…".encode() in shown
    assert shown.count(b"noon.\r\n") == 1


def test_a_reader_that_has_enough_is_no_error(memo: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    outcome = subprocess.run(
        command("--input", memo), env=environment(), stdout=writer, stderr=subprocess.PIPE, check=False, timeout=150
    )
    os.close(writer)
    assert (outcome.returncode, outcome.stderr) == (0, b"")


def test_ctrl_c_ends_it_and_what_was_said_is_there(both: Pcm, tmp_path: Path) -> None:
    long = written(tmp_path / "long.wav", np.tile(both, 20))
    with subprocess.Popen(
        command("--input", long), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, reported = process.communicate(timeout=60)
    assert (process.returncode, reported) == (0, "")
    assert word_error_rate(FRANCE, first) <= 0.2
    assert len(rest.splitlines()) < 30


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["--input", "/nonexistent.wav"], 4, "/nonexistent.wav does not exist"),
        ([], 4, "input device"),
        (["--input-device", "no such microphone"], 4, "input device"),
        (["--stt-model", "whisper-small"], 3, "whisper-small"),
        (["--stt-model", "whisper-bass"], 2, "whisper-base"),
        (["--output", "/dev/null/notes.txt"], 2, "cannot be written"),
        (["--endpoint", "sometime"], 2, "sometime"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_a_message_and_a_code(both: Pcm, arguments: list[str], code: int, part: str) -> None:
    assert part in dictate(*arguments, code=code).stderr
