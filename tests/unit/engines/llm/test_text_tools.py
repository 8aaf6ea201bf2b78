"""Tools in the prompt, and a conversation with calls as text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from voicecli.engines.llm.call_shapes import WrittenCall
from voicecli.engines.llm.text_calls import TextCallParser
from voicecli.engines.llm.text_tools import NO_EXAMPLES, PLAIN, RULES, as_text, description, example_turns, written
from voicecli.types import Message, ToolCall, ToolSpec

LOOK = ToolSpec(
    "look",
    "Looks\n  at it.",
    {"type": "object", "properties": {"at": {"type": "number"}, "what": {"type": "string"}}},
    (("Look!", {}), ("Look at 5.", {"at": 5})),
)
GET = ToolSpec(
    "home_get",
    "Gets it.",
    {"properties": {"room": {"enum": ["kitchen", "hall"]}, "of": {"type": ["string", "null"]}, "x": 1}},
)
CALL = ToolCall("1", "look", '{"at": 1, "what": "the \\"sky\\""}')


def test_tools_are_described_by_signature_and_called_in_example_turns() -> None:
    assert description([LOOK]) == f"You have these tools:\nlook(at, what): Looks at it.\n\n{RULES}"
    turns = [message.text for message in example_turns([LOOK])]
    assert turns[:4] == ["Look!", "look()", "Look at 5.", "look(at=5)"]
    assert turns[4:] == [text for turn in PLAIN for text in turn]
    assert not [*example_turns([GET])]


def test_a_tool_without_examples_shows_types() -> None:
    assert description([GET]) == (
        f'You have these tools:\nhome_get(room: "kitchen" | "hall", of, x): Gets it.\n\n{RULES}\n{NO_EXAMPLES}'
    )
    assert "of: string" in description([ToolSpec("a", "", {"properties": {"of": {"type": "string"}}})])


def test_calls_and_results_become_text() -> None:
    messages = [
        Message("system", "Be brief."),
        Message("user", "Look."),
        Message("assistant", "Well.", calls=(CALL, CALL)),
        Message("tool", "blue", answers=CALL),
        Message("tool", "grey", answers=CALL),
        Message("assistant", "It is blue and grey."),
        Message("tool", "lost"),
    ]
    text = 'look(at=1, what="the \\"sky\\"")'
    assert [(message.role, message.text) for message in as_text(messages, [LOOK])] == [
        ("system", f"Be brief.\n\n{description([LOOK])}"),
        *((message.role, message.text) for message in example_turns([LOOK])),
        ("user", "Look."),
        ("assistant", f"Well.\n{text}\n{text}"),
        ("user", f"Result of {text}: blue\nResult of {text}: grey\nAnswer me with it in one short spoken sentence."),
        ("assistant", "It is blue and grey."),
        ("user", "Result of tool(): lost\nAnswer me with it in one short spoken sentence."),
    ]


def test_a_word_behind_results_follows_them() -> None:
    messages = [Message("tool", "blue", answers=CALL), Message("user", "Go on.")]
    (only,) = as_text(messages, [LOOK])
    assert only.text.endswith("spoken sentence.\nGo on.")


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


@given(st.dictionaries(st.sampled_from(["at", "what"]), VALUES))
def test_a_call_is_written_so_that_it_can_be_read(arguments: dict[str, object]) -> None:
    parser = TextCallParser([LOOK])
    (call,) = [*parser.push(written("look", arguments)), *parser.close()]
    assert isinstance(call, WrittenCall)
    assert (call.name, json.loads(call.arguments)) == ("look", arguments)
