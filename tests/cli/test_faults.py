"""Faults in the middle of a conversation, on real processes: a server that is killed, a history that cannot be kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.defaults import LANGUAGE_MODEL
from voicecli.errors import VoiceCliError
from voicecli.history.files import damaged_files
from voicecli.history.records import LAST
from voicecli.history.store import open_store
from voicecli.models.manifest import Manifest

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

SERVER = Path(__file__).with_name("dying_server.py")


class Child:
    """A program whose lines are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the program ended"
        return line.rstrip("\n")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Talking(Child):
    """`voicecli talk` without a sound card; questions are typed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(process)
        self.seen: list[dict[str, Any]] = []

    def ask(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def until(self, kind: str, **values: Any) -> dict[str, Any]:
        """The next event of that kind and with those values."""
        while True:
            event: dict[str, Any] = json.loads(self.line())
            self.seen.append(event)
            if event["event"] == kind and values.items() <= event.items():
                return event

    def end(self) -> str:
        """Let it end by itself; returns what it says on stderr."""
        rest, reported = self.process.communicate(timeout=60)
        self.seen += [json.loads(line) for line in rest.splitlines()]
        assert self.process.returncode == 0, reported
        assert "Traceback" not in reported
        return reported


@contextmanager
def program(*arguments: str | Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    with subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**env, "XDG_RUNTIME_DIR": "/nonexistent", **environ},
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def server(port: int, *words: str) -> Iterator[tuple[Child, int]]:
    with program(SERVER, str(port), *words) as process:
        child = Child(process)
        yield child, int(child.line())


@contextmanager
def talking(port: int, history: Path, **environ: str) -> Iterator[Talking]:
    arguments = ("-m", "voicecli", "talk", "--ui", "jsonl", "--offline", "--llm-url", f"http://127.0.0.1:{port}/v1")
    with program(*arguments, VOICECLI_HISTORY_FILE=str(history), **environ) as process:
        talk = Talking(process)
        talk.until("Ready")
        yield talk


def kept(history: Path) -> list[tuple[str, str, str]]:
    with open_store(history) as store:
        return [(one.question, one.heard.strip(), one.outcome) for one in store.session(LAST)[1]]


def until_kept(history: Path, question: str) -> None:
    """The program writes beside the conversation, and tells nobody when it is done."""
    while True:
        with suppress(VoiceCliError):
            if question in [reported for reported, _, _ in kept(history)]:
                return
        time.sleep(0.05)


def with_small_model(installed: Path, folder: Path) -> Path:
    """A folder of models of which only the small one can take the place of a server, whatever else is installed."""
    folder.mkdir()
    for model in Manifest.load().model:
        if (model.kind != "llm" or model.name == LANGUAGE_MODEL) and (installed / model.name).is_dir():
            (folder / model.name).symlink_to(installed / model.name)
    return folder


def test_a_server_killed_in_mid_answer_is_replaced_and_returned_to(
    tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    small = with_small_model(model_folder(LANGUAGE_MODEL).parent, tmp_path / "models")
    history = tmp_path / "history.db"
    with (
        server(0, "Once", "upon", "STALL") as (first, port),
        talking(port, history, VOICECLI_MODELS_DIR=str(small)) as talk,
    ):
        talk.ask("Tell me a story.")
        talk.until("TokenArrived", text="upon ")
        first.kill()
        failed = talk.until("TurnFailed")
        assert failed["stage"] == "llm"
        assert "does not answer" in failed["message"]
        talk.ask("Are you there?")
        replaced = talk.until("ComponentChanged")
        assert (replaced["component"], replaced["condition"]) == ("model", "fallback")
        assert talk.until("TurnDone")["spoken"].strip()
        with server(port, "Here", "again.") as (second, _):
            back = talk.until("ComponentChanged")
            assert back["condition"] == "ok"
            talk.ask("And now?")
            assert talk.until("TurnDone")["spoken"].strip() == "Here again."
            assert second.line() == "And now?"
        talk.end()
    reported = [(question, outcome) for question, _, outcome in kept(history)]
    assert reported == [("Tell me a story.", "failed"), ("Are you there?", "done"), ("And now?", "done")]
    assert kept(history)[0][1] == "Once upon"


def test_without_a_fallback_each_question_is_remembered_until_the_server_is_back(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    none = {"VOICECLI_LLM_FALLBACK": "none"}
    with server(0, "Yes.") as (first, port), talking(port, history, **none) as talk:
        talk.ask("Are you there?")
        talk.until("TurnDone")
        first.kill()
        for question in ("One?", "Two?"):
            talk.ask(question)
            assert "does not answer" in talk.until("TurnFailed")["message"]
        assert [event["condition"] for event in talk.seen if event["event"] == "ComponentChanged"] == ["unavailable"]
        with server(port, "Three.") as (second, _):
            talk.until("ComponentChanged", condition="ok")
            talk.ask("Three?")
            talk.until("TurnDone")
            assert second.line() == "One? Two? Three?"
        talk.end()
    assert [outcome for _, _, outcome in kept(history)] == ["done", "failed", "failed", "done"]


def test_a_history_that_is_damaged_in_mid_conversation_is_begun_anew_with_all_of_it(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    with server(0, "Yes.") as (_, port), talking(port, history) as talk:
        talk.ask("One?")
        talk.until("TurnDone")
        until_kept(history, "One?")
        history.write_bytes(b"garbage " * 1000)
        talk.ask("Two?")
        talk.until("TurnDone")
        talk.ask("Three?")
        talk.until("TurnDone")
        talk.end()
    assert kept(history) == [("One?", "Yes.", "done"), ("Two?", "Yes.", "done"), ("Three?", "Yes.", "done")]
    assert len(damaged_files(history)) == 1
    assert any("damaged" in event["text"] for event in talk.seen if event["event"] == "Notice")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KB; skips where nobody may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fills_up(history: Path, fill: Callable[[], None], **environ: str) -> str:
    """A conversation whose disk fills up in the middle; returns what stands on stderr at its end."""
    with server(0, "Yes.") as (_, port), talking(port, history, **environ) as talk:
        talk.ask("One?")
        talk.until("TurnDone")
        fill()
        for question in ("Two?", "Three?"):
            talk.ask(question)
            assert talk.until("TurnDone")["spoken"].strip() == "Yes."
        reported = talk.end()
    notices = [event["text"] for event in talk.seen if event["event"] == "Notice"]
    assert sum("The history cannot be saved" in text for text in notices) == 1
    return reported


def test_a_full_disk_is_said_once_and_what_it_did_not_take_is_printed(small_disk: Path) -> None:
    def fill() -> None:
        with (small_disk / "rest").open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 1024):
                    pass
            except OSError:
                return

    reported = fills_up(small_disk / "history.db", fill)
    assert "could not be written to the history" in reported
    assert "Three?" in reported


def test_a_place_that_takes_nothing_is_said_once_and_all_is_printed(tmp_path: Path) -> None:
    place = tmp_path / "no folder"
    place.write_text("")
    reported = fills_up(place / "history.db", lambda: None)
    for question in ("One?", "Two?", "Three?"):
        assert question in reported


def test_a_reader_that_goes_in_mid_answer_ends_the_run_and_fails_no_turn(tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    more_than_a_pipe_holds = ["and"] * 5000
    with server(0, *more_than_a_pipe_holds) as (_, port), talking(port, history) as talk:
        talk.ask("Tell me a story.")
        talk.until("TokenArrived")
        assert talk.process.stdout is not None
        assert talk.process.stderr is not None
        talk.process.stdout.close()
        assert talk.process.wait(60) == 0
        assert talk.process.stderr.read() == ""
    assert [(question, outcome) for question, _, outcome in kept(history)] == [("Tell me a story.", "interrupted")]


@pytest.mark.parametrize("ui", ["plain", "jsonl"])
def test_an_output_that_is_full_is_said(ui: str) -> None:
    with Path("/dev/full").open("wb") as full:
        outcome = subprocess.run(
            [sys.executable, "-m", "voicecli", "talk", "--ui", ui, "--offline", "--no-history"],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert outcome.returncode == 1
    assert "cannot be written: No space left on device" in outcome.stderr
    assert "Traceback" not in outcome.stderr
