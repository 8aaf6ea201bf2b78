"""Calls that a model writes into its answer: found however the stream is cut; what is none comes out unchanged."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicecli.engines.llm.call_shapes import WrittenCall, calls_in_json, closing_index
from voicecli.engines.llm.text_calls import MAX_CALL_CHARS, Part, TextCallParser
from voicecli.types import ToolSpec


def tool(name: str, *parameters: str) -> ToolSpec:
    return ToolSpec(name, "", {"type": "object", "properties": {one: {"type": "string"} for one in parameters}})


TOOLS = [tool("get_time", "place"), tool("set_timer", "minutes", "label"), tool("get"), ToolSpec("bare", "", {})]
TIME = WrittenCall("get_time", '{"place": "Paris"}')
TIMER = WrittenCall("set_timer", '{"minutes": 5}')


def joined(parts: Sequence[Part]) -> list[Part]:
    """Neighboring texts as one."""
    whole: list[Part] = []
    for part in parts:
        if isinstance(part, str) and whole and isinstance(whole[-1], str):
            whole[-1] += part
        else:
            whole.append(part)
    return whole


def parsed(*parts_in: str, tools: Sequence[ToolSpec] = TOOLS) -> list[Part]:
    parser = TextCallParser(tools)
    return joined([*(part for one in parts_in for part in parser.push(one)), *parser.close()])


CALL = '{"name": "get_time", "arguments": {"place": "Paris"}}'

CALLS = {
    CALL: [TIME],
    f"<tool_call>{CALL}</tool_call>": [TIME],
    f"<tool_call>\n{CALL}\n</tool_call>\n": [TIME, "\n"],
    f"<tool_call>{CALL}": [TIME],
    f"<tools>{CALL}</tools>": [TIME],
    f"[TOOL_CALLS][{CALL}]": [TIME],
    f"<tool_call>{CALL}\n{CALL}</tool_call>": [TIME, TIME],
    f"<tool_call>{CALL}</tool_call>\n<tool_call>{CALL}</tool_call>": [TIME, "\n", TIME],
    f"```json\n{CALL}\n```": [TIME],
    f"```\n{CALL}\n```": [TIME],
    f"```json\n<tool_call>{CALL}</tool_call>\n```": [TIME],
    f"```json\n{CALL}": [TIME],
    f"Let me look. {CALL}": ["Let me look. ", TIME],
    f"Let me look.\n```json\n{CALL}\n```\n": ["Let me look.\n", TIME, "\n"],
    f"[{CALL}, {CALL}]": [TIME, TIME],
    f"{CALL}\n{CALL}": [TIME, "\n", TIME],
    '{"tool_calls": [{"function": {"name": "get_time", "arguments": "{\\"place\\": \\"Paris\\"}"}}]}': [TIME],
    '{"type": "function", "function": {"name": "get_time", "arguments": {"place": "Paris"}}}': [TIME],
    '{"function": {"name": "get_time", "arguments": "{\\"place\\": \\"Paris\\"}"}}': [TIME],
    '{"function": "get_time", "arguments": {"place": "Paris"}}': [TIME],
    '{"name": "get_time", "parameters": {"place": "Paris"}}': [TIME],
    '{"tool": "get_time", "args": {"place": "Paris"}}': [TIME],
    '{"name": "get_time", "place": "Paris"}': [TIME],
    '{"name": "get_time"}': [WrittenCall("get_time", "{}")],
    '{"name": "get_time", "arguments": null}': [WrittenCall("get_time", "{}")],
    '{"name": "get_time", "arguments": [1]}': [WrittenCall("get_time", "[1]")],
    "{'name': 'get_time', 'arguments': {'place': 'Paris'}}": [TIME],
    '{"name": "get_time", "arguments": {"place": "Paris"}': [TIME],
    '<tool_call>{"name": "get_time", "arguments": {"place": "Paris"}</tool_call>': [TIME],
    '{"name": "get_time", "arguments": {"place": "Pa': [
        WrittenCall("get_time", '{"name": "get_time", "arguments": {"place": "Pa')
    ],
    '{"name": "make_coffee", "arguments": {"cups": 2}}': [WrittenCall("make_coffee", '{"cups": 2}')],
    '<tool_call>{"name": "make_coffee"}</tool_call>': [WrittenCall("make_coffee", "{}")],
    '<tool_call>{"name": "make_coffee", oops}</tool_call>': [
        WrittenCall("make_coffee", '{"name": "make_coffee", oops}')
    ],
    "<tool_call><function=get_time><parameter=place>\nParis\n</parameter></function></tool_call>": [TIME],
    "<tool_call><function=set_timer><parameter=minutes>5</parameter>": [TIMER],
    "<tool_call><function=get_time><parameter=place>Paris</parameter></function></tool_call>": [TIME],
    "{'name': 'get_time', 'arguments': {'Paris'}}": [WrittenCall("get_time", "{'Paris'}")],
    'get_time(place="Paris")': [TIME],
    "get_time(Paris)": [TIME],
    'get_time("Paris")': [TIME],
    "get()": [WrittenCall("get", "{}")],
    "Of course! set_timer(minutes=5)": ["Of course! ", TIMER],
    "Of course!\nset_timer(minutes=5)\nDone.": ["Of course!\n", TIMER, "\nDone."],
    "`set_timer(minutes=5)`": [TIMER],
    "```python\nset_timer(minutes=5)\nget()\n```": [TIMER, WrittenCall("get", "{}")],
    "set_timer(minutes=2 + 3)": [WrittenCall("set_timer", '{"minutes": "2 + 3"}')],
    "set_timer(5, 'tea', 7)": [WrittenCall("set_timer", "set_timer(5, 'tea', 7)")],
    "set_timer(**{})": [WrittenCall("set_timer", "set_timer(**{})")],
    "set_timer(minutes=1e999)": [WrittenCall("set_timer", '{"minutes": Infinity}')],
    "set_timer(minutes=b'5')": [WrittenCall("set_timer", '{"minutes": "b\'5\'"}')],
}

TEXTS = [
    "",
    "It is noon.",
    "Here you are: {} and [1, 2], {1}, [a](b), a < b, `x`, ``y``.",
    '{"name": "Alice", "age": 7}',
    '{"name": "Alice", "arguments": "none"}',
    '{"name": "two words", "arguments": {}}',
    '{"names": []}',
    '{"id": 7}',
    '{"name": 7}',
    '{"name": {"of": "Bob"}',
    "{'name': get_time}",
    "{",
    "[",
    "[{",
    '[{"',
    "<",
    "<tool",
    "<b>bold</b>",
    "<tool_call></tool_call>",
    "<tool_call>I would like to know</tool_call>",
    "<tool_call>[",
    f"```python\n{CALL}\nprint(2)\n``` and {{}}",
    '["name"]',
    '```json\n{"name": "Alice"}\n```',
    "```python\nprint(1)\n```",
    "```python\nget_time(1)\nprint(2)\n```",
    "```rust\nfn main() {}\n```",
    "```",
    "```json",
    "```json\n[1, 2]\n```",
    "get",
    "get_time",
    "get_time(",
    "get_time(]",
    "get_time(for x)",
    "get_time(place)(other)",
    "get_time(place='Paris') tells the time in Paris.",
    "I use get_time(place='Paris')",
    "The getter is forget().get()",
    "`get_time` tells the time.",
    "Say `get_time()` to me.",
    "`get_time()` tells the time.",
    "`",
    "``",
    "<tool_call>get_time(",
]


@pytest.mark.parametrize(("text", "parts"), CALLS.items())
def test_a_call_is_found(text: str, parts: list[Part]) -> None:
    assert parsed(text) == parts


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_call_comes_out_unchanged(text: str) -> None:
    assert parsed(text) == ([text] if text else [])


@pytest.mark.parametrize("text", [*CALLS, *TEXTS])
def test_a_cut_anywhere_makes_no_difference(text: str) -> None:
    whole = parsed(text)
    assert parsed(*text) == whole
    for at in range(len(text)):
        assert parsed(text[:at], text[at:]) == whole


FRAGMENTS = st.sampled_from(
    [*CALLS, *TEXTS, "<tool_call>", "</tool_call>", "```", "\n", " ", ". ", '"', "'", "\\", "}"]
)
WRITTEN = st.lists(FRAGMENTS | st.text(max_size=8), max_size=6).map("".join)


@given(WRITTEN, st.data())
def test_any_split_gives_the_same(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    parts_in = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert parsed(*parts_in) == parsed(text)


@given(st.text(alphabet=st.characters(exclude_characters="<[{`(")))
def test_a_text_without_a_mark_is_no_call(text: str) -> None:
    assert "".join(map(str, parsed(text))) == text


@given(WRITTEN)
def test_without_tools_only_the_form_counts(text: str) -> None:
    found = [part for part in parsed(text, tools=[]) if isinstance(part, WrittenCall)]
    assert all(call.name not in ("get_time(", "") for call in found)


@given(st.sampled_from(["get_time", "set_timer", "get"]), st.dictionaries(st.text(), st.integers() | st.text()))
def test_arguments_come_out_as_they_went_in(name: str, arguments: dict[str, int | str]) -> None:
    for written in ({"name": name, "arguments": arguments}, {"function": {"name": name, "arguments": arguments}}):
        for text in (json.dumps(written), f"Well. {json.dumps(written)}", f"```json\n{json.dumps(written)}\n```"):
            if "```" in json.dumps(written):
                continue
            (call,) = [part for part in parsed(text) if isinstance(part, WrittenCall)]
            assert (call.name, json.loads(call.arguments)) == (name, arguments)


@given(st.text(alphabet="Tthe cat. sat{[<`g_", max_size=30))
def test_nothing_is_lost_or_held_at_the_end(text: str) -> None:
    assert "".join(map(str, parsed(*text))) == text


@example("Hello")
@given(st.text(alphabet=st.characters(exclude_characters="<[{`", categories=("L", "P", "Zs")), min_size=1))
def test_a_plain_answer_is_not_held_back(text: str) -> None:
    if not any(f"{name}(".startswith(text[:1]) for name in ("get", "set", "bare")):
        parser = TextCallParser(TOOLS)
        assert parser.push(text[:1]) == [text[:1]]


def test_nothing_of_a_call_comes_out_before_it_is_known() -> None:
    for text in (CALL, f"<tool_call>{CALL}</tool_call>", f"```json\n{CALL}\n```", "set_timer(minutes=5)"):
        parser = TextCallParser(TOOLS)
        parts = [part for character in text for part in parser.push(character)]
        assert not [part for part in parts if isinstance(part, str)]


def test_what_is_no_call_is_let_go_as_soon_as_that_is_known() -> None:
    parser = TextCallParser(TOOLS)
    assert parser.push('{"') == []
    assert parser.push("age") == ['{"age']
    assert parser.push("```py") == []
    assert parser.push("thon\nprint") == ["```python\nprint"]
    assert parser.push("\n``") == ["\n"]
    assert parser.push("`\nget") == ["```\n"]
    assert parser.push("ting") == ["getting"]


def test_a_list_of_calls_holds_nothing_else() -> None:
    offered = {"get_time": ("place",)}
    assert calls_in_json(f"[{CALL}, 7]", offered, tagged=True) == ()
    assert calls_in_json("[]", offered, tagged=True) == ()


def test_an_endless_one_is_let_go() -> None:
    text = '{"name": "get_time", "arguments": {"place": "' + "x" * MAX_CALL_CHARS
    assert parsed(text)[0] == WrittenCall("get_time", text[:MAX_CALL_CHARS].strip())
    endless = '{"name": "' + "x" * MAX_CALL_CHARS
    assert parsed(*endless) == parsed(endless) == [endless]


@given(st.text(alphabet="([{}])'\"\\a"))
def test_the_closing_bracket_is_the_one_that_closes_the_first(text: str) -> None:
    end = closing_index(text)
    assert end is None or (text[end - 1] in ")]}" and closing_index(text[:end]) == end)
    assert closing_index(text + "x") == end
