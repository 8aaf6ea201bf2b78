"""`voicecli talk` with tools, as a process: real models, a real MCP server from PyPI, a scripted language model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.defaults import SETTINGS
from voicecli.audio.files.reader import read_clip
from voicecli.engines.whisper.engine import Whisper
from voicecli.types import SpeechSegment

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

SERVER = Path(__file__).with_name("calling_server.py")

CLOCK = f"""
[tools]
allow = [ALLOWED]

[tools.servers.clock]
command = {json.dumps(sys.executable)}
args = ["-m", "mcp_server_time", "--local-timezone", "UTC"]
"""


@contextmanager
def language_model(tool: str, arguments: dict[str, object]) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """Its address, and afterwards what it was asked."""
    command = [sys.executable, str(SERVER), "0", tool, json.dumps(arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())

        def asked() -> list[str]:
            process.terminate()
            return process.communicate(timeout=20)[0].splitlines()

        try:
            yield f"http://127.0.0.1:{port}/v1", asked
        finally:
            process.kill()


def talk(url: str, *arguments: str | Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    return subprocess.run(
        [sys.executable, "-m", "voicecli", "talk", "--llm-url", url, "--offline", *map(str, arguments)],
        input=typed,
        env={**env, "XDG_RUNTIME_DIR": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


def config(folder: Path, allowed: str) -> Path:
    path = folder / "tools.toml"
    path.write_text(CLOCK.replace("ALLOWED", allowed))
    return path


def test_an_mcp_server_is_used_by_voice(
    spoken: Callable[[str], Path], tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    question, output = spoken("What day is it in Tokyo?"), tmp_path / "answer.wav"
    arguments = ("--config", config(tmp_path, '"clock"'), "--input", question, "--output", output, "--ui", "jsonl")
    with language_model("clock_get_current_time", {"timezone": "Asia/Tokyo"}) as (url, asked):
        run = talk(url, *arguments)
        roles = asked()
    assert run.returncode == 0, run.stderr
    events: list[dict[str, Any]] = [json.loads(line) for line in run.stdout.splitlines()]
    (called,) = [event for event in events if event["event"] == "ToolCalled"]
    (done,) = [event for event in events if event["event"] == "ToolDone"]
    assert "tokyo" in next(event["text"] for event in events if event["event"] == "Transcribed").lower()
    assert (called["tool"], json.loads(called["arguments"])) == ("clock.get_current_time", {"timezone": "Asia/Tokyo"})
    assert done["outcome"] == "done"
    day = json.loads(done["text"])["day_of_week"]
    assert f"{datetime.now(ZoneInfo('Asia/Tokyo')):%A}" == day
    assert roles[-1] == "system user assistant tool"
    pcm = read_clip(output)
    heard = Whisper.load(model_folder("whisper-base"), SETTINGS.stt).transcribe(SpeechSegment(pcm, 0.0, 0.0)).text
    assert day.lower() in heard.lower(), heard
    assert "tokyo" in heard.lower(), heard


def test_leave_is_asked_and_given_by_a_line(tmp_path: Path) -> None:
    with language_model("clock_get_current_time", {"timezone": "Asia/Tokyo"}) as (url, asked):
        typed = "What day is it in Tokyo?\nyes\nAnd now?\nno\n"
        run = talk(url, "--config", config(tmp_path, ""), "--ui", "plain", typed=typed)
        roles = asked()
    assert run.returncode == 0, run.stderr
    reported = 'clock.get_current_time(timezone="Asia/Tokyo")'
    assert run.stdout.count(f"Allow this tool call? {reported}") == 2
    assert f'Tool: {reported} = {{ "timezone"' in run.stdout
    assert "Assistant: In Tokyo it is" in run.stdout
    assert f"Tool: {reported} = not allowed" in run.stdout
    assert roles[-1] == "system user assistant tool assistant user assistant tool"


def test_a_timer_rings_in_a_conversation(tmp_path: Path) -> None:
    with language_model("set_timer", {"seconds": 2, "label": "tea"}) as (url, _):
        process = subprocess.Popen(
            [sys.executable, "-m", "voicecli", "talk", "--llm-url", url, "--offline", "--ui", "plain"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_RUNTIME_DIR": "/nonexistent", "PULSE_SERVER": "/nonexistent"},
        )  # fmt: skip
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("Set a timer for two seconds.\n")
            process.stdin.flush()
            lines: list[str] = []
            while "Assistant: Your tea timer is done." not in lines:
                lines.append(process.stdout.readline().rstrip("\n"))
                assert lines[-1] or process.poll() is None, lines
            process.stdin.close()
            process.wait(timeout=30)
    assert any(line.startswith("Tool: set_timer(") for line in lines)


def test_a_server_that_does_not_start_is_reported_and_the_conversation_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "tools.toml"
    path.write_text('[tools.servers.clock]\ncommand = "no-such-program"\n')
    with language_model("current_time", {}) as (url, _):
        run = talk(url, "--config", path, "--ui", "plain", typed="What time is it?\n")
    assert run.returncode == 0, run.stderr
    assert "clock: the program no-such-program was not found" in run.stdout
    assert "Tool: current_time() = " in run.stdout


def test_without_tools_none_are_offered(tmp_path: Path) -> None:
    with language_model("current_time", {}) as (url, _):
        run = talk(url, "--no-tools", "--ui", "plain", typed="What time is it?\n")
    assert "Assistant: I have no such tool." in run.stdout
