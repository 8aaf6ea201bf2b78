"""Commands that change a running conversation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.conversation.stage import ScriptedLlm, Talk
from voicecli.conversation.parts import Engines
from voicecli.engines.llm.switch import SwitchableModel
from voicecli.events import Event, TurnDone, TurnInterrupted
from voicecli.turns.activity import Activity, IdleChanges


def test_an_instruction_holds_from_the_next_question_and_keeps_what_was_said(talk: Talk) -> None:
    talk.user_says("who are you", 0.5, 1.5)
    talk.user_says("and now", 6.5, 7.5)
    talk.llm_replies("Nobody.", "A pirate.")
    talk.at(5.5, lambda conversation: conversation.set_system_prompt("You are a pirate."))
    talk.run(11.0)
    asked = talk.history.prompt("why")
    assert asked[0].text == "You are a pirate."
    assert [message.text.strip() for message in asked[1:]] == ["who are you", "Nobody.", "and now", "A pirate.", "why"]


def test_a_resumed_conversation_replaces_what_the_model_has_read(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.user_says("go on", 6.5, 7.5)
    talk.llm_replies("Once upon a time there was a fox who lived in a den.", "She slept.")
    earlier = [("who are you", "Nobody.", False), ("and you", "I am", True)]
    talk.at(3.5, lambda conversation: conversation.restart(earlier))
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
    """A conversation that switches to this language model once it is idle."""

    talk: Talk
    llm: ScriptedLlm

    def __post_init__(self) -> None:
        activity = Activity()
        self.rest = IdleChanges(activity.is_idle)

        def observe(event: Event) -> None:
            activity.observe(event)
            self.rest.apply_if_idle()

        self.talk.observe, self.talk.engines = observe, self.wrapped

    def wrapped(self, engines: Engines) -> Engines:
        self.model = SwitchableModel(engines.llm, keeps_prefix=True)
        return replace(engines, llm=self.model)

    def switch(self) -> None:
        self.rest.apply_when_idle(self.use_model)

    def use_model(self) -> None:
        self.model.switch_to(self.llm, keeps_prefix=True)


def switched(talk: Talk) -> Switched:
    return Switched(talk, ScriptedLlm(["Another."]))


def test_an_answer_under_way_ends_as_it_began_and_the_next_one_is_of_the_new_model(talk: Talk) -> None:
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
    assert other.llm.asked[0][-1].text == "and now"


def test_an_interruption_is_answered_by_the_new_model(talk: Talk) -> None:
    talk.user_says("tell me a story", 0.5, 1.5)
    talk.llm_replies("Once upon a time there was a fox who lived in a den under the old oak.")
    other = switched(talk)
    talk.at(3.0, lambda conversation: other.switch())
    talk.at(3.5, lambda conversation: conversation.ask("What?"))
    talk.run(8.0)
    assert other.llm.asked[0][-1].text == "Sorry to interrupt. What?"
