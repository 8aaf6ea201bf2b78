"""The assistant hears itself: it does not answer itself, and finishes what it says."""

from __future__ import annotations

from tests.conversation.stage import Talk, all_of, only, roles
from voicecli import events

STORY = "Once upon a time there was a king who had three daughters and a dragon."


def test_its_own_words_are_not_answered(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.user_says("Time, there was a King.", 3.0, 4.0)  # what a microphone makes of a loudspeaker
    talk.llm_replies(STORY)
    seen = talk.run(9.0)
    assert only(seen, events.FalseInterruption).reason == "self-echo"
    assert only(seen, events.Transcribed).text == "tell me a story"
    assert only(seen, events.TurnDone).spoken == STORY + " "


def test_the_end_of_an_answer_is_not_answered_either(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies("There was a king.")
    talk.user_says("there was a king", 3.3, 4.0)
    seen = talk.run(7.0)
    assert only(seen, events.TurnDone).spoken == "There was a king. "
    assert only(seen, events.NothingHeard).reason == "self-echo"


def test_words_that_were_written_and_not_spoken_yet_are_the_user_s(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.user_says("who had three daughters and a dragon", 2.4, 3.4)
    talk.llm_replies(STORY, "The king had.")
    seen = talk.run(8.0)
    assert len(all_of(seen, events.Transcribed)) == 2


def test_a_later_repetition_is_a_question(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies("There was a king.", "Indeed.")
    talk.user_says("there was a king", 5.0, 6.0)
    seen = talk.run(9.0)
    assert not all_of(seen, events.NothingHeard)
    assert roles(talk.llm.asked[1])[-1] == ("user", "there was a king")
