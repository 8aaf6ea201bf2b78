"""`voicecli report --record` at an open loudspeaker, and `voicecli replay` of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.card.program import Program
from tests.card.storyteller import Storyteller
from voicecli.bench.virtual_card import VirtualCard
from voicecli.replay.zip_file import read_recording

pytestmark = [pytest.mark.card, pytest.mark.model, pytest.mark.timeout(300)]

RECORD = ("--record", "--offline", "--set", "audio.ready_sound=true")


def recording(card: VirtualCard, story: Storyteller, path: Path) -> Program:
    """Asks for consent, as there is a terminal."""
    return Program(card.env, *RECORD, "--llm-url", story.url, "--output", str(path), command="report")


def test_the_echo_of_then_is_no_voice_now_and_two_replays_agree(
    card: VirtualCard, spoken: Callable[[str], Path], tmp_path: Path
) -> None:
    path = tmp_path / "recording.zip"
    with card.echo(-20), Storyteller(["It is noon, and the sun is high above the hills."]) as story:
        with recording(card, story, path) as program:
            program.await_text(r"Record it\?")
            program.press("y\n")
            program.await_text("Listening")
            card.say(spoken("What time is it now?"))
            program.await_text("To repeat the conversation")
        kept = read_recording(path)
        assert kept.times.echoes
        assert len(kept.sounds.echo_free) == len(kept.sounds.microphone) > 0
        assert len(kept.times.listenings) == 2  # the canceller learns from the ready sound before anybody is heard
        for name in ("once", "twice"):
            command = ["replay", str(path), "--offline", "--llm-url", story.url, "--json", str(tmp_path / name)]
            subprocess.run([sys.executable, "-m", "voicecli", *command], check=True, capture_output=True, timeout=120)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()
    (turn,) = json.loads((tmp_path / "once").read_text())["turns"]
    assert turn["now"]["heard"] == turn["then"]["heard"]
    assert turn["now"]["outcome"] == "answered"
    assert turn["now"]["false_interruptions"] == 0
    assert turn["now"]["endpoint_wait_s"] == pytest.approx(turn["then"]["endpoint_wait_s"], abs=0.05)


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_without_a_yes_nothing_is_recorded(card: VirtualCard, answer: str, tmp_path: Path) -> None:
    with Storyteller() as story, recording(card, story, tmp_path / "a.zip") as program:
        program.await_text(r"Record it\?")
        program.press(answer)
        program.await_text("Nothing was recorded")
    assert not list(tmp_path.iterdir())


def test_ctrl_c_throws_the_recording_away(card: VirtualCard, spoken: Callable[[str], Path], tmp_path: Path) -> None:
    with Storyteller() as story, recording(card, story, tmp_path / "a.zip") as program:
        program.await_text(r"Record it\?")
        program.press("y\n")
        program.await_text("Listening")
        card.say(spoken("What time is it now?"))
        program.await_text("Speaking")
        code, _ = program.interrupt()
        assert code == 130
        assert "nothing was kept" in program.text
    assert not list(tmp_path.iterdir())
