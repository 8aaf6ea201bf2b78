"""Push-to-talk: nothing is heard without the key, an utterance is what was said while it was held."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conversation.stage import Talk, all_of, at_s, only
from voicecli import events

STORY = "Once upon a time there was a king who had three daughters and a dragon."


@pytest.fixture
def held(talk: Talk) -> Talk:
    talk.push_to_talk = True
    return talk


def test_nothing_is_heard_while_the_key_is_up(held: Talk) -> None:
    held.user_says("what is that noise", 0.5, 2.0)
    assert held.run(4.0) == []
    assert (held.stt.drafts, held.stt.finals) == (0, 0)


def test_letting_go_ends_the_utterance_without_waiting_for_a_silence(held: Talk) -> None:
    held.user_says("what time is it", 0.5, 1.5)
    held.llm_replies("Noon.")
    held.holds(0.4, 1.6)
    seen = held.run(5.0)
    assert at_s(only(seen, events.SpeechStarted)) == pytest.approx(0.42, abs=0.021)
    assert at_s(only(seen, events.SpeechEnded)) == pytest.approx(1.62, abs=0.021)
    assert only(seen, events.Transcribed).text == "what time is it"
    assert only(seen, events.TurnDone).spoken == "Noon. "
    assert [event.held for event in all_of(seen, events.HoldChanged)] == [True, False]


def test_a_thoughtful_silence_ends_nothing_while_the_key_is_held(held: Talk) -> None:
    held.user_says("tell me about", 0.5, 1.5)
    held.user_says("the moon", 5.0, 5.8)
    held.llm_replies("Gone.", "It is far.")
    held.holds(0.4, 5.9)
    seen = held.run(9.0)
    assert at_s(only(seen, events.SpeechEnded)) == pytest.approx(5.92, abs=0.021)
    assert all_of(seen, events.Transcribed)[-1].text == "tell me about the moon"
    assert only(seen, events.TurnDone).spoken == "It is far. "


def test_what_was_prepared_in_the_last_pause_sounds_as_soon_as_the_key_is_up(held: Talk) -> None:
    held.user_says("what time is it", 0.5, 1.5)
    held.llm_replies("Noon.")
    held.holds(0.4, 2.5)
    seen = held.run(5.0)
    assert at_s(only(seen, events.Audible)) == pytest.approx(2.52, abs=0.05)


def test_who_speaks_while_pressing_loses_no_word(held: Talk) -> None:
    held.user_says("what", 0.5, 0.6)
    held.user_says("time is it", 0.7, 1.5)
    held.llm_replies("Noon.")
    held.holds(0.62, 1.6)
    seen = held.run(5.0)
    assert only(seen, events.Transcribed).text == "what time is it"


def test_what_was_said_long_before_the_key_is_not_heard(held: Talk) -> None:
    held.user_says("between us", 0.1, 0.7)
    held.user_says("what time is it", 1.0, 1.8)
    held.llm_replies("Noon.")
    held.holds(1.0, 1.9)
    assert only(held.run(5.0), events.Transcribed).text == "what time is it"


def test_the_key_interrupts_an_answer_at_once(held: Talk) -> None:
    held.user_says("tell me a story", 0.5, 1.5)
    held.llm_replies(STORY, "Fine.")
    held.holds(0.4, 1.6)
    held.user_says("no, the time", 4.6, 5.4)
    held.holds(4.5, 5.5)
    seen = held.run(9.0)
    interrupted = only(seen, events.TurnInterrupted)
    assert at_s(interrupted) == pytest.approx(4.5, abs=0.001)
    assert not interrupted.reopened
    assert interrupted.spoken.startswith("Once upon")
    assert not all_of(seen, events.Ducked)
    assert only(seen, events.TurnDone).spoken == "Fine. "


def test_what_sounded_before_the_key_that_interrupts_is_not_heard(held: Talk) -> None:
    """It may be the answer itself, through the air."""
    held.user_says("tell me a story", 0.5, 1.5)
    held.llm_replies(STORY, "Fine.")
    held.holds(0.4, 1.6)
    held.user_says("upon a time", 4.3, 4.45)
    held.user_says("the time", 4.8, 5.4)
    held.holds(4.5, 5.5)
    seen = held.run(9.0)
    assert all_of(seen, events.Transcribed)[-1].text == "the time"


def test_the_key_in_the_first_second_of_an_answer_goes_on_with_the_question(held: Talk) -> None:
    held.user_says("tell me", 0.5, 1.5)
    held.llm_replies(STORY, "Fine.")
    held.holds(0.4, 1.6)
    held.user_says("about dragons", 2.6, 3.4)
    held.holds(2.5, 3.5)
    seen = held.run(6.0)
    assert only(seen, events.TurnInterrupted).reopened
    assert held.llm.asked[-1][-1].text.startswith("tell me about dragons")


@pytest.mark.parametrize("silent", [True, False])
def test_who_seemed_to_go_on_with_a_question_and_said_nothing_is_answered(held: Talk, silent: bool) -> None:
    held.user_says("tell me", 0.5, 1.5)
    held.llm_replies(STORY, "Fine.")
    held.holds(0.4, 1.6)
    if not silent:
        held.user_says("", 2.6, 3.4)
    held.holds(2.5, 3.5)
    seen = held.run(6.0)
    assert only(seen, events.TurnInterrupted).reopened
    assert only(seen, events.NothingHeard)
    assert [question[-1].text for question in held.llm.asked] == ["tell me", "tell me"]
    assert only(seen, events.TurnDone).spoken == "Fine. "


def test_a_question_that_was_typed_meanwhile_takes_the_reopened_one_along(held: Talk) -> None:
    held.user_says("tell me", 0.5, 1.5)
    held.llm_replies(STORY, "Fine.")
    held.holds(0.4, 1.6)
    held.at(3.0, lambda talk: talk.ask("a story"))
    held.holds(2.5, 3.5)
    seen = held.run(6.0)
    assert [question[-1].text for question in held.llm.asked] == ["tell me", "tell me a story"]
    assert only(seen, events.TurnDone).spoken == "Fine. "


def test_a_key_that_nobody_spoke_at_asks_nothing(held: Talk) -> None:
    held.holds(0.4, 2.4)
    seen = held.run(4.0)
    assert only(seen, events.NothingHeard).reason == "no voice"
    assert (held.stt.drafts, held.stt.finals) == (0, 0)


def test_one_short_word_is_enough_since_the_key_says_that_it_is_meant(held: Talk) -> None:
    held.user_says("yes", 0.5, 0.6)
    held.llm_replies("Fine.")
    held.holds(0.4, 0.7)
    assert only(held.run(3.0), events.TurnDone).spoken == "Fine. "


def test_a_question_typed_meanwhile_is_answered_until_the_key_is_up(held: Talk) -> None:
    held.user_says("what time is it", 0.5, 2.5)
    held.at(1.0, lambda conversation: conversation.ask("who are you"))
    held.llm_replies(STORY, "Noon.")
    held.holds(0.4, 2.6)
    seen = held.run(6.0)
    assert at_s(only(seen, events.TurnInterrupted)) == pytest.approx(2.62, abs=0.021)
    assert only(seen, events.TurnDone).spoken == "Noon. "


def test_the_level_tells_nothing_while_the_key_is_up(held: Talk) -> None:
    levels: list[float] = []
    held.sees_levels = levels.append
    held.user_says("", 0.0, 4.0)
    held.holds(1.0, 2.0)
    held.run(4.0)
    loud = [index for index, level_db in enumerate(levels) if level_db > -90]
    assert np.diff(loud).tolist() == [1] * (len(loud) - 1)
    assert loud[0] == pytest.approx(10, abs=1)
    assert len(loud) == pytest.approx(10, abs=1)


def test_a_key_without_the_mode_changes_nothing(talk: Talk) -> None:
    talk.user_says("what time is it", 0.5, 1.5)
    talk.llm_replies("Noon.")
    talk.holds(0.6, 1.0)
    seen = talk.run(5.0)
    assert not all_of(seen, events.HoldChanged)
    assert only(seen, events.TurnDone).spoken == "Noon. "


def test_muted_the_key_does_nothing(held: Talk) -> None:
    held.at(0.2, lambda conversation: conversation.mute(True))
    held.user_says("what time is it", 0.5, 1.5)
    held.holds(0.4, 1.6)
    seen = held.run(3.0)
    assert not all_of(seen, events.SpeechStarted)
