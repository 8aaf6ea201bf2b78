"""`voicecli bench live`: the acoustic figure beside the computed one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.defaults import LANGUAGE_MODEL
from voicecli.bench.live import ACOUSTIC, GROUP
from voicecli.bench.result import VOICE_TO_VOICE, read_result
from voicecli.bench.virtual_card import VirtualCard, control, daemon, guest_card

pytestmark = [pytest.mark.card, pytest.mark.model, pytest.mark.timeout(300)]

SAME_S = 0.3
"""What the devices' latencies and the search for the end of a voice may come to, on a busy machine, too."""


def test_both_figures_of_two_questions_agree(card: VirtualCard, spoken: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "speech"
    folder.mkdir()
    for text in ("What is the capital of France?", "How many legs does a spider have?"):
        shutil.copy(spoken(text), folder / f"{text[:8]}.wav")
    options = [
        "--speech",
        str(folder),
        "--llm",
        "embedded",
        "--model",
        LANGUAGE_MODEL,
        "--json",
        str(tmp_path / "live.json"),
    ]
    measured = subprocess.run(
        [sys.executable, "-m", "voicecli", "bench", "live", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert measured.returncode == 0, measured.stderr
    result = read_result(tmp_path / "live.json")
    acoustic, computed = result.samples(GROUP, ACOUSTIC), result.samples(GROUP, VOICE_TO_VOICE)
    assert len(acoustic) == len(computed) == 2
    for heard_s, reported_s in zip(acoustic, computed, strict=True):
        assert heard_s == pytest.approx(reported_s, abs=SAME_S)
    counts = {count.name: count.value for count in result.counts if count.group == GROUP}
    assert counts["answered"] == 2
    assert counts["cut off before the end"] == 0
    assert len(result.turns) == 2
    assert not (tmp_path / "data").exists()  # it is no conversation of the user's


def test_without_the_tools_it_says_what_to_install(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "voicecli", "bench", "live"],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 4
    assert "pactl" in refused.stderr
    assert "apt install pulseaudio" in refused.stderr


def test_a_guest_of_the_users_sound_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    with daemon(()) as env:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        control(env, "load-module", "module-null-sink", "sink_name=theirs")
        control(env, "set-default-sink", "theirs")
        control(env, "set-default-source", "theirs.monitor")
        before = control(env, "list", "short", "modules")
        with guest_card() as inside:
            assert control(inside, "get-default-sink").strip() != "theirs"
        assert control(env, "list", "short", "modules") == before
        assert control(env, "get-default-sink").strip() == "theirs"
        assert control(env, "get-default-source").strip() == "theirs.monitor"
