"""`voicecli transcribe` with a server, and with a pipe: processes, real models, no sound card."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.server.program import ServerProgram
from tests.words import word_error_rate
from voicecli.audio.files.reader import read_clip
from voicecli.audio.files.wav import open_wav
from voicecli.types import LISTEN_RATE_HZ, Pcm

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

FRANCE, TRAIN = "What is the capital of France?", "The train to Paris leaves at noon."
PAUSE = np.zeros(2 * LISTEN_RATE_HZ, np.int16)
KEY = "opensesame"


@pytest.fixture(scope="module")
def server(model_folder: Callable[[str], Path]) -> Iterator[str]:
    model_folder("whisper-base")
    model_folder("smart-turn-v3.2")
    with ServerProgram("serve-stt", "--max-sessions", "4", "--api-key", KEY) as program:
        yield program.url


@pytest.fixture
def question(spoken: Callable[[str], Path]) -> Path:
    return spoken(FRANCE)


@pytest.fixture
def both(question: Path, spoken: Callable[[str], Path]) -> Pcm:
    return np.concatenate([read_clip(question), PAUSE, read_clip(spoken(TRAIN)), PAUSE])


def run(
    *arguments: str | Path, sound: bytes | None = None, key: str = KEY, code: int = 0
) -> subprocess.CompletedProcess[bytes]:
    outcome = subprocess.run(
        [sys.executable, "-m", "voicecli", "transcribe", *map(str, arguments)],
        input=sound,
        env={**os.environ, "VOICECLI_API_KEY": key},
        capture_output=True,
        check=False,
        timeout=150,
    )
    assert outcome.returncode == code, outcome.stderr.decode()
    assert b"Traceback" not in outcome.stderr
    return outcome


def json_lines(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_server_understands_files_and_the_others_go_on(server: str, question: Path, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    with open_wav(silence, LISTEN_RATE_HZ) as file:
        file.writeframes(PAUSE.tobytes())
    heard = run(question, tmp_path / "absent.wav", silence, "--server", server, "--json", code=4)
    good, absent, quiet = json_lines(heard.stdout)
    assert word_error_rate(FRANCE, good["text"]) <= 0.2
    assert good["audio_s"] == pytest.approx(len(read_clip(question)) / LISTEN_RATE_HZ, abs=0.001)
    assert 0 < good["decode_s"] < 30
    assert "redecoded" not in good
    assert "does not exist" in absent["error"]
    assert (quiet["text"], quiet["reason"]) == ("", "no speech")


def test_a_server_understands_a_long_file_to_its_end(server: str, both: Pcm, tmp_path: Path) -> None:
    times = 6
    with open_wav(tmp_path / "long.wav", LISTEN_RATE_HZ) as file:
        file.writeframes(np.tile(both, times).tobytes())
    heard = run(tmp_path / "long.wav", "--server", server)
    assert word_error_rate(f"{FRANCE} {TRAIN} " * times, heard.stdout.decode()) <= 0.1


@pytest.mark.parametrize("there", [True, False], ids=["server", "here"])
def test_a_pipe_gives_a_line_for_each_utterance(server: str, both: Pcm, there: bool) -> None:
    where = ["--server", server] if there else ["--offline"]
    heard = run("-", *where, sound=both.astype("<i2").tobytes())
    first, second = heard.stdout.decode().splitlines()
    assert word_error_rate(FRANCE, first) <= 0.2
    assert word_error_rate(TRAIN, second) <= 0.2


def test_a_piped_wave_file_is_reported_with_its_times(server: str, both: Pcm, tmp_path: Path) -> None:
    file = tmp_path / "both.wav"
    with open_wav(file, 2 * LISTEN_RATE_HZ) as wave:
        wave.writeframes(np.repeat(both, 2).tobytes())
    heard = run("-", "--json", "--server", server, sound=file.read_bytes())
    first, second = json_lines(heard.stdout)
    assert first["file"] == "-"
    assert 0 <= first["from_s"] < first["until_s"] < second["from_s"] < second["until_s"] < len(both) / LISTEN_RATE_HZ


def test_a_text_comes_while_the_pipe_is_still_open(server: str, question: Path) -> None:
    command = [sys.executable, "-m", "voicecli", "transcribe", "-", "--server", server, "--api-key", KEY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(np.concatenate([read_clip(question), PAUSE, PAUSE]).astype("<i2").tobytes())
        process.stdin.flush()
        line = process.stdout.readline().decode()
        assert process.poll() is None
        process.stdin.close()
    assert word_error_rate(FRANCE, line) <= 0.2
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["-", "a.wav"], 2, "standard input) cannot be combined with files"),
        (
            ["a.wav", "--server", "SERVER", "--model", "whisper-base", "--offline"],
            2,
            "--model, --offline cannot be used",
        ),
        (["-", "--server", "http://127.0.0.1:9"], 5, "cannot be reached"),
        (["-", "--server", "127.0.0.1:9"], 2, "a URL such as"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_a_message_and_a_hint(server: str, arguments: list[str], code: int, part: str) -> None:
    named = [server if argument == "SERVER" else argument for argument in arguments]
    reported = run(*named, sound=PAUSE.tobytes(), code=code).stderr.decode()
    assert part in reported
    assert "hint: " in reported


def test_a_wrong_key_is_reported(server: str, question: Path) -> None:
    reported = run(question, "--server", server, key="guess", code=5).stderr.decode()
    assert "needs another key (401)" in reported
    assert "hint: set --api-key KEY" in reported


def test_a_terminal_is_no_pipe() -> None:
    outer, inner = pty.openpty()
    try:
        outcome = subprocess.run(
            [sys.executable, "-m", "voicecli", "transcribe", "-"],
            stdin=inner,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    finally:
        os.close(outer)
        os.close(inner)
    assert outcome.returncode == 2
    assert "standard input is a terminal, not sound" in outcome.stderr
