"""Whole conversations in a room, with the real models: it does not hear itself, and it hears who talks over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.room.acoustics import Room
from benchmarks.room.scenes import answers, barge_ins
from benchmarks.room.scores import of, score
from benchmarks.room.sounds import voiced_clip
from benchmarks.room.stage import Cast, Costs, Set, play
from benchmarks.speech import spoken
from tests.defaults import SETTINGS
from voicecli.assemble.devices import make_vad
from voicecli.events import Transcribed

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]

ROOMS = [Room(0.04, -10.0), Room(0.25, -20.0)]


@pytest.fixture(scope="module")
def cast(model_folder: Callable[[str], Path]) -> Cast:
    for name in (SETTINGS.stt.model, SETTINGS.listen.endpoint_model, SETTINGS.tts.model, "kokoro-voices"):
        model_folder(name)
    return Cast.load(Costs())


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_an_answer_that_nobody_interrupts_is_heard_to_its_end_and_not_answered(cast: Cast, room: Room) -> None:
    found = score(play(cast, Set(room, SETTINGS), answers(2)))
    assert (found.answers, found.false_interruptions, found.self_answers) == (2, 0, 0)


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_who_talks_over_an_answer_is_heard(cast: Cast, room: Room) -> None:
    order = spoken("am_michael", "Wait a moment, and tell me about the weather in Paris tomorrow.")
    clip = voiced_clip("order", order, make_vad(SETTINGS.listen))
    assert clip is not None
    story = play(cast, Set(room, SETTINGS), barge_ins([clip], 2.5))
    found = score(story)
    assert (found.barge_ins, found.missed, found.self_answers) == (1, 0, 0)
    assert any("weather" in event.text for event in of(story, Transcribed))
