"""Monologues in whole conversations: nothing is lost, and the limit is said. Times are virtual seconds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.conversation.stage import ScriptedStt, Talk, all_of, at_s, only, roles
from voicecli import events
from voicecli.types import SpeechSegment, Transcript

GAP_S = 0.1


@dataclass
class HearingStt(ScriptedStt):
    """Reads what is said off the sound alone: a word that is cut in two would come twice."""

    longest_s: float = 0.0

    def _inside(self, segment: SpeechSegment) -> Transcript:
        self.longest_s = max(self.longest_s, segment.audio_s)
        levels = [level for level in dict.fromkeys(segment.pcm[::320].tolist()) if level]
        text = " ".join(self.said[level - 1000].text for level in levels)
        return Transcript(text, "en", segment.audio_s, "" if text else "no speech")


def monologue(talk: Talk, length_s: float, word_s: float = 0.9) -> list[str]:
    """One word a second, with gaps too short for a pause."""
    talk.stt = HearingStt(talk.said)
    talk.stt_s = 0.1
    words = [f"word{index}" for index in range(round(length_s / (word_s + GAP_S)))]
    for index, word in enumerate(words):
        talk.user_says(word, 0.5 + index * (word_s + GAP_S), 0.5 + index * (word_s + GAP_S) + word_s)
    return words


def test_two_minutes_in_one_go_are_one_question(talk: Talk) -> None:
    words = monologue(talk, 110)
    talk.llm_replies("I see.")
    seen = talk.run(116.0)
    assert only(seen, events.Transcribed).text == " ".join(words)
    assert not all_of(seen, events.Notice)
    assert isinstance(talk.stt, HearingStt)
    assert talk.stt.longest_s <= 25.0
    assert talk.llm.warmed[-1].split() == words[: len(talk.llm.warmed[-1].split())]
    assert len(talk.llm.warmed[-1].split()) > 100


def test_the_words_grow_on_the_screen_and_those_that_are_firm_stay(talk: Talk) -> None:
    words = monologue(talk, 70)
    talk.llm_replies("I see.")
    partials = all_of(talk.run(76.0), events.PartialHeard)
    firm = [len(partial.stable.split()) for partial in partials]
    assert firm == sorted(firm)
    for partial in partials:
        shown = f"{partial.stable} {partial.unstable}".split()
        assert shown == words[: len(shown)]


def test_at_the_limit_it_is_said_and_what_follows_belongs_to_the_same_question(talk: Talk) -> None:
    talk.listen = talk.listen.model_copy(update={"max_utterance_s": 30.0})
    words = monologue(talk, 50)
    talk.llm_replies("I see.", "Now I see.")
    seen = talk.run(56.0)
    notice = only(seen, events.Notice)
    assert notice.text.startswith("You have spoken for 30 s, the longest utterance (listen.max_utterance_s)")
    first, second = all_of(seen, events.SpeechEnded)
    assert 30 <= at_s(first) <= 31.5
    assert at_s(notice) == at_s(first)
    assert at_s(second) > 50
    assert only(seen, events.TurnInterrupted).reopened
    assert roles(talk.llm.asked[-1]) == [("user", " ".join(words))]


@pytest.mark.parametrize("barge_in", [True, False])
def test_one_short_word_after_the_limit_is_no_cough(talk: Talk, barge_in: bool) -> None:
    """While an answer may sound 240 ms of voice are asked for, and without barge-in no voice is long enough."""
    talk.barge_in = barge_in
    talk.listen = talk.listen.model_copy(update={"max_utterance_s": 30.0})
    words = monologue(talk, 30)
    talk.user_says("please", 30.5, 30.68)
    talk.llm_replies("I see.", "Now I see.")
    talk.run(36.0)
    assert roles(talk.llm.asked[-1]) == [("user", " ".join([*words, "please"]))]


def test_who_stops_at_the_limit_is_answered(talk: Talk) -> None:
    talk.listen = talk.listen.model_copy(update={"max_utterance_s": 30.0})
    words = monologue(talk, 30)
    talk.llm_replies("I see.")
    seen = talk.run(36.0)
    assert only(seen, events.Transcribed).text == " ".join(words)
    assert only(seen, events.TurnDone).spoken == "I see. "
    assert only(seen, events.Notice)
