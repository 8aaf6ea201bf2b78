"""When is the user taken to be done, in whole conversations. Times are virtual seconds."""

from __future__ import annotations

import itertools

import pytest

from tests.conversation.stage import Talk, all_of, at_s, only
from tests.defaults import LISTEN
from voicecli import events
from voicecli.errors import EngineError
from voicecli.turns.endpoint import MODES, PauseStatistics, wait_ms

BALANCED = MODES["balanced"]
FRAMES_S = 0.041  # a verdict between two frames counts at the next one


def test_a_complete_sentence_ends_sooner_than_by_silence_alone(talk: Talk) -> None:
    talk.pauses_sound(0.99)
    talk.user_says("What is the time?", 0.5, 1.5)
    talk.llm_replies("It is noon.")
    seen = talk.run(5.0)
    ended_s = at_s(only(seen, events.SpeechEnded)) - 1.5
    assert BALANCED.shortest_ms / 1000 <= ended_s + 1e-6
    assert ended_s < LISTEN.end_ms / 1000 - 0.15
    assert at_s(only(seen, events.Audible)) >= 1.5 + ended_s


def test_an_incomplete_one_is_waited_for(talk: Talk) -> None:
    talk.pauses_sound(0.02)
    talk.user_says("I would like to", 0.5, 1.5)
    talk.llm_replies("What would you like?")
    seen = talk.run(7.0)
    reported = all_of(seen, events.EndpointExpected)[-1]
    assert reported.wait_ms > LISTEN.end_ms
    assert at_s(only(seen, events.SpeechEnded)) == pytest.approx(1.5 + reported.wait_ms / 1000, abs=FRAMES_S)


def test_a_pause_that_silence_alone_would_cut_is_survived(talk: Talk) -> None:
    talk.pauses_sound(0.02, 0.98)
    talk.user_says("I would like a", 0.5, 1.5)
    talk.user_says("small coffee, please.", 2.4, 3.4)
    talk.llm_replies("Pardon?", "One small coffee.")
    seen = talk.run(8.0)
    assert len(all_of(seen, events.SpeechResumed)) == 1
    assert only(seen, events.TurnDone).spoken == "One small coffee. "
    assert not [event for event in all_of(seen, events.EndpointExpected) if 2.46 < at_s(event) < 3.4]


def test_words_that_come_after_the_verdict_change_the_wait(talk: Talk) -> None:
    talk.pauses_sound(0.6)
    talk.stt_s = 0.3
    talk.user_says("Put milk and", 0.5, 0.95)
    talk.llm_replies("And what?")
    by_sound, by_words = all_of(talk.run(6.0), events.EndpointExpected)
    assert by_sound.probability == by_words.probability == 0.6
    assert by_words.wait_ms > by_sound.wait_ms


def test_speech_without_words_so_far_is_waited_for(talk: Talk) -> None:
    talk.pauses_sound(0.8)
    talk.user_says("", 0.5, 1.5)
    by_sound, by_words = all_of(seen := talk.run(5.0), events.EndpointExpected)
    assert by_words.wait_ms > by_sound.wait_ms
    assert only(seen, events.NothingHeard)


def test_until_the_model_has_answered_silence_is_the_rule(talk: Talk) -> None:
    talk.pauses_sound(0.0)
    talk.turn_s = 1.0
    talk.user_says("I would like to", 0.5, 1.5)
    talk.llm_replies("What would you like?")
    seen = talk.run(6.0)
    assert at_s(only(seen, events.SpeechEnded)) == pytest.approx(1.5 + LISTEN.end_ms / 1000, abs=0.021)
    assert not all_of(seen, events.EndpointExpected)


def test_a_verdict_on_the_pause_before_is_dropped(talk: Talk) -> None:
    """The first pause would end at once; its verdict comes when the user has gone on and paused again."""
    talk.pauses_sound(1.0, 0.0)
    talk.turn_s = 0.9
    talk.user_says("I would", 0.5, 1.5)
    talk.user_says("like to", 1.8, 2.3)
    talk.llm_replies("Pardon?", "Pardon me?")
    seen = talk.run(7.0)
    assert at_s(only(seen, events.SpeechEnded)) == pytest.approx(2.3 + LISTEN.end_ms / 1000, abs=0.021)


def test_a_failing_model_is_reported_once_and_silence_is_the_rule(talk: Talk) -> None:
    talk.pauses_sound(EngineError("out of memory"))
    talk.user_says("What is the time?", 0.5, 1.5)
    talk.user_says("And now?", 5.0, 6.0)
    talk.llm_replies("Noon.", "Noon still.")
    seen = talk.run(10.0)
    assert "out of memory" in only(seen, events.Notice).text
    assert [at_s(event) for event in all_of(seen, events.SpeechEnded)] == pytest.approx([2.2, 6.7], abs=0.021)


def test_who_pauses_long_is_given_longer(talk: Talk) -> None:
    talk.pauses_sound(0.3, 0.3, 0.3)
    for index in range(3):
        talk.user_says(f"word {index}", 0.5 + 2.2 * index, 1.4 + 2.2 * index)
    talk.llm_replies("One.", "Two.", "Three.")
    seen = talk.run(10.0)
    judged = [event for event in seen if isinstance(event, events.SpeechPaused | events.EndpointExpected)]
    waits_ms = [
        after.wait_ms
        for before, after in itertools.pairwise(judged)
        if isinstance(before, events.SpeechPaused) and isinstance(after, events.EndpointExpected)
    ]
    assert len(waits_ms) == 3
    assert waits_ms[0] < waits_ms[1] <= waits_ms[2]


def test_going_on_after_an_endpoint_is_a_pause_too(talk: Talk) -> None:
    talk.pauses_sound(0.97, 0.3)
    talk.user_says("Get me a coffee.", 0.5, 1.5)
    talk.user_says("With milk and", 2.8, 3.8)
    talk.llm_replies("A coffee it is, and it will be ready soon.", "And what?")
    seen = talk.run(8.0)
    assert len(all_of(seen, events.SpeechEnded)) == 2
    learnt = PauseStatistics().with_pause(1300)
    expected = wait_ms(BALANCED, 0.3, None, learnt)
    assert expected > wait_ms(BALANCED, 0.3, None, PauseStatistics())
    assert expected in [pytest.approx(event.wait_ms) for event in all_of(seen, events.EndpointExpected)]


def test_muting_in_a_pause_leaves_nothing_behind(talk: Talk) -> None:
    talk.pauses_sound(0.9)
    talk.turn_s = 0.2
    talk.user_says("this is not for you", 0.5, 1.5)
    talk.at(1.75, lambda conversation: conversation.mute(True))
    seen = talk.run(4.0)
    assert only(seen, events.NothingHeard)
    assert not all_of(seen, events.EndpointExpected)
