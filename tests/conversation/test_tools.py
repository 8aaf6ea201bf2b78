"""Conversations whose language model asks for tools. Times are virtual seconds."""

from __future__ import annotations

import pytest

from tests.conversation.stage import CHAR_S, Talk
from tests.conversation.tools_stage import call, of, with_tools
from voicecli import events
from voicecli.conversation.history import AFTER_CALLS, INTERRUPTED
from voicecli.conversation.tool_calls import (
    APPROVAL_TIMEOUT_S,
    CALL_FIRST,
    DENIED,
    MOST_CALLS,
    MOST_ROUNDS,
    NO_MORE_CALLS,
    NOT_DONE,
    TOO_MANY,
)
from voicecli.conversation.turn import CANCELLED
from voicecli.errors import BackendUnavailable, ContextFull, ToolError
from voicecli.speech_text.phrases import PHRASES
from voicecli.types import Message


def order(messages: list[Message]) -> list[str]:
    return [f"{message.role}+{len(message.calls)}" if message.calls else message.role for message in messages]


def spoken(talk: Talk) -> list[str]:
    assert talk.tts is not None
    return talk.tts.spoken


def test_a_tool_is_used_and_its_result_becomes_an_answer(talk: Talk) -> None:
    llm, tools = with_tools(talk, [call("look", '{"at": 1}')], ["It is noon."])
    tools.results["look"] = "12:00"
    talk.user_says("what time is it", 0.5, 1.5)
    seen = talk.run(6.0)
    assert spoken(talk) == ["It is noon."]
    (called,), (done,) = of(seen, events.ToolCalled), of(seen, events.ToolDone)
    assert (called.tool, called.arguments, done.outcome, done.text) == ("lab.look", '{"at": 1}', "done", "12:00")
    assert called.turn == done.turn == 1
    assert done.took_s == pytest.approx(0.1)
    assert not of(seen, events.ApprovalRequested)
    assert not of(seen, events.PlaybackUnderrun)
    assert order(llm.asked[1]) == ["system", "user", "assistant+1", "tool"]
    assert llm.asked[1][-1] == Message("tool", "12:00", answers=call("look", '{"at": 1}'))
    assert of(seen, events.TurnDone)[0].spoken == "It is noon. "


def test_the_next_question_finds_calls_and_results_in_their_order(talk: Talk) -> None:
    two = [call("look", id="a"), call("weigh", id="b")]
    llm, _ = with_tools(talk, two, [call("look", '{"at": 2}', id="c")], ["Both."], ["Yes."])
    talk.user_says("look and weigh", 0.5, 1.5)
    talk.user_says("are you sure", 5.0, 6.0)
    talk.run(10.0)
    first = ["user", "assistant+2", "tool", "tool", "assistant+1", "tool", "assistant"]
    assert order(llm.asked[3]) == ["system", *first, "user"]
    answered = [message.answers.id for message in llm.asked[3] if message.answers]
    assert answered == ["a", "b", "c"]


def test_no_tool_is_used_before_the_user_is_done(talk: Talk) -> None:
    """The first pause is one in mid-sentence: what was prepared in it is thrown away, and nothing has happened."""
    llm, tools = with_tools(talk, [call("delete")], [call("look")], ["Here."])
    talk.user_says("delete", 0.5, 1.5)
    talk.user_says("nothing but look", 2.05, 3.0)
    seen = talk.run(7.0)
    assert len(llm.asked) == 3
    assert [name for name, _ in tools.made] == ["look"]
    (ended,) = of(seen, events.SpeechEnded)
    assert tools.made[0][1] >= ended.at_s


def test_what_is_said_before_a_call_is_a_paragraph_that_sounds_meanwhile(talk: Talk) -> None:
    llm, tools = with_tools(talk, ["Let me look it up.", call("look")], ["It is noon."])
    tools.takes_s["look"] = 4.0
    talk.user_says("what time is it", 0.5, 1.5)
    seen = talk.run(10.0)
    assert spoken(talk) == ["Let me look it up.", "It is noon."]
    (audible,), (done,) = of(seen, events.Audible), of(seen, events.ToolDone)
    assert audible.at_s < done.at_s - 3
    assert not of(seen, events.PlaybackUnderrun)  # the silence is the tool's
    assert llm.asked[1][-2].text == "Let me look it up."
    reported = talk.history.prompt("next")
    assert reported[2].text == ""  # it stands in the answer, once
    assert reported[4].text == "Let me look it up. \n\nIt is noon."


class TestOneMoment:
    def test_covers_a_slow_call(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("look")], ["It is noon."])
        tools.takes_s["look"] = 4.0
        talk.user_says("what time is it", 0.5, 1.5)
        seen = talk.run(10.0)
        assert spoken(talk) == [PHRASES["en"].moment, "It is noon."]
        assert not of(seen, events.PlaybackUnderrun)
        assert of(seen, events.Audible)[0].at_s < tools.made[0][1] + 1.5
        assert "moment" not in of(seen, events.TurnDone)[0].spoken
        assert talk.history.prompt("next")[4].text == "It is noon."

    def test_is_not_said_for_a_quick_one(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("look")], ["It is noon."])
        tools.takes_s["look"] = 0.9
        talk.user_says("what time is it", 0.5, 1.5)
        talk.run(7.0)
        assert spoken(talk) == ["It is noon."]

    def test_is_said_once_a_turn(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("look")], [call("look", '{"at": 2}')], ["It is noon."])
        tools.takes_s["look"] = 3.0
        talk.user_says("what time is it", 0.5, 1.5)
        talk.run(12.0)
        assert spoken(talk) == [PHRASES["en"].moment, "It is noon."]

    def test_what_was_heard_of_the_answer_does_not_count_it(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("look")], ["One two three four five six seven eight nine ten."], ["Fine."])
        tools.takes_s["look"] = 3.0
        talk.user_says("count", 0.5, 1.5)
        talk.user_says("stop it now", 6.5, 7.2)
        seen = talk.run(12.0)
        (cut,) = of(seen, events.TurnInterrupted)
        begun = of(seen, events.TextChunkReady)[0].at_s
        silent = next(duck.at_s for duck in of(seen, events.Ducked) if duck.volume == "silent")
        assert cut.spoken.startswith("One two")
        assert len(cut.spoken) * CHAR_S <= silent - begun


class TestLeave:
    def test_is_asked_aloud_and_given_by_key(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("wipe_disk")], ["Wiped."], asks=["wipe_disk"])
        talk.user_says("wipe the disk", 0.5, 1.5)
        talk.at(
            6.0, lambda conversation: None if conversation.answer_approval("yes") else pytest.fail("nothing is asked")
        )
        seen = talk.run(10.0)
        assert spoken(talk) == ["May I use wipe disk of lab?", "Wiped."]
        (asked,) = of(seen, events.ApprovalRequested)
        assert (asked.tool, asked.arguments) == ("lab.wipe_disk", "{}")
        assert tools.made[0][1] == pytest.approx(1006.0)
        assert not of(seen, events.PlaybackUnderrun)

    def test_is_given_by_voice(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("wipe")], ["Wiped."], asks=["wipe"])
        talk.user_says("wipe the disk", 0.5, 1.5)
        talk.user_says("yes please", 6.0, 6.8)
        seen = talk.run(12.0)
        assert [name for name, _ in tools.made] == ["wipe"]
        assert not of(seen, events.TurnInterrupted)
        assert spoken(talk)[-1] == "Wiped."

    def test_is_refused_by_voice(self, talk: Talk) -> None:
        llm, tools = with_tools(talk, [call("wipe")], ["I leave it."], asks=["wipe"])
        talk.user_says("wipe the disk", 0.5, 1.5)
        talk.user_says("no", 6.0, 6.6)
        seen = talk.run(12.0)
        assert tools.made == []
        assert not of(seen, events.TurnInterrupted)
        assert of(seen, events.ToolDone)[0].outcome == "denied"
        assert llm.asked[1][-1].text == DENIED
        assert spoken(talk)[-1] == "I leave it."

    def test_is_not_given_or_refused_by_its_own_echo(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("wipe")], ["Wiped."], asks=["wipe"])
        talk.user_says("wipe the disk", 0.5, 1.5)
        talk.user_says("may I use wipe of lab", 2.6, 3.4)
        talk.at(8.0, lambda conversation: conversation.ask("yes"))
        seen = talk.run(12.0)
        assert [over.reason for over in of(seen, events.FalseInterruption)] == ["self-echo"]
        assert not of(seen, events.TurnInterrupted)
        assert len(tools.made) == 1

    def test_is_typed(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("wipe")], ["Wiped."], asks=["wipe"])
        talk.at(0.5, lambda conversation: conversation.ask("wipe the disk"))
        talk.at(3.0, lambda conversation: conversation.ask("y"))
        seen = talk.run(8.0)
        assert len(tools.made) == 1
        assert len(of(seen, events.UserTyped)) == 1

    def test_always_is_asked_once(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("wipe")], [call("wipe", '{"at": 2}')], ["Twice."], asks=["wipe"])
        talk.at(0.5, lambda conversation: conversation.ask("wipe the disk"))
        talk.at(3.0, lambda conversation: conversation.ask("always"))
        seen = talk.run(8.0)
        assert len(tools.made) == 2
        assert len(of(seen, events.ApprovalRequested)) == 1

    def test_nobody_is_there(self, talk: Talk) -> None:
        llm, tools = with_tools(talk, [call("wipe")], ["Nobody answers."], asks=["wipe"])
        talk.at(0.5, lambda conversation: conversation.ask("wipe the disk"))
        seen = talk.run(APPROVAL_TIMEOUT_S + 6)
        assert tools.made == []
        assert llm.asked[1][-1].text == DENIED
        assert of(seen, events.ToolDone)[0].at_s - of(seen, events.ApprovalRequested)[0].at_s == pytest.approx(
            APPROVAL_TIMEOUT_S
        )

    def test_another_question_is_no_leave(self, talk: Talk) -> None:
        llm, tools = with_tools(talk, [call("wipe")], ["Fine."], asks=["wipe"])
        talk.user_says("wipe the disk", 0.5, 1.5)
        talk.user_says("tell me a joke instead", 6.0, 7.2)
        seen = talk.run(12.0)
        assert tools.made == []
        assert len(of(seen, events.TurnInterrupted)) == 1
        assert of(seen, events.ToolDone)[0].outcome == "cancelled"
        assert order(llm.asked[1]) == ["system", "user", "assistant+1", "tool", "assistant", "user"]
        assert [message.text for message in llm.asked[1][3:]] == [
            CANCELLED, AFTER_CALLS, f"{INTERRUPTED} tell me a joke instead",
        ]  # fmt: skip

    def test_there_is_none_to_give(self, talk: Talk) -> None:
        given: list[bool] = []
        with_tools(talk)
        talk.at(0.5, lambda conversation: given.append(conversation.answer_approval("yes")))
        talk.run(1.0)
        assert given == [False]


class TestCancelling:
    def test_speaking_over_a_call_cancels_it(self, talk: Talk) -> None:
        llm, tools = with_tools(talk, [call("look", id="a"), call("weigh", id="b")], ["Fine."])
        tools.takes_s["weigh"] = 20.0
        talk.user_says("look and weigh", 0.5, 1.5)
        talk.user_says("stop that please", 6.0, 7.0)
        seen = talk.run(12.0)
        assert tools.cancelled == ["weigh"]
        assert [done.outcome for done in of(seen, events.ToolDone)] == ["done", "cancelled"]
        (interrupted,) = of(seen, events.TurnInterrupted)
        assert not interrupted.reopened
        results = [message.text for message in llm.asked[1] if message.role == "tool"]
        assert results == ["look is done", CANCELLED]
        assert llm.asked[1][-1].text == f"{INTERRUPTED} stop that please"

    def test_the_key_cancels_it(self, talk: Talk) -> None:
        _, tools = with_tools(talk, [call("look")])
        tools.takes_s["look"] = 20.0
        talk.user_says("look", 0.5, 1.5)
        talk.at(6.0, lambda conversation: conversation.interrupt())
        talk.run(8.0)
        assert tools.cancelled == ["look"]


def test_a_failed_call_is_reported_to_the_model(talk: Talk) -> None:
    llm, tools = with_tools(talk, [call("look")], ["I cannot see it."])
    tools.results["look"] = ToolError("it is dark")
    talk.user_says("what is there", 0.5, 1.5)
    seen = talk.run(7.0)
    assert llm.asked[1][-1].text == "it is dark"
    assert of(seen, events.ToolDone)[0].outcome == "failed"
    assert spoken(talk) == ["I cannot see it."]


def test_a_model_that_calls_without_end_is_stopped(talk: Talk) -> None:
    calls = [[call("look", f'{{"at": {at}}}')] for at in range(MOST_ROUNDS + 1)]
    llm, tools = with_tools(talk, *calls)
    talk.user_says("look", 0.5, 1.5)
    seen = talk.run(12.0)
    assert len(tools.made) == MOST_ROUNDS
    (failed,) = of(seen, events.TurnFailed)
    assert "gave no answer" in failed.message
    assert spoken(talk) == [PHRASES["en"].failed]
    assert llm.asked[-1][-1] == Message("user", NO_MORE_CALLS)
    assert llm.script == []


def test_the_same_call_is_not_made_twice(talk: Talk) -> None:
    llm, tools = with_tools(talk, [call("set_timer")], [call("set_timer")], ["It is set."])
    talk.user_says("set a timer", 0.5, 1.5)
    seen = talk.run(9.0)
    assert len(tools.made) == 1
    assert llm.asked[-1][-1] == Message("user", NO_MORE_CALLS)
    assert spoken(talk) == ["It is set."]
    assert not of(seen, events.TurnFailed)


class TestFailedCalls:
    def test_one_may_be_corrected(self, talk: Talk) -> None:
        llm, tools = with_tools(talk, [call("lok")], [call("look")], ["It is noon."])
        tools.results["lok"] = ToolError("There is no tool 'lok'")
        talk.user_says("what time is it", 0.5, 1.5)
        talk.run(9.0)
        assert llm.asked[1][-1].text == "There is no tool 'lok'"
        assert spoken(talk) == ["It is noon."]

    def test_after_another_the_model_answers_without(self, talk: Talk) -> None:
        llm, tools = with_tools(talk, [call("lok")], [call("lok")], ["I do not know.", call("look")])
        tools.results["lok"] = ToolError("There is no tool 'lok'")
        talk.user_says("what time is it", 0.5, 1.5)
        talk.run(9.0)
        assert llm.asked[2][-1] == Message("user", NO_MORE_CALLS)
        assert [name for name, _ in tools.made] == ["lok", "lok"]
        assert spoken(talk) == ["I do not know."]


class TestClaims:
    """The model says that it has done something, and has called nothing."""

    def test_are_made_true(self, talk: Talk) -> None:
        llm, tools = with_tools(talk, ["I've set a timer for you."], ["Sure.", call("set_timer")])
        talk.user_says("set a timer for five minutes", 0.5, 1.5)
        talk.run(9.0)
        assert [name for name, _ in tools.made] == ["set_timer"]
        assert [message.text for message in llm.asked[1][-2:]] == ["I've set a timer for you. ", CALL_FIRST]
        assert spoken(talk) == ["I've set a timer for you."]

    def test_are_corrected_where_the_call_fails(self, talk: Talk) -> None:
        _, tools = with_tools(talk, ["I've set a timer."], [call("set_timer")], ["That is too long for a timer."])
        tools.results["set_timer"] = ToolError("24 hours at most")
        talk.user_says("set a timer for five days", 0.5, 1.5)
        talk.run(9.0)
        assert spoken(talk) == ["I've set a timer.", "That is too long for a timer."]

    def test_are_taken_back_where_no_call_comes(self, talk: Talk) -> None:
        _, tools = with_tools(talk, ["I've set a timer."], ["Yes, I have."])
        talk.user_says("set a timer for five minutes", 0.5, 1.5)
        talk.run(9.0)
        assert tools.made == []
        assert spoken(talk) == ["I've set a timer.", NOT_DONE]

    def test_are_taken_back_after_a_call_that_failed(self, talk: Talk) -> None:
        llm, tools = with_tools(talk, [call("set_timer")], ["I've set a timer."], ["I have."])
        tools.results["set_timer"] = ToolError("24 hours at most")
        talk.user_says("set a timer for five days", 0.5, 1.5)
        talk.run(9.0)
        assert spoken(talk) == ["I've set a timer.", NOT_DONE]
        assert order(llm.asked[2])[-4:] == ["assistant+1", "tool", "assistant", "user"]

    def test_are_none_after_a_call(self, talk: Talk) -> None:
        llm, _ = with_tools(talk, [call("set_timer")], ["I've set a timer."])
        talk.user_says("set a timer for five minutes", 0.5, 1.5)
        talk.run(9.0)
        assert len(llm.asked) == 2


def test_a_plain_sum_needs_no_model(talk: Talk) -> None:
    llm, tools = with_tools(talk)
    tools.known["what is two plus two"] = ("2 plus 2 is 4.", call("calculate"))
    talk.user_says("what is two plus two", 0.5, 1.5)
    seen = talk.run(6.0)
    assert llm.asked == []
    assert spoken(talk) == ["two plus two is four."]
    (done,), (audible,) = of(seen, events.ToolDone), of(seen, events.Audible)
    assert done.tool == "lab.calculate"
    assert audible.at_s < done.at_s + 1
    assert order(talk.history.prompt("next")) == ["system", "user", "assistant+1", "tool", "assistant", "user"]


def test_too_many_calls_at_once_are_not_made(talk: Talk) -> None:
    llm, tools = with_tools(talk, [call("look", id=str(at)) for at in range(MOST_CALLS + 2)], ["Enough."])
    talk.user_says("look", 0.5, 1.5)
    talk.run(9.0)
    assert len(tools.made) == MOST_CALLS
    assert [message.text for message in llm.asked[1][-2:]] == [TOO_MANY, TOO_MANY]


@pytest.mark.parametrize("failure", [BackendUnavailable("gone"), ContextFull("too long")])
def test_calls_are_not_made_again_when_the_model_fails_after_them(talk: Talk, failure: Exception) -> None:
    llm, tools = with_tools(talk, [call("set")], failure, ["Yes."])
    talk.history.add("before", "that")
    talk.user_says("set it", 0.5, 1.5)
    talk.user_says("is it set", 7.0, 8.0)
    seen = talk.run(12.0)
    assert len(tools.made) == 1
    assert len(of(seen, events.TurnFailed)) == 1
    assert order(llm.asked[2])[-5:] == ["user", "assistant+1", "tool", "assistant", "user"]


def test_thoughts_between_calls_are_neither_said_nor_shown(talk: Talk) -> None:
    llm, _ = with_tools(talk, ["<think>I need to look", call("look")], ["<think>so</think>It is noon."])
    talk.user_says("what time is it", 0.5, 1.5)
    seen = talk.run(7.0)
    assert spoken(talk) == ["It is noon."]
    assert of(seen, events.TurnDone)[0].spoken == "It is noon. "
    assert llm.asked[1][-2].text == ""


def test_without_a_voice_the_screen_asks_and_the_answer_is_written(talk: Talk) -> None:
    talk.tts = None
    _, tools = with_tools(talk, [call("wipe")], ["Wiped."], asks=["wipe"])
    tools.takes_s["wipe"] = 3.0
    talk.at(0.5, lambda conversation: conversation.ask("wipe the disk"))
    talk.at(3.0, lambda conversation: conversation.ask("yes"))
    seen = talk.run(9.0)
    assert of(seen, events.TurnDone)[0].spoken == "Wiped. "


def test_a_model_that_cannot_call_answers_as_ever(talk: Talk) -> None:
    with_tools(talk)
    talk.llm = type(talk.llm).__mro__[1]([])  # the plain one
    talk.llm_replies("Hello.")
    talk.user_says("hello", 0.5, 1.5)
    talk.run(6.0)
    assert spoken(talk) == ["Hello."]
