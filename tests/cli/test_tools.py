"""`voicecli tools`, as a user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def tools(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voicecli", "tools", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)


def settings(folder: Path, text: str) -> Path:
    path = folder / "tools.toml"
    path.write_text(text)
    return path


def test_ours_are_listed() -> None:
    run = tools()
    assert run.returncode == 0, run.stderr
    for name in ("current_time", "calculate", "set_timer", "list_timers", "cancel_timer"):
        assert name in run.stdout
    assert "asks" not in run.stdout


def test_a_server_is_tried_and_the_rest_is_listed(tmp_path: Path) -> None:
    text = f"""
    [tools]
    enabled = false
    allow = ["clock.convert_time"]
    [tools.servers.clock]
    command = {json.dumps(sys.executable)}
    args = ["-m", "mcp_server_time"]
    [tools.servers.gone]
    command = "no-such-program"
    """
    run = tools("--config", settings(tmp_path, text))
    assert run.returncode == 5
    rows = {line.split()[0]: line.split()[1] for line in run.stdout.splitlines() if line.strip()}
    assert rows["clock.convert_time"] == "allowed"
    assert rows["clock.get_current_time"] == rows["calculate"] == "asks"
    assert "gone: the program no-such-program was not found" in run.stderr
    assert "tools.servers.gone.command" in run.stderr
    assert "Tools are off" in run.stdout


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[tools.servers.x]\nurl = 'http://x'\ncommand = 'x'\n", "either a command or a url"),
        ("[tools.servers.x]\n", "either a command or a url"),
        ("[tools.servers.x]\ncomand = 'x'\n", "tools.servers.x.comand"),
        ("[tools.servers.builtin]\ncommand = 'x'\n", "servers.builtin another name"),
        ("[tools]\nservers = 'x'\n", "tools.servers"),
        ("[tools]\ntimeout_s = 0\n", "tools.timeout_s"),
    ],
)
def test_settings_that_are_wrong_are_reported(text: str, part: str, tmp_path: Path) -> None:
    run = tools("--config", settings(tmp_path, text))
    assert run.returncode == 2
    assert part in run.stderr
    assert "Traceback" not in run.stderr
