"""`voicecli doctor` through a virtual sound card."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.card.pulse import open_speaker
from voicecli.bench.virtual_card import VirtualCard
from voicecli.events import Event

pytestmark = [pytest.mark.card, pytest.mark.timeout(120)]

ECHO_DB = -20.0


def findings(card: VirtualCard, *arguments: str) -> dict[str, dict[str, Any]]:
    """Name -> finding, from a process on a card that has found its pace."""

    def ignore(event: Event) -> None:
        pass

    async def run() -> str:
        command = [sys.executable, "-m", "voicecli", "doctor", "--json", "--quick", *arguments]
        async with open_speaker(card, ignore):
            done = await asyncio.to_thread(
                subprocess.run, command, env=card.env, capture_output=True, text=True, check=False, timeout=60
            )
        return str(done.stdout)

    report = json.loads(asyncio.run(run()))
    return {finding["name"]: finding for group in report["groups"] for finding in group["findings"]}


def test_a_microphone_of_zeros_fails(card: VirtualCard) -> None:
    found = findings(card)
    assert found["sound server"]["state"] == "passed"
    assert found["ALSA"]["state"] == "passed"
    assert found["level"]["state"] == "failed"
    assert found["level"]["facts"]["exact zeros"] is True
    assert found["speaker"]["state"] == "passed"
    assert "round trip" not in found


def test_the_sound_that_is_played_is_heard_back(card: VirtualCard) -> None:
    with card.echo(ECHO_DB):
        found = findings(card)
    assert {found[name]["state"] for name in ("level", "speaker", "round trip", "echo")} == {"passed"}
    assert found["echo"]["facts"]["loss db"] == pytest.approx(-ECHO_DB, abs=1.5)
    assert 30 < found["round trip"]["facts"]["round trip ms"] < 350


def test_without_sound_nothing_is_heard_nor_played(card: VirtualCard) -> None:
    with card.echo(ECHO_DB):
        found = findings(card, "--no-sound")
    assert found["microphone"]["state"] == "passed"
    assert found["level and echo"]["state"] == "skipped"
