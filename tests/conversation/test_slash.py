"""Commands that change a conversation while it is held."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.conversation.stage import ScriptedLlm, ScriptedStt, Talk, ToneTts
from voicecli.conversation.activity import Activity
from voicecli.conversation.answering import Engines
from voicecli.conversation.rest import Rest
from voicecli.engines.long_speech import LongSpeech
from voicecli.engines.remembering import RememberedFinals
from voicecli.engines.switchable import SwitchableModel, SwitchableRecogniser, SwitchableVoice
from voicecli.events import Event, TurnDone, TurnInterrupted


def test_an_instruction_holds_from_the_next_question_and_keeps_what_was_said(talk: Talk) -> None:
    talk.user_says("who are you", 0.5, 1.5)
    talk.user_says("and now", 6.5, 7.5)
    talk.llm_replies("Nobody.", "A pirate.")
    talk.at(5.5, lambda conversation: conversation.instruct("You are a pirate."))
    talk.run(11.0)
    asked = talk.history.asking("why")
    assert asked[0].text == "You are a pirate."
    assert [message.text.strip() for message in asked[1:]] == ["who are you", "Nobody.", "and now", "A pirate.", "why"]


def test_what_was_said_elsewhere_is_what_the_model_is_told_from_then_on(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.user_says("go on", 6.5, 7.5)
    talk.llm_replies("Once upon a time there was a fox who lived in a den.", "She slept.")
    earlier = [("who are you", "Nobody.", False), ("and you", "I am", True)]
    talk.at(3.5, lambda conversation: conversation.begin_anew(earlier))
    events = talk.run(11.0)
    assert talk.llm.warmed[0].endswith("Hello.")  # it has read all of that before it is asked
    assert [type(event) for event in events if isinstance(event, TurnInterrupted | TurnDone)] == [
        TurnInterrupted,
        TurnDone,
    ]
    assert [message.text.strip() for message in talk.llm.asked[1][1:]] == [
        "who are you",
        "Nobody.",
        "and you",
        "I am",
        "Sorry to interrupt. go on",
    ]


@dataclass
class Switched:
    """A conversation whose engines are exchanged for these as soon as no turn is alive."""

    talk: Talk
    stt: ScriptedStt
    llm: ScriptedLlm
    tts: ToneTts

    def __post_init__(self) -> None:
        activity = Activity()
        self.rest = Rest(activity.settled)

        def see(event: Event) -> None:
            activity.see(event)
            self.rest.look()

        self.talk.see, self.talk.engines = see, self.wrapped

    def wrapped(self, engines: Engines) -> Engines:
        assert engines.tts is not None
        self.recogniser = SwitchableRecogniser(self.talk.stt)
        self.model = SwitchableModel(engines.llm, keeps_prefix=True)
        self.voice = SwitchableVoice(engines.tts)
        final = RememberedFinals(LongSpeech(self.recogniser))
        return replace(engines, stt=final, llm=self.model, tts=self.voice)

    def switch(self) -> None:
        self.rest.do(lambda: self.recogniser.take(self.stt))
        self.rest.do(lambda: self.voice.take(self.tts))
        self.rest.do(self.take_model)

    def take_model(self) -> None:
        self.model.take(self.llm, keeps_prefix=True)


def switched(talk: Talk) -> Switched:
    other = ScriptedStt([replace(said, text=f"{said.text} indeed") for said in talk.said])
    return Switched(talk, other, ScriptedLlm(["Another."]), ToneTts())


def test_an_answer_under_way_ends_as_it_began_and_the_next_one_is_of_the_new_engines(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.user_says("and now", 8.5, 9.5)
    talk.llm_replies("Once upon a time. There was a fox. She slept.")
    other = switched(talk)
    talk.at(2.6, lambda conversation: other.switch())
    events = talk.run(13.0)
    assert [event.spoken.strip() for event in events if isinstance(event, TurnDone)] == [
        "Once upon a time. There was a fox. She slept.",
        "Another.",
    ]
    assert talk.tts is not None
    assert "".join(talk.tts.spoken).endswith("She slept.")
    assert other.tts.spoken == ["Another."]
    assert other.llm.asked[0][-1].text == "and now indeed"
    assert talk.stt.drafts > 0
    assert other.stt.drafts + other.stt.finals > 0


def test_whoever_interrupts_is_heard_and_answered_by_the_new_engines(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies("Once upon a time there was a fox who lived in a den under the old oak.")
    other = switched(talk)
    talk.at(3.0, lambda conversation: other.switch())
    talk.at(3.5, lambda conversation: conversation.ask("What?"))
    talk.run(8.0)
    assert other.llm.asked[0][-1].text == "Sorry to interrupt. What?"
    assert other.tts.spoken == ["Another."]
