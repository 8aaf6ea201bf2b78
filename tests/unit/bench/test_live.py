"""What bench live makes of both sides' recordings and of the program's events."""

from __future__ import annotations

import numpy as np
import pytest

from voicecli import events
from voicecli.bench.live import ACOUSTIC, GROUP, found, turn_of
from voicecli.bench.result import VOICE_TO_VOICE
from voicecli.bench.room import STEP_S
from voicecli.bench.speech import Utterance
from voicecli.conversation.latency import PART_NAMES
from voicecli.events import Event
from voicecli.types import TurnId

SAID = Utterance("one.wav", np.zeros(32_000, np.int16), 0.3, 1.8, slots=("paris",))
TURN = TurnId(4)


def reported(audible_s: float | None = 12.6) -> list[Event]:
    """The voice is there from 10.3 to 11.8 s; the program takes 11.75 s for its end."""
    turn: list[Event] = [
        events.SpeechStarted(at_s=10.4, turn=TURN, started_at_s=10.3),
        events.SpeechPaused(at_s=11.9, turn=TURN, ended_at_s=11.75, preparing=True),
        events.Transcribed(at_s=12.1, turn=TURN, text="To Paris", language="en", audio_s=2.0),
        events.SpeechEnded(at_s=12.2, turn=TURN, ended_at_s=11.75),
        events.TokenArrived(at_s=12.3, turn=TURN, text="Yes."),
        events.TextChunkReady(at_s=12.4, turn=TURN, text="Yes.", source_end=4),
        events.Synthesized(at_s=12.5, turn=TURN, text="Yes.", audio_s=1.0, share=1.0),
    ]
    return [*turn, events.Audible(at_s=audible_s, turn=TURN)] if audible_s is not None else turn


def sounding(from_s: float) -> list[float]:
    return [from_s + index * STEP_S for index in range(80)]


def test_both_figures_stand_side_by_side() -> None:
    turn = turn_of(SAID, 10.0, reported(), sounding(12.7))
    assert turn.acoustic_s == pytest.approx(0.9)
    assert turn.outcome.latency is not None
    assert turn.outcome.latency.voice_to_voice_s == pytest.approx(0.85)
    assert (turn.outcome.heard, turn.outcome.answer, turn.cut_in) == ("To Paris", "Yes.", False)
    result = found([turn], reported())
    assert result.metrics[0].name == ACOUSTIC
    names = {metric.name: metric.samples for metric in result.metrics}
    assert names[VOICE_TO_VOICE] == pytest.approx((0.85,))
    assert sum(names[name][0] for name in PART_NAMES) == pytest.approx(0.85)
    assert {(one.group, one.name): (one.value, one.out_of) for one in result.counts} == {
        (GROUP, "answered"): (1, 1),
        (GROUP, "cut off before the end"): (0, 1),
        (GROUP, "gaps inside answers"): (0, 1),
    }
    assert len(result.turns) == 1


def test_an_answer_before_the_end_is_a_cut_off_and_no_figure() -> None:
    turn = turn_of(SAID, 10.0, reported(11.2), sounding(11.2))
    assert turn.cut_in
    assert turn.acoustic_s is None
    assert turn.outcome.latency is None
    assert found([turn], ()).counts[1].value == 1


def test_a_question_that_nobody_heard_is_not_answered() -> None:
    turn = turn_of(SAID, 10.0, [], [])
    assert (turn.acoustic_s, turn.outcome.latency) == (None, None)
    result = found([turn], ())
    assert not result.metrics
    assert result.counts[0].value == 0


def test_an_answer_that_the_program_tells_of_and_nobody_hears_is_no_answer() -> None:
    turn = turn_of(SAID, 10.0, reported(), [])
    assert turn.acoustic_s is None
    assert turn.outcome.latency is not None
    assert found([turn], ()).counts[0].value == 0
