"""Conversations in several languages: who answers in which, and what is written when nobody can speak."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.conversation.stage import Talk, all_of, only, roles
from voicecli import events
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.language import LanguagePolicy
from voicecli.conversation.voice_registry import VoiceRegistry
from voicecli.errors import EngineError
from voicecli.speech_text.phrases import PHRASES

WRITTEN = PHRASES["en"].written


@dataclass
class Choir:
    current_voice: list[str] = field(default_factory=list)

    def select(self, voice: str) -> None:
        self.current_voice.append(voice)

    def language_of(self, voice: str) -> str:
        raise AssertionError("nobody asks")


@pytest.fixture
def choir(talk: Talk) -> Choir:
    choir = Choir()
    talk.language_policy = LanguagePolicy("auto", VoiceRegistry("af_heart", "en", {"fr": "ff_siwis"}), choir)
    return choir


def spoken(talk: Talk) -> list[str]:
    assert talk.tts is not None
    return talk.tts.spoken


def prompts(talk: Talk) -> list[str]:
    return [asked[0].text for asked in talk.llm.asked]


def test_each_answer_is_asked_for_and_spoken_in_the_language_of_its_question(talk: Talk, choir: Choir) -> None:
    talk.user_says("what time is it", 0.5, 1.5)
    talk.user_says("quelle heure est-il", 6.0, 7.5, language="fr")
    talk.user_says("thank you very much", 12.0, 13.5)
    talk.llm_replies("It is 9.", "Il est 9 heures.\n```\nx\n```\n", "You are welcome.")
    seen = talk.run(20.0)
    assert prompts(talk) == [f"Be brief. Answer in {name}." for name in ("English", "French", "English")]
    assert choir.current_voice == ["af_heart", "ff_siwis", "af_heart"]
    assert spoken(talk) == ["It is nine.", "Il est neuf heures.", PHRASES["fr"].code, "You are welcome."]
    assert [one.text for one in all_of(seen, events.Notice)] == [
        "French: ff_siwis speaks.",
        "English: af_heart speaks.",
    ]
    assert talk.language_policy.language == "en"


def test_without_a_voice_the_answer_is_written_and_that_is_said(talk: Talk, choir: Choir) -> None:
    talk.user_says("wie spät ist es", 0.5, 1.5, language="de")
    talk.user_says("und morgen", 10.0, 11.5, language="de")
    talk.llm_replies("Es ist neun Uhr.", "Auch.")
    seen = talk.run(20.0)
    assert prompts(talk) == ["Be brief. Answer in German."] * 2
    assert " ".join(spoken(talk)) == f"{WRITTEN} {WRITTEN}"
    assert choir.current_voice == ["af_heart"] * 2
    assert [done.spoken for done in all_of(seen, events.TurnDone)] == ["Es ist neun Uhr. ", "Auch. "]
    (notice,) = all_of(seen, events.Notice)
    assert notice.text.startswith("Answers in German are written, not spoken")
    assert roles(talk.history.prompt("x"))[1] == ("assistant", "Es ist neun Uhr.")


def test_a_written_answer_that_is_interrupted_is_remembered_as_it_was_written(talk: Talk, choir: Choir) -> None:
    talk.user_says("wie spät ist es", 0.5, 1.5, language="de")
    talk.llm.token_s = 0.5
    talk.llm_replies("Es ist neun Uhr und danach ist es zehn.")
    talk.at(4.0, lambda conversation: conversation.interrupt())
    interrupted = only(talk.run(8.0), events.TurnInterrupted)
    assert interrupted.spoken.startswith("Es ist neun")
    assert ("assistant", interrupted.spoken.strip()) in roles(talk.history.prompt("x"))


def test_what_was_thrown_away_changes_no_language(talk: Talk, choir: Choir) -> None:
    """The first half sounded French and prepared an answer; the user went on."""
    talk.user_says("la", 0.5, 1.5, language="fr")
    talk.user_says("la land is a film", 1.95, 3.5)
    talk.llm_replies("Oui.", "Indeed.")
    seen = talk.run(8.0)
    assert only(seen, events.SpeechResumed)
    assert all_of(seen, events.Notice) == []
    assert talk.language_policy.language == "en"


def test_a_typed_question_is_in_the_language_of_the_conversation(talk: Talk, choir: Choir) -> None:
    talk.user_says("quelle heure est-il", 0.5, 1.5, language="fr")
    talk.at(5.0, lambda conversation: conversation.ask("et demain ?"))
    talk.at(9.0, lambda conversation: conversation.ask("東京は？"))
    talk.llm_replies("Neuf heures.", "Aussi.", "はい。")
    talk.run(14.0)
    assert [prompt.rpartition(" ")[2] for prompt in prompts(talk)] == ["French.", "French.", "Japanese."]


def test_a_failure_is_reported_in_the_language_of_the_voice(talk: Talk, choir: Choir) -> None:
    talk.user_says("quelle heure est-il", 0.5, 1.5, language="fr")
    talk.llm_replies(EngineError("CUDA error 700"))
    talk.run(8.0)
    assert spoken(talk) == [PHRASES["fr"].failed]


def test_the_language_is_changed_between_two_turns(talk: Talk, choir: Choir) -> None:
    talk.user_says("what time is it", 0.5, 1.5)

    def to_french(conversation: Conversation) -> None:
        assert talk.language_policy.set_language("fr") == "French: ff_siwis speaks."

    talk.at(4.0, to_french)
    talk.at(5.0, lambda conversation: conversation.ask("et demain ?"))
    talk.llm_replies("Nine.", "Aussi.")
    talk.run(9.0)
    assert choir.current_voice == ["af_heart", "ff_siwis"]
    assert talk.history.prompt("x")[0].text == "Be brief. Answer in French."


def test_a_written_answer_without_a_speaker_is_like_any_other(talk: Talk) -> None:
    talk.tts = None
    talk.language_policy = LanguagePolicy("auto", VoiceRegistry("", "en"))
    talk.user_says("wie spät ist es", 0.5, 1.5, language="de")
    talk.llm_replies("Neun.")
    seen = talk.run(5.0)
    assert only(seen, events.TurnDone).spoken == "Neun. "
    assert only(seen, events.Notice).text == "The language is German."


def test_an_answer_is_said_again_in_its_language(talk: Talk, choir: Choir) -> None:
    answer = "Il est 9 heures.\n```\nx\n```\n"
    talk.user_says("quelle heure est-il", 0.5, 1.5, language="fr")
    talk.at(9.0, lambda conversation: conversation.repeat(answer))
    talk.llm_replies(answer)
    seen = talk.run(16.0)
    assert spoken(talk) == ["Il est neuf heures.", PHRASES["fr"].code] * 2
    assert choir.current_voice == ["ff_siwis", "ff_siwis"]
    assert all_of(seen, events.TurnDone)[-1].spoken == answer


def test_a_written_answer_is_not_read_out_when_it_is_asked_for_again(talk: Talk, choir: Choir) -> None:
    talk.user_says("wie spät ist es", 0.5, 1.5, language="de")
    talk.at(9.0, lambda conversation: conversation.repeat("Neun. "))
    talk.llm_replies("Neun.")
    seen = talk.run(16.0)
    assert " ".join(spoken(talk)) == " ".join([PHRASES["en"].written] * 2)
    assert all_of(seen, events.TurnDone)[-1].spoken == "Neun. "


def test_what_is_announced_in_english_is_said_by_an_english_voice_and_changes_no_language(
    talk: Talk, choir: Choir
) -> None:
    talk.user_says("quelle heure est-il", 0.5, 1.5, language="fr")
    talk.at(7.0, lambda conversation: conversation.announce("Your tea timer is done."))
    talk.llm_replies("Neuf heures.")
    talk.run(14.0)
    assert choir.current_voice == ["ff_siwis", "af_heart"]
    assert spoken(talk)[-1] == "Your tea timer is done."
    assert talk.language_policy.language == "fr"
