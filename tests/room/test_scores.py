"""What counts as an interruption, an answer to nobody, a cut-off: on made-up conversations of ten seconds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.room.card import BLOCK_S, SPEAKER_HZ, Record
from benchmarks.room.scores import Score, score
from benchmarks.room.story import Span, Story
from voicecli import events
from voicecli.events import Event
from voicecli.types import TurnId

ONE, TWO = TurnId(1), TurnId(2)
LOUD = (8000 * np.sin(2 * np.pi * 440 * np.arange(round(BLOCK_S * SPEAKER_HZ)) / SPEAKER_HZ)).astype(np.int16)
USER = Span(3.0, 5.0)


def story(reported: list[Event], sounds: list[Span], said: tuple[Span, ...] = (USER,)) -> Story:
    """The loudspeaker is loud in `sounds`; it was first given something at 0 s."""
    times_s = [index * BLOCK_S for index in range(round(10 / BLOCK_S))]
    blocks = [LOUD * any(one.from_s <= at_s < one.until_s - 1e-6 for one in sounds) for at_s in times_s]
    return Story(Record(0.0, blocks=blocks), reported, list(said))


def interrupted(at_s: float) -> list[Event]:
    """An answer from 1 s on that is stopped."""
    return [events.Audible(at_s=1.0, turn=ONE), events.TurnInterrupted(at_s=at_s, turn=ONE, spoken="", reopened=False)]


def heard(turn: TurnId, started_at_s: float, ended_at_s: float, reported_s: float) -> list[Event]:
    """An utterance that is taken for the user's."""
    return [
        events.SpeechStarted(at_s=started_at_s + 0.3, turn=turn, started_at_s=started_at_s),
        events.Transcribed(at_s=ended_at_s + 0.3, turn=turn, text="what", language="en", audio_s=1.0),
        events.SpeechEnded(at_s=reported_s, turn=turn, ended_at_s=ended_at_s),
    ]


def test_an_interruption_is_timed_by_what_sounded() -> None:
    found = score(story([*interrupted(3.4), *heard(TWO, 3.02, 5.0, 5.6)], [Span(1.0, 3.46)]))
    assert (found.answers, found.barge_ins, found.missed, found.false_interruptions) == (1, 1, 0, 0)
    assert list(found.to_silence_s) == pytest.approx([0.46])
    assert found.to_duck_s == found.to_silence_s
    assert (found.utterances, found.cut_off, found.self_answers) == (1, 0, 0)
    assert list(found.waits_s) == pytest.approx([0.6])


def test_an_answer_that_goes_on_was_not_interrupted() -> None:
    found = score(story(interrupted(5.2), [Span(1.0, 5.25)]))
    assert (found.barge_ins, found.missed, found.to_silence_s) == (1, 1, ())


def test_an_answer_that_waited_in_silence_and_went_on_was_not_interrupted() -> None:
    assert score(story(interrupted(9.0), [Span(1.0, 3.3), Span(4.4, 9.0)])).missed == 1


def test_the_next_answer_is_not_the_one_that_was_interrupted() -> None:
    reported = [*interrupted(3.4), *heard(TWO, 3.02, 5.0, 5.4), events.Audible(at_s=5.5, turn=TWO)]
    assert score(story(reported, [Span(1.0, 3.46), Span(5.5, 9.0)])).missed == 0


def test_what_is_said_between_answers_interrupts_nothing() -> None:
    reported: list[Event] = [events.Audible(at_s=1.0, turn=ONE), events.TurnDone(at_s=2.5, turn=ONE, spoken="")]
    found = score(story(reported, [Span(1.0, 2.5)]))
    assert (found.barge_ins, found.utterances, found.waits_s) == (0, 1, ())


def test_a_softer_answer_is_reported_by_its_volume() -> None:
    made = story(interrupted(3.6), [Span(1.0, 3.64)])
    made.record.gains += [(1.0, 0.0), (3.1, -3.0), (3.2, -12.0), (3.3, -math.inf), (8.0, 0.0), (9.0, -12.0)]
    found = score(made)
    assert list(found.to_duck_s) == pytest.approx([0.2])
    assert found.ducks == 2


def test_an_interruption_by_nobody_is_false_and_one_by_keyboard_is_not() -> None:
    typed: list[Event] = [events.UserTyped(at_s=2.0, turn=TWO, text="next")]
    assert score(story(interrupted(2.0), [Span(1.0, 2.0)])).false_interruptions == 1
    assert score(story([*typed, *interrupted(2.0)], [Span(1.0, 2.0)])).false_interruptions == 0


def test_words_while_the_user_is_silent_are_its_own() -> None:
    assert score(story(heard(TWO, 6.0, 7.0, 7.6), [])).self_answers == 1
    assert score(story(heard(TWO, 4.0, 5.1, 5.6), [])).self_answers == 0
    dropped = heard(TWO, 6.0, 7.0, 7.6)[:2]
    assert score(story(dropped, [])).self_answers == 0


def test_an_endpoint_between_the_user_s_words_cuts_off() -> None:
    found = score(story([*heard(TWO, 3.0, 3.5, 4.1), *heard(TurnId(3), 4.3, 5.0, 5.6)], []))
    assert (found.cut_off, found.waits_s) == (1, ())


def test_scores_add_up() -> None:
    one = score(story([*interrupted(3.4), *heard(TWO, 3.02, 5.0, 5.6)], [Span(1.0, 3.46)]))
    assert one + Score() == one
    assert (one + one).barge_ins == 2
    assert (one + one).to_silence_s == one.to_silence_s * 2
