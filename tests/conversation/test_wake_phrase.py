"""The wake phrase: what does not begin with it is ignored, and reported nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.conversation.stage import Talk, all_of, at_s, only, roles
from voicecli import events
from voicecli.conversation.parts import WakeOptions
from voicecli.conversation.wake_gate import ALONE, ALONE_S, WithoutWakePhrase
from voicecli.errors import EngineError
from voicecli.events import Event
from voicecli.turns.wake_phrase import WakePhrase
from voicecli.types import SpeechSegment, Transcript

STORY = "Once upon a time there was a king who had three daughters and a dragon."
AWAKE_S = 8.0


@pytest.fixture
def asleep(talk: Talk) -> Talk:
    talk.waking = WakeOptions(WakePhrase("hey computer"), AWAKE_S)
    return talk


def awake_at(seen: list[Event]) -> list[tuple[bool, float]]:
    return [(event.awake, round(at_s(event), 2)) for event in all_of(seen, events.AwakeChanged)]


def test_what_does_not_begin_with_it_leaves_no_trace(asleep: Talk) -> None:
    asleep.user_says("did you see the game last night", 0.5, 2.5)
    asleep.user_says("it was great", 4.0, 5.0)
    assert asleep.run(8.0) == []
    assert asleep.llm.asked == []
    assert asleep.llm.warmed == []
    assert roles(asleep.history.prompt("x")) == [("user", "x")]


def test_what_begins_with_it_is_answered_without_it(asleep: Talk) -> None:
    asleep.user_says("Hey, computer, what time is it?", 0.5, 2.0)
    asleep.llm_replies("Noon.")
    seen = asleep.run(6.0)
    assert only(seen, events.Transcribed).text == "What time is it?"
    assert asleep.llm.asked[0][-1].text == "What time is it?"
    assert only(seen, events.TurnDone).spoken == "Noon. "
    assert awake_at(seen)[0][0]


def test_the_wait_for_the_answer_is_as_without_it(asleep: Talk) -> None:
    def audible_s(phrase: bool) -> float:
        talk = Talk()
        talk.waking = asleep.waking if phrase else None
        talk.user_says("hey computer what time is it", 0.5, 2.0)
        talk.llm_replies("Noon.")
        return at_s(only(talk.run(6.0), events.Audible))

    assert audible_s(phrase=True) == pytest.approx(audible_s(phrase=False), abs=0.1)


def test_no_partial_shows_the_phrase(asleep: Talk) -> None:
    asleep.user_says("hey computer tell me of the moon", 0.5, 4.0)
    asleep.llm_replies("It is far.")
    seen = asleep.run(7.0)
    partials = all_of(seen, events.PartialHeard)
    assert partials
    assert all(not (f"{one.stable} {one.unstable}").strip().lower().startswith("hey") for one in partials)


def test_after_an_exchange_one_goes_on_without_it_for_a_while(asleep: Talk) -> None:
    asleep.user_says("hey computer what time is it", 0.5, 2.0)
    asleep.user_says("and in Rome", 6.0, 7.0)
    asleep.user_says("between us", 20.0, 21.0)
    asleep.llm_replies("Noon.", "One.")
    seen = asleep.run(24.0)
    assert [event.text for event in all_of(seen, events.Transcribed)] == ["What time is it", "and in Rome"]
    (awake, _), (asleep_again, slept_s) = awake_at(seen)
    assert (awake, asleep_again) == (True, False)
    assert slept_s == pytest.approx(at_s(all_of(seen, events.TurnDone)[-1]) + AWAKE_S, abs=0.01)


def test_who_says_it_while_it_is_not_needed_does_no_harm(asleep: Talk) -> None:
    asleep.user_says("hey computer what time is it", 0.5, 2.0)
    asleep.user_says("hey computer and in Rome", 6.0, 8.0)
    asleep.llm_replies("Noon.", "One.")
    seen = asleep.run(12.0)
    assert [event.text for event in all_of(seen, events.Transcribed)] == ["What time is it", "And in Rome"]


def test_without_that_while_the_phrase_is_always_needed(asleep: Talk) -> None:
    asleep.waking = WakeOptions(WakePhrase("hey computer"), 0.0)
    asleep.user_says("hey computer what time is it", 0.5, 2.0)
    asleep.user_says("between us", 6.0, 7.0)
    asleep.llm_replies("Noon.")
    seen = asleep.run(10.0)
    assert len(all_of(seen, events.Transcribed)) == 1


def test_the_phrase_alone_waits_for_the_question(asleep: Talk) -> None:
    asleep.waking = WakeOptions(WakePhrase("hey computer"), 0.0)
    asleep.user_says("Hey, computer.", 0.5, 1.3)
    asleep.user_says("what time is it", 5.0, 6.0)
    asleep.llm_replies("Noon.")
    seen = asleep.run(10.0)
    nothing = only(seen, events.NothingHeard)
    assert nothing.reason == ALONE
    assert at_s(nothing) + ALONE_S > 5.0
    assert only(seen, events.TurnDone).spoken == "Noon. "


def test_the_phrase_alone_is_forgotten_after_a_while(asleep: Talk) -> None:
    asleep.user_says("hey computer", 0.5, 1.3)
    asleep.user_says("between us", 13.0, 14.0)
    seen = asleep.run(16.0)
    assert [awake for awake, _ in awake_at(seen)] == [True, False]
    assert not all_of(seen, events.Transcribed)


def test_a_breath_after_the_phrase_leaves_one_utterance(asleep: Talk) -> None:
    asleep.user_says("hey computer", 0.5, 1.3)
    asleep.user_says("what time is it", 1.75, 2.7)
    asleep.llm_replies("Noon.")
    seen = asleep.run(6.0)
    assert [event.text for event in all_of(seen, events.Transcribed)] == ["What time is it"]
    assert len(all_of(seen, events.SpeechStarted)) == 1
    assert not all_of(seen, events.NothingHeard)


def test_a_noise_while_awake_does_not_keep_it_awake(asleep: Talk) -> None:
    asleep.user_says("hey computer what time is it", 0.5, 2.0)
    for at in (5.0, 7.0, 9.0):
        asleep.user_says("", at, at + 0.5)
    asleep.llm_replies("Noon.")
    seen = asleep.run(14.0)
    assert awake_at(seen)[-1] == (False, round(at_s(only(seen, events.TurnDone)) + AWAKE_S, 2))


def test_a_typed_question_is_answered_and_may_be_gone_on_with_by_voice(asleep: Talk) -> None:
    asleep.at(0.5, lambda conversation: conversation.ask("what time is it"))
    asleep.user_says("and in Rome", 3.0, 4.0)
    asleep.llm_replies("Noon.", "One.")
    seen = asleep.run(8.0)
    assert len(all_of(seen, events.TurnDone)) == 2


@pytest.fixture
def story(asleep: Talk) -> Talk:
    asleep.user_says("hey computer tell me a story", 0.5, 2.0)
    asleep.llm_replies(STORY)
    return asleep


def test_what_others_say_over_an_answer_makes_it_softer_and_is_reported_to_nobody(story: Talk) -> None:
    story.user_says("no I never said that to her", 3.5, 4.5)
    seen = story.run(9.0)
    assert only(seen, events.TurnDone).spoken == STORY + " "
    passed = only(seen, events.FalseInterruption)
    assert (passed.text, passed.reason) == ("", "without the wake phrase")
    assert {event.volume for event in all_of(seen, events.Ducked)} == {"soft", "full"}


@pytest.mark.parametrize("for_s", [0.2, 1.0])
@pytest.mark.parametrize("said", ["Stop.", "Please be quiet.", "hey computer", "Hey computer, what time is it?"])
def test_the_phrase_or_a_short_order_ends_it(story: Talk, said: str, for_s: float) -> None:
    if said != "hey computer":
        story.llm_replies("Fine.")
    story.user_says(said, 4.0, 4.0 + for_s)
    seen = story.run(9.0)
    assert only(seen, events.TurnInterrupted).spoken.startswith("Once")
    if said.startswith("Hey"):
        assert story.llm.asked[-1][-1].text.endswith("What time is it?")


def test_where_nothing_interrupts_the_phrase_does_not_either(story: Talk) -> None:
    story.barge_in = False
    story.user_says("hey computer stop", 4.0, 5.0)
    assert only(story.run(9.0), events.TurnDone).spoken == STORY + " "


def test_a_recognizer_that_fails_wakes_nobody_and_says_so_once(asleep: Talk) -> None:
    asleep.stt.errors = [EngineError("out of memory")] * 2  # in the first silence and in the pause of the second
    asleep.stt.draft_error = EngineError("out of memory")
    asleep.user_says("hey computer one", 0.5, 2.0)
    asleep.user_says("hey computer two", 4.0, 4.5)
    seen = asleep.run(7.0)
    assert [type(event) for event in seen] == [events.Notice]
    assert "out of memory" in only(seen, events.Notice).text


def test_a_breath_within_the_phrase_does_no_harm(asleep: Talk) -> None:
    asleep.user_says("hey", 0.5, 0.8)
    asleep.user_says("computer what time is it", 1.2, 2.4)
    asleep.llm_replies("Noon.")
    seen = asleep.run(6.0)
    assert [event.text for event in all_of(seen, events.Transcribed)] == ["What time is it"]


def test_a_beginning_of_the_phrase_that_stays_one_is_nothing(asleep: Talk) -> None:
    asleep.user_says("hey", 0.5, 0.8)
    asleep.user_says("between us", 3.0, 4.0)
    assert asleep.run(6.0) == []


def test_what_stayed_a_beginning_stands_in_nobody_s_way(asleep: Talk) -> None:
    asleep.user_says("hey", 0.5, 0.8)
    asleep.at(3.0, lambda conversation: conversation.ask("what time is it"))
    asleep.user_says("and in Rome", 6.0, 7.0)
    asleep.llm_replies("Noon.", "One.")
    assert len(all_of(asleep.run(10.0), events.TurnDone)) == 2


def test_the_last_words_before_the_microphone_ends_are_decided(asleep: Talk) -> None:
    asleep.stt_s = 2.0
    asleep.user_says("hey computer what time is it", 0.5, 1.5)
    asleep.llm_replies("Noon.")
    assert only(asleep.run(2.3), events.TurnDone).spoken == "Noon. "


@dataclass
class Recognizer:
    transcript: Transcript
    name: str = "one"

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        return self.transcript

    draft = transcribe


@pytest.mark.parametrize(
    ("text", "settled", "final", "draft"),
    [
        ("Hey, computer, what is it?", 3, ("What is it?", 1, ""), ("What is it?", 1, "")),
        ("Hey, computer.", 1, ("", 0, ALONE), ("", 0, ALONE)),
        ("Hey", 0, ("Hey", 0, "no"), ("", 0, "no")),
        ("What is it?", 2, ("What is it?", 2, "no"), ("What is it?", 2, "no")),
    ],
)
def test_the_phrase_is_no_part_of_a_transcript(
    text: str, settled: int, final: tuple[str, int, str], draft: tuple[str, int, str]
) -> None:
    transcript = Transcript(text, "en", 1.0, "no", settled=settled)
    recognizer = WithoutWakePhrase(Recognizer(transcript), WakePhrase("hey computer"))
    segment = SpeechSegment(np.zeros(10, np.int16), 0.0, 1.0)
    for made, wanted in ((recognizer.transcribe(segment), final), (recognizer.draft(segment), draft)):
        assert (made.text, made.settled, made.reason) == wanted
    assert recognizer.name == "one"


def test_a_slow_recognizer_loses_neither_of_two_utterances(asleep: Talk) -> None:
    asleep.stt_s = 2.0
    asleep.user_says("hey computer what time is it", 0.5, 1.5)
    asleep.user_says("and in Rome", 3.0, 4.0)
    asleep.llm_replies(*["Noon."] * 1)
    seen = asleep.run(12.0)
    asked = asleep.llm.asked[-1]
    assert "What time is it" in " ".join(message.text for message in asked)
    assert "and in Rome" in " ".join(message.text for message in asked)
    assert all_of(seen, events.TurnDone)


def test_a_slow_recognizer_tells_nobody_of_what_came_before_the_phrase(asleep: Talk) -> None:
    asleep.stt_s = 2.0
    asleep.user_says("between us", 0.5, 1.5)
    asleep.user_says("hey computer what time is it", 3.0, 4.0)
    asleep.llm_replies("Noon.")
    seen = asleep.run(12.0)
    assert [event.text for event in all_of(seen, events.Transcribed)] == ["What time is it"]
    assert [message.text for message in asleep.llm.asked[-1]][1:] == ["What time is it"]


def test_a_long_talk_of_others_is_decoded_no_further_than_its_beginning(asleep: Talk) -> None:
    asleep.user_says("and then he said that he would never", 0.5, 30.0)
    asleep.run(33.0)
    assert asleep.stt.drafts + asleep.stt.finals <= 3


def test_a_cough_while_asleep_is_nothing(asleep: Talk) -> None:
    asleep.user_says("", 0.5, 0.64)
    asleep.user_says("", 2.0, 2.6)
    assert asleep.run(5.0) == []


def test_the_microphone_may_end_in_the_middle_of_a_word(asleep: Talk) -> None:
    asleep.user_says("between", 0.5, 3.0)
    assert asleep.run(1.0) == []


def test_who_speaks_to_the_limit_is_reported_so_and_answered(asleep: Talk) -> None:
    asleep.listen = asleep.listen.model_copy(update={"max_utterance_s": 30.0})
    asleep.user_says("hey computer listen", 0.5, 31.0)
    asleep.llm_replies("I do.")
    seen = asleep.run(36.0)
    assert only(seen, events.Notice).text.startswith("You have spoken for 30 s")
    assert only(seen, events.TurnDone).spoken == "I do. "
