"""Open loudspeakers: the microphone hears what the speaker plays, 20 dB weaker."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.card.program import Program
from tests.card.pulse import VirtualCard

pytestmark = [pytest.mark.card, pytest.mark.model, pytest.mark.timeout(180)]

STORY = "Please tell me a very long story about a king and his three daughters."


@pytest.fixture
def room(card: VirtualCard) -> Iterator[VirtualCard]:
    with card.echo(-20):
        yield card


@pytest.fixture
def plain(room: VirtualCard) -> Iterator[Program]:
    with Program(room.env, "--ui", "plain", "--llm", "embedded", "--offline", "--echo", "on") as program:
        program.await_text("^Listening")
        yield program


def test_the_assistant_does_not_hear_itself(room: VirtualCard, plain: Program, spoken: Callable[[str], Path]) -> None:
    room.say(spoken(STORY))
    plain.await_text("^You: ")
    began_s = room.speaker.await_sound(time.monotonic(), 15)
    ended_s = room.speaker.await_quiet(began_s, 2.5, 70)
    assert ended_s - began_s > 2.0
    assert len(re.findall("^You: ", plain.text, re.MULTILINE)) == 1, plain.text
    assert "interrupted" not in plain.text
    assert "own voice" not in plain.text


def test_the_user_can_talk_over_it(room: VirtualCard, plain: Program, spoken: Callable[[str], Path]) -> None:
    question, story = spoken("What is the capital of France?"), spoken(STORY)
    stop = spoken("Stop it now, please, that is enough.")
    room.say(question)  # in the first seconds of sound the canceller learns the room, and only a loud voice interrupts
    asked = plain.await_text("^You: ")
    room.speaker.await_quiet(room.speaker.await_sound(time.monotonic(), 15), 1.5, 60)
    room.say(story)
    asked = plain.await_text("^You: ", after=asked)
    room.speaker.await_sound(time.monotonic(), 15)
    time.sleep(1.5)
    room.say(stop)
    plain.await_text(r"\[interrupted\]", after=asked, timeout_s=10)
    plain.await_text(r"^You: .*[Ss]top", after=asked, timeout_s=10)
