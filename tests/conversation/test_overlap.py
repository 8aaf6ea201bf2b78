"""Somebody speaks over the answer: it gets softer, then silent, and only words that are meant for it end it."""

from __future__ import annotations

import pytest

from tests.conversation.stage import CHAR_S, Talk, all_of, at_s, only, roles
from voicecli import events
from voicecli.conversation.history import INTERRUPTED
from voicecli.errors import EngineError
from voicecli.events import Event

STORY = "Once upon a time there was a king who had three daughters and a dragon."


@pytest.fixture
def story(talk: Talk) -> Talk:
    """An answer that sounds from 2.3 s on, for 3.5 s."""
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies(STORY)
    return talk


def last_question(talk: Talk) -> str:
    """What the model was asked over its own answer."""
    role, text = roles(talk.llm.asked[1])[-1]
    assert role == "user"
    assert text.startswith(INTERRUPTED)
    return text.removeprefix(INTERRUPTED).strip()


def volumes(seen: list[Event]) -> list[tuple[str, float]]:
    return [(event.volume, round(at_s(event), 2)) for event in all_of(seen, events.Ducked)]


def test_what_may_be_speech_makes_the_answer_softer_for_as_long_as_it_lasts(story: Talk) -> None:
    story.noise(3.0, 3.2)
    seen = story.run(9.0)
    assert volumes(seen) == [("soft", 3.02), ("full", 3.5)]
    assert only(seen, events.TurnDone).spoken == STORY + " "
    assert not all_of(seen, events.FalseInterruption)


def test_a_question_of_the_user_s_own_ducks_nothing(talk: Talk) -> None:
    talk.noise(0.2, 0.4)
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies(STORY)
    assert not all_of(talk.run(8.0), events.Ducked)


def test_a_listener_s_sound_lets_the_answer_go_on_where_it_was(story: Talk) -> None:
    story.user_says("Mm-hm.", 3.0, 3.4)
    seen = story.run(9.0)
    passed = only(seen, events.FalseInterruption)
    assert (passed.text, passed.reason) == ("Mm-hm.", "backchannel")
    (_, softly), (silent, paused_s), (full, resumed_s) = volumes(seen)
    assert (silent, full) == ("silent", "full")
    assert paused_s == pytest.approx(3.08, abs=0.021)
    assert resumed_s == pytest.approx(3.4 + 0.2 + 0.18, abs=0.15)
    audible, done = all_of(seen, events.Audible)[0], only(seen, events.TurnDone)
    sounded_s = at_s(done) - at_s(audible) - (resumed_s - paused_s)
    assert sounded_s == pytest.approx(len(STORY) * CHAR_S, abs=0.2)  # no word was lost, none said twice
    assert done.spoken == STORY + " "
    assert not all_of(seen, events.SpeechStarted)[1:]


@pytest.mark.parametrize("reply", ["Yes.", "Stop.", "Tell me more about the dragon."])
def test_other_words_end_it(story: Talk, reply: str) -> None:
    story.llm_replies("Fine.")
    story.user_says(reply, 5.2 if reply == "Yes." else 3.8, 5.8)
    seen = story.run(9.0)
    if reply == "Yes.":  # said in the last second of an answer it is an answer
        assert not all_of(seen, events.FalseInterruption)
    else:
        assert not only(seen, events.TurnInterrupted).reopened
    assert last_question(story) == reply


def test_a_sound_without_words_is_waited_for_only_so_long(story: Talk) -> None:
    story.user_says("", 3.0, 5.5)
    seen = story.run(12.0)
    assert [volume for volume, _ in volumes(seen)] == ["soft", "silent", "soft", "full"]
    assert volumes(seen)[2][1] == pytest.approx(3.08 + 0.9, abs=0.3)
    assert only(seen, events.FalseInterruption).reason == "no speech"
    assert only(seen, events.TurnDone).spoken == STORY + " "


def test_who_goes_on_after_a_listener_s_sound_is_heard_from_the_start(story: Talk) -> None:
    story.user_says("Yeah.", 3.8, 4.2)
    story.user_says("But what about the dragon?", 4.75, 5.75)
    story.llm_replies("It sleeps.")
    seen = story.run(12.0)
    assert only(seen, events.FalseInterruption).text == "Yeah."
    assert last_question(story) == "Yeah. But what about the dragon?"
    assert only(seen, events.TurnDone).spoken == "It sleeps. "


def test_a_short_order_counts_a_short_sound_does_not(story: Talk) -> None:
    story.user_says("Big banana.", 3.0, 3.18)
    story.user_says("No!", 5.0, 5.18)
    story.llm_replies("Fine.")
    seen = story.run(12.0)
    assert only(seen, events.FalseInterruption).reason == "too short"
    assert last_question(story) == "No!"


@pytest.mark.parametrize(
    ("word", "until_s", "ends"), [("Banana.", 3.36, False), ("Banana.", 3.9, True), ("Why?", 3.36, True)]
)
def test_one_word_that_does_not_outlast_the_silence_may_be_a_cough_over_an_echo(
    story: Talk, word: str, until_s: float, ends: bool
) -> None:
    if ends:
        story.llm_replies("Fine.")
    story.user_says(word, 3.0, until_s)
    seen = story.run(12.0)
    assert [event.reason for event in all_of(seen, events.FalseInterruption)] == ([] if ends else ["one short word"])
    assert (only(seen, events.TurnDone).spoken == STORY + " ") != ends


def test_more_words_than_fit_into_a_sound_are_made_up(story: Talk) -> None:
    story.user_says("I don't know.", 3.0, 3.26)
    seen = story.run(12.0)
    assert only(seen, events.FalseInterruption).reason == "too fast for speech"
    assert only(seen, events.TurnDone).spoken == STORY + " "


def test_a_click_is_dropped_and_the_answer_goes_on(story: Talk) -> None:
    story.user_says("tock", 3.0, 3.1)
    seen = story.run(9.0)
    assert [volume for volume, _ in volumes(seen)] == ["soft", "silent", "full"]
    assert only(seen, events.TurnDone).spoken == STORY + " "


def test_two_words_of_its_own_are_an_echo_unless_they_outlast_the_silence(story: Talk) -> None:
    story.user_says("a time", 3.3, 3.6)
    seen = story.run(9.0)
    assert only(seen, events.FalseInterruption).reason == "self-echo"


def test_with_headphones_there_is_no_echo(story: Talk) -> None:
    story.echo = False
    story.user_says("a time", 3.3, 3.6)
    story.llm_replies("Which one?")
    assert not all_of(story.run(9.0), events.FalseInterruption)


def test_words_that_go_on_in_the_silence_are_the_user_s_even_if_they_are_the_assistant_s(story: Talk) -> None:
    story.user_says("a time there", 3.3, 4.6)
    story.llm_replies("Indeed.")
    seen = story.run(9.0)
    assert not all_of(seen, events.FalseInterruption)
    assert last_question(story) == "a time there"


def test_what_is_said_over_the_end_of_an_answer_is_the_next_question(talk: Talk) -> None:
    talk.tts_s_per_char = 0.001
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.user_says("", 3.0, 6.0)
    talk.user_says("and the dragon", 6.0, 7.0)
    talk.llm_replies("Once upon a time there was a king.", "It sleeps.")
    seen = talk.run(12.0)
    assert [done.spoken for done in all_of(seen, events.TurnDone)] == [
        "Once upon a time there was a king. ",
        "It sleeps. ",
    ]


def test_the_escape_key_ends_the_answer_and_keeps_what_is_being_said(story: Talk) -> None:
    story.user_says("and the dragon", 3.0, 4.0)
    story.at(3.15, lambda conversation: conversation.interrupt())
    story.llm_replies("It sleeps.")
    seen = story.run(9.0)
    assert only(seen, events.TurnInterrupted).spoken
    assert last_question(story) == "and the dragon"


def test_an_answer_that_ends_after_a_listener_s_sound_leaves_nothing_behind(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies("Once upon a time there was a king.")
    talk.user_says("Yeah.", 2.5, 2.8)
    talk.at(3.2, lambda conversation: conversation.interrupt())
    seen = talk.run(9.0)
    assert only(seen, events.FalseInterruption).text == "Yeah."
    assert not all_of(seen, events.SpeechStarted)[1:]


def test_an_utterance_that_resumes_after_the_answer_is_over_is_a_question(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies("Once upon a time there was a king.", "It sleeps.")
    talk.user_says("Yeah.", 2.5, 2.8)
    talk.at(3.25, lambda conversation: conversation.interrupt())
    talk.user_says("and the dragon", 3.3, 4.2)
    seen = talk.run(9.0)
    assert only(seen, events.FalseInterruption).text == "Yeah."
    assert last_question(talk) == "Yeah. and the dragon"
    assert volumes(seen)[-1][0] == "full"


def test_muting_over_an_answer_gives_it_its_voice_back(story: Talk) -> None:
    story.user_says("and the dragon", 3.0, 4.0)
    story.at(3.15, lambda conversation: conversation.mute(True))
    seen = story.run(9.0)
    assert volumes(seen)[-1][0] == "full"
    assert only(seen, events.TurnDone).spoken == STORY + " "


@pytest.mark.parametrize("until_s", [3.35, 4.5])
def test_a_recognizer_that_fails_hands_the_matter_to_the_conversation(story: Talk, until_s: float) -> None:
    story.user_says("and the dragon", 3.0, until_s)

    def breaks(_: object) -> None:
        story.stt.draft_error = EngineError("out of memory")
        story.stt.errors = [EngineError("out of memory"), EngineError("out of memory")]

    story.at(2.9, breaks)
    seen = story.run(9.0)
    assert only(seen, events.TurnInterrupted)
    assert "out of memory" in only(seen, events.TurnFailed).message


def test_nothing_is_judged_where_the_assistant_finishes_first(story: Talk) -> None:
    story.barge_in = False
    story.user_says("and the dragon", 3.0, 4.0)
    seen = story.run(9.0)
    assert not all_of(seen, events.Ducked)
    assert only(seen, events.TurnDone).spoken == STORY + " "


def test_on_a_slow_machine_the_verdict_may_come_after_the_end(story: Talk) -> None:
    story.stt_s = 0.8
    story.user_says("Yeah.", 4.0, 4.4)
    seen = story.run(12.0)
    assert only(seen, events.FalseInterruption).text == "Yeah."
    assert at_s(only(seen, events.FalseInterruption)) > 4.4 + 0.7
    assert only(seen, events.TurnDone).spoken == STORY + " "


def test_a_final_that_fails_hands_the_matter_to_the_conversation_too(story: Talk) -> None:
    story.stt_s = 0.5
    story.user_says("and the dragon", 4.0, 4.35)
    story.at(3.9, lambda _: story.stt.errors.extend([EngineError("out of memory")] * 3))
    seen = story.run(12.0)
    assert only(seen, events.TurnInterrupted)
    assert "out of memory" in only(seen, events.TurnFailed).message


def test_on_a_slow_machine_the_first_word_keeps_the_answer_silent(story: Talk) -> None:
    story.stt_s = 0.6
    story.user_says("Tell", 4.0, 4.5)
    story.user_says("me of the dragon", 4.5, 6.5)
    story.llm_replies("It sleeps.")
    seen = story.run(12.0)
    assert [volume for volume, _ in volumes(seen)] == ["soft", "silent"]
    assert last_question(story) == "Tell me of the dragon"
