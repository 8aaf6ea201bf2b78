"""Calls of tools on the wire, and a conversation for a model that knows none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicecli.engines.llm.tool_calls import ToolCallCollector, as_function, offer_to, parse_arguments, without_calls
from voicecli.types import Message, ToolCall, ToolSpec

CALL = ToolCall("a", "look", '{"at": 1}')


@given(st.lists(st.tuples(st.sampled_from(["look", "weigh"]), st.text(min_size=1)), min_size=1, max_size=4), st.data())
def test_bits_of_several_calls_become_whole_ones(calls: list[tuple[str, str]], data: st.DataObject) -> None:
    collector = ToolCallCollector()
    for at, (name, arguments) in enumerate(calls):
        collector.push(at, f"id{at}", name, "")
        cut = data.draw(st.integers(0, len(arguments)))
        collector.push(at, "", "", arguments[:cut])
        collector.push(at, "", "", arguments[cut:])
    expected = [ToolCall(f"id{at}", name, arguments) for at, (name, arguments) in enumerate(calls)]
    assert list(collector.calls(1)) == expected


def test_servers_may_leave_out_places_and_ids() -> None:
    collector = ToolCallCollector()
    collector.push(None, "", "look", "{")
    collector.push(None, "", "", "}")
    collector.push(None, "", "weigh", "")
    assert list(collector.calls(3)) == [ToolCall("call_3_0", "look", "{}"), ToolCall("call_3_1", "weigh", "{}")]


def test_a_bit_without_any_name_is_no_call() -> None:
    collector = ToolCallCollector()
    collector.push(None, "", "", "{}")
    assert list(collector.calls(1)) == []


def test_arguments_as_an_object() -> None:
    assert parse_arguments('{"at": 1}') == {"at": 1}
    assert parse_arguments("{at") == parse_arguments("[1]") == {}


def test_a_tool_as_the_protocols_take_it() -> None:
    reported = as_function(ToolSpec("look", "Looks.", {"type": "object"}))
    assert reported == {
        "type": "function",
        "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}},
    }


def test_without_calls_results_stand_below_their_question() -> None:
    messages = [
        Message("system", "Be brief."),
        Message("user", "Look."),
        Message("assistant", "", calls=(CALL,)),
        Message("tool", "noon", answers=CALL),
        Message("assistant", "It is noon."),
        Message("user", "And now?"),
        Message("assistant", "Hm.", calls=(CALL,)),
        Message("tool", "one", answers=CALL),
        Message("tool", "two"),
    ]
    plain = without_calls(messages)
    assert [(one.role, one.text) for one in plain[1:]] == [
        ("user", "Look.\n\nlook: noon"),
        ("assistant", "It is noon."),
        ("user", "And now?\n\nlook: one\n\ntool: two"),
    ]
    assert without_calls(plain) == plain


def test_a_model_that_cannot_be_reported_of_tools_is_reported_of() -> None:
    class Plain:
        name = "plain"

    reported: list[str] = []
    offer_to(Plain(), [ToolSpec("look", "", {})], reported.append)  # type: ignore[arg-type]
    offer_to(Plain(), [], reported.append)  # type: ignore[arg-type]
    assert reported == ["plain cannot use tools"]
