"""`voicecli say` through a virtual sound card."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from voicecli.bench.virtual_card import VirtualCard

pytestmark = [pytest.mark.card, pytest.mark.model, pytest.mark.timeout(120)]


def test_a_text_sounds_and_ctrl_c_silences_it(card: VirtualCard) -> None:
    command = [sys.executable, "-m", "voicecli", "say", "--offline", "This is a very long story about a king. " * 9]
    began_s = time.monotonic()
    with subprocess.Popen(command, env=card.env, stderr=subprocess.PIPE, text=True) as process:
        sounded_s = card.speaker.await_sound(began_s, 30)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        _, reported = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in reported
    card.speaker.await_quiet(sounded_s, 0.5, 3)


def test_a_text_sounds_to_its_end(card: VirtualCard) -> None:
    command = [sys.executable, "-m", "voicecli", "say", "--offline", "--json", "The king had three daughters."]
    began_s = time.monotonic()
    outcome = subprocess.run(command, env=card.env, capture_output=True, text=True, check=False, timeout=60)
    assert outcome.returncode == 0, outcome.stderr
    card.speaker.await_sound(began_s, 1)
    assert '"first_audio_s"' in outcome.stdout
