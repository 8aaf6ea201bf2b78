"""What is said that nobody asked for: it waits until nothing else goes on. Times are virtual seconds."""

from __future__ import annotations

import pytest

from tests.conversation.stage import Talk
from tests.conversation.tools_stage import of
from voicecli import events
from voicecli.audio.sounds import RING_S
from voicecli.conversation.conversation import Conversation

RINGS = "Your tea timer is done."


def announce(talk: Talk, at: float, text: str = RINGS) -> None:
    talk.at(at, lambda conversation: conversation.announce(text))


def spoken(talk: Talk) -> list[str]:
    assert talk.tts is not None
    return talk.tts.spoken


def test_it_is_said_at_once_when_nothing_goes_on(talk: Talk) -> None:
    announce(talk, 1.0)
    seen = talk.run(6.0)
    (announced,), (audible,), (done,) = of(seen, events.Announced), of(seen, events.Audible), of(seen, events.TurnDone)
    assert announced.at_s == pytest.approx(1001.0)
    assert announced.text == RINGS
    assert audible.at_s - announced.at_s < 0.1  # the ring; the words follow
    assert done.spoken == RINGS
    assert done.at_s > announced.at_s + RING_S + 1.0
    assert spoken(talk) == [RINGS]
    assert not of(seen, events.PlaybackUnderrun)


def test_it_waits_for_the_end_of_an_answer(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies("Once there was a fox who lived in a den under the hill.")
    announce(talk, 3.0)
    seen = talk.run(12.0)
    first, second = of(seen, events.TurnDone)
    (announced,) = of(seen, events.Announced)
    assert first.at_s <= announced.at_s < second.at_s
    assert spoken(talk)[-1] == RINGS


def test_it_waits_while_somebody_speaks(talk: Talk) -> None:
    talk.user_says("a long question it is", 0.5, 4.0)
    talk.llm_replies("Yes.")
    announce(talk, 1.0)
    seen = talk.run(10.0)
    assert [event.turn for event in of(seen, events.TurnDone)] == [1, 2]
    assert of(seen, events.Announced)[0].at_s > of(seen, events.TurnDone)[0].at_s - 0.01


def test_noise_holds_it_up_no_longer_than_it_lasts(talk: Talk) -> None:
    talk.user_says("", 0.5, 1.5)
    announce(talk, 1.0)
    seen = talk.run(8.0)
    (nothing,), (announced,) = of(seen, events.NothingHeard), of(seen, events.Announced)
    assert 0 <= announced.at_s - nothing.at_s < 0.1


def test_several_are_said_one_after_the_other(talk: Talk) -> None:
    announce(talk, 1.0, "One is done.")
    announce(talk, 1.1, "Two is done.")
    talk.run(10.0)
    assert spoken(talk) == ["One is done.", "Two is done."]


def test_it_can_be_interrupted_and_is_not_remembered(talk: Talk) -> None:
    announce(talk, 1.0)
    talk.user_says("thank you and what now", 3.2, 4.4)
    talk.llm_replies("Tea.")
    seen = talk.run(10.0)
    (interrupted,) = of(seen, events.TurnInterrupted)
    assert interrupted.turn == 1
    assert [message.text for message in talk.llm.asked[0][1:]] == ["thank you and what now"]


def test_without_a_voice_it_is_written(talk: Talk) -> None:
    talk.tts = None
    announce(talk, 1.0)
    assert of(talk.run(5.0), events.TurnDone)[0].spoken == RINGS


def test_before_the_conversation_it_waits_and_after_it_is_dropped(talk: Talk) -> None:
    held: list[Conversation] = []
    announce(talk, 0.0)
    talk.at(1.0, held.append)
    talk.run(6.0)
    (conversation,) = held
    conversation.announce("Too late.")
    assert len(of(talk.events, events.Announced)) == 1
