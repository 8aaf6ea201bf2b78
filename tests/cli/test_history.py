"""`voicecli history`, and `talk` with and without it, as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.defaults import LANGUAGE_MODEL
from tests.unit.history.stage import EXCHANGE, SESSION, asked
from voicecli.commands.talk import with_last
from voicecli.history.files import damaged_files
from voicecli.history.store import open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the tests' processes keep their history (conftest.py)."""
    return tmp_path / "data" / "voicecli" / "history.db"


@pytest.fixture
def filled(path: Path) -> Path:
    with open_store(path, create=True) as store:
        store.add(SESSION, [EXCHANGE])
        store.add(SESSION, [asked("Tell me of \x1b[31mtrains", "They [b]run[/b] on rails.")])
    return path


def run(
    *arguments: str | Path, typed: str = "", timeout_s: float = 40, **environ: str
) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    return subprocess.run(
        [sys.executable, "-m", "voicecli", *map(str, arguments)],
        env={**env, "XDG_RUNTIME_DIR": "/nonexistent", "TZ": "UTC", **environ},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


def test_the_list_has_the_latest_first_and_nothing_that_a_terminal_obeys(filled: Path) -> None:
    listed = run("history")
    assert listed.returncode == 0, listed.stderr
    lines = [line.split() for line in listed.stdout.splitlines()]
    assert lines[0] == ["id", "began", "exchanges", "with"]
    assert lines[1][:5] == ["2", "2026-03-01", "23:59", "1", "Tell"]
    assert lines[2][:5] == ["1", "2026-03-01", "23:59", "1", "What"]
    assert "\x1b" not in listed.stdout
    assert f"2 of 2 conversations in {filled}" in listed.stderr
    assert len(run("history", "--limit", "1").stdout.splitlines()) == 2


def test_words_are_found(filled: Path) -> None:
    found = run("history", "search", "rails", "tra")
    assert found.returncode == 0, found.stderr
    assert "They [b]run[/b] on rails." in found.stdout
    assert found.stdout.splitlines()[1].split()[0] == "2"
    nothing = run("history", "search", "museum")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "0 found\n")


def test_a_conversation_is_shown_and_exported(filled: Path, tmp_path: Path) -> None:
    assert run("history", "show", "1").stdout.startswith("# Conversation 1, 2026-03-01 23:59\n\n**You**, 23:59:51\n")
    assert "\x1b" not in run("history", "show", "2").stdout
    reported = json.loads(run("history", "export", "2", "--format", "json").stdout)
    assert reported["exchanges"][0]["question"] == "Tell me of \x1b[31mtrains"
    output = tmp_path / "talk.srt"
    written = run("history", "export", "1", "--format", "srt", "--output", output)
    assert (written.returncode, written.stdout) == (0, "")
    assert output.read_text().startswith("1\n00:00:01,000 --> 00:00:03,000\nYou: What is the capital of France?\n")
    assert output.stat().st_mode & 0o777 == 0o600


def test_nothing_is_deleted_without_a_yes(filled: Path) -> None:
    refused = run("history", "delete", "1")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert run("history", "show", "1").returncode == 0
    assert run("history", "delete", "1", "--yes").returncode == 0
    assert run("history", "show", "1").returncode == 7
    set_aside_file = filled.with_name(f"{filled.name}.damaged-2026-01-01")
    set_aside_file.write_bytes(b"words")
    assert run("history", "delete", "--all", "--yes").returncode == 0
    assert not set_aside_file.exists()
    assert b"trains" not in filled.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["history", "show", "99"], 7, "list them with voicecli history"),
        (["history", "delete"], 2, "--all"),
        (["history", "delete", "1", "--all"], 2, "--all"),
        (["history", "delete", "99", "--yes"], 7, "no conversation 99"),
        (["history", "export", "1", "--output", "/dev/null/file"], 7, "cannot be written"),
        (["history", "export", "1", "--format", "doc"], 2, "doc"),
        (["talk", "--resume", "99"], 7, "no conversation 99"),
        (["talk", "--resume", "soon"], 2, "soon"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_a_message_a_hint_and_a_code_never_a_traceback(
    filled: Path, arguments: list[str], code: int, part: str
) -> None:
    refused = run(*arguments)
    assert refused.returncode == code, refused.stderr
    assert part in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_history_and_with_a_damaged_one_that_is_said(path: Path) -> None:
    listed = run("history")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "No conversation has been saved yet" in listed.stderr
    for arguments in (["history", "search", "a"], ["history", "delete", "--all"], ["talk", "--resume"]):
        refused = run(*arguments)
        assert (refused.returncode, refused.stdout) == (7, ""), arguments
        assert "no conversation has been saved yet" in refused.stderr
    assert not path.exists()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"garbage " * 1000)
    refused = run("history")
    assert refused.returncode == 7
    assert "damaged" in refused.stderr
    assert "sets it aside" in refused.stderr
    assert path.read_bytes() == b"garbage " * 1000


def test_resume_may_stand_alone() -> None:
    assert with_last(["--resume"]) == ["--resume", "0"]
    assert with_last(["--resume", "--ui", "plain"]) == ["--resume", "0", "--ui", "plain"]
    assert with_last(["--resume", "12", "--ui", "plain"]) == ["--resume", "12", "--ui", "plain"]
    assert with_last(["--resume=12"]) == ["--resume=12"]


def talk(*arguments: str | Path, typed: str, **environ: str) -> subprocess.CompletedProcess[str]:
    options = ("--llm", "embedded", "--model", LANGUAGE_MODEL, "--offline", "--ui", "plain")
    return run("talk", *options, *arguments, typed=typed, timeout_s=150, VOICECLI_LLM_MAX_ANSWER_TOKENS="12", **environ)


@pytest.mark.model
@pytest.mark.timeout(400)
class TestTalk:
    def test_is_kept_and_goes_on(self, path: Path) -> None:
        first = talk(typed="My name is Ada.\n")
        assert first.returncode == 0, first.stderr
        assert f"Conversations are saved in {path}" in first.stdout
        assert path.stat().st_mode & 0o777 == 0o600
        second = talk("--resume", typed="What is my name?\n")
        assert second.returncode == 0, second.stderr
        assert "Resuming conversation 1 of" in second.stdout
        with open_store(path) as store:
            _, exchanges = store.session(1)
            assert store.count() == 1
        assert [exchange.question for exchange in exchanges] == ["My name is Ada.", "What is my name?"]
        assert all(exchange.heard for exchange in exchanges)
        assert exchanges[1].asked_from_s > exchanges[0].asked_from_s

    def test_is_not_kept_where_the_user_or_the_settings_say_so_or_with_files(self, path: Path, tmp_path: Path) -> None:
        assert talk("--no-history", typed="Hello.\n").returncode == 0
        assert talk(typed="Hello.\n", VOICECLI_HISTORY_ENABLED="false").returncode == 0
        assert talk("--output", tmp_path / "answer.wav", typed="Hello.\n").returncode == 0
        assert not path.parent.exists()

    def test_goes_on_over_a_damaged_file(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"garbage " * 1000)
        held = talk(typed="Hello.\n")
        assert held.returncode == 0, held.stderr
        assert "The history file was damaged" in held.stdout
        assert len(damaged_files(path)) == 1
        with open_store(path) as store:
            assert store.sessions(1)[0].first == "Hello."

    def test_says_what_was_said_where_it_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        held = talk(typed="Hello there.\n", VOICECLI_HISTORY_FILE=str(tmp_path / "file" / "history.db"))
        assert held.returncode == 0, held.stderr
        assert held.stdout.count("The history cannot be saved") == 1
        assert "1 exchange could not be written" in held.stderr
        assert "You: Hello there." in held.stderr
