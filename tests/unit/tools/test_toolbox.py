"""Which tools there are, who is asked before they are used, and what their calls give."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.assemble.tools import fitted, spec_tokens
from voicecli.errors import ToolError
from voicecli.replay import virtual_time
from voicecli.tools.builtin import builtin_tools
from voicecli.tools.clock import Timers, local_now
from voicecli.tools.mcp_server import MAX_NAME_CHARS, last_line, result_text, wire_name
from voicecli.tools.toolbox import MAX_RESULT_CHARS, Arguments, Tool, Toolbox, is_allowed, number_of, text_of, truncated
from voicecli.types import ToolCall, ToolSpec


def tool(group: str = "clock", name: str = "look", result: str | Exception = "noon", takes_s: float = 0.0) -> Tool:
    async def run(arguments: Arguments) -> str:
        await asyncio.sleep(takes_s)
        if isinstance(result, Exception):
            raise result
        return f"{result}{json.dumps(dict(arguments)) if arguments else ''}"

    return Tool(ToolSpec(f"{group}_{name}", "", {}), group, name, run)


def use(toolbox: Toolbox, name: str = "clock_look", arguments: str = "{}") -> str:
    return virtual_time.run(toolbox.run(ToolCall("1", name, arguments)))


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ([], False),
        (["clock"], True),
        (["clock.look"], True),
        (["clock.l*"], True),
        (["*"], True),
        (["*.look"], True),
        (["look"], False),
        (["clock.see", "cl"], False),
    ],
)
def test_what_is_allowed_beforehand(allowed: list[str], expected: bool) -> None:
    assert is_allowed(tool(), allowed) is expected
    assert Toolbox([tool()], allowed, 1.0).needs_approval("clock_look") is not expected


def test_leave_that_was_given_lasts() -> None:
    toolbox = Toolbox([tool(), tool(name="see")], [], 1.0)
    toolbox.allow("clock_look")
    assert not toolbox.needs_approval("clock_look")
    assert toolbox.needs_approval("clock_see")


def test_names_are_those_of_the_user() -> None:
    toolbox = Toolbox([tool(), tool("builtin", "current_time")], [], 1.0)
    assert toolbox.title("clock_look") == "clock.look"
    assert toolbox.title("builtin_current_time") == "current_time"
    assert toolbox.title("nothing") == "nothing"
    assert [one.spec for one in toolbox.tools] == list(toolbox.specs)


def test_a_call_gives_its_result() -> None:
    toolbox = Toolbox([tool()], [], 1.0)
    assert use(toolbox) == "noon"
    assert use(toolbox, arguments="") == "noon"
    assert use(toolbox, arguments='{"zone": "here"}') == 'noon{"zone": "here"}'


@pytest.mark.parametrize(
    ("made", "name", "arguments", "part"),
    [
        (tool(), "clock_see", "{}", "no tool 'clock_see'. Available: clock_look"),
        (tool(), "clock_look", "{zone", "not valid JSON"),
        (tool(), "clock_look", "[1]", "an object"),
        (tool(takes_s=9.0), "clock_look", "{}", "did not answer within 1 s"),
        (tool(result=ToolError("it is dark")), "clock_look", "{}", "^it is dark$"),
        (tool(result=KeyError("x")), "clock_look", "{}", "clock.look failed: KeyError: 'x'"),
    ],
)
def test_what_goes_wrong_is_reported(made: Tool, name: str, arguments: str, part: str) -> None:
    with pytest.raises(ToolError, match=part):
        use(Toolbox([made], [], 1.0), name, arguments)


def test_a_tool_that_is_not_there_needs_no_leave() -> None:
    assert not Toolbox([], [], 1.0).needs_approval("nothing")


def test_a_long_result_is_cut() -> None:
    assert truncated("a" * MAX_RESULT_CHARS) == "a" * MAX_RESULT_CHARS
    assert truncated("a" * (MAX_RESULT_CHARS + 1234)).endswith("a\n[1,234 characters left out]")


def test_as_many_tools_as_fit_are_reported() -> None:
    tools = [tool(name=name) for name in ("one", "two", "three")]
    room = sum(spec_tokens(one.spec) for one in tools[:2])
    kept, left_out = fitted(tools, room + 1)
    assert ([one.name for one in kept], [one.name for one in left_out]) == (["one", "two"], ["three"])
    assert fitted(tools, 10_000) == (tools, [])


class TestBuiltIn:
    def call(self, name: str, **arguments: object) -> str:
        async def run() -> str:
            async with asyncio.TaskGroup() as tasks:
                timers = Timers(local_now, lambda text: None, tasks)
                toolbox = Toolbox(builtin_tools(local_now, timers), ["builtin"], 1.0)
                assert not toolbox.needs_approval(name)
                try:
                    return await toolbox.run(ToolCall("1", name, json.dumps(arguments)))
                finally:
                    timers.close()

        return virtual_time.run(run())

    def test_each_does_its_work(self) -> None:
        assert ":" in self.call("current_time")
        assert self.call("calculate", expression="6 * 7") == "42"
        assert "1 hour 1 minute 5 seconds" in self.call("set_timer", hours=1, minutes="1", seconds=5, label="tea")
        assert self.call("list_timers") == "No timer is running."

    def test_mistakes_are_reported(self) -> None:
        for name, arguments in (("cancel_timer", {}), ("set_timer", {"minutes": "five"}), ("calculate", {})):
            with pytest.raises(ExceptionGroup) as caught:
                self.call(name, **arguments)
            assert caught.group_contains(ToolError)

    def test_they_are_described_as_openai_wants_it(self) -> None:
        async def names() -> None:
            async with asyncio.TaskGroup() as tasks:
                for one in builtin_tools(local_now, Timers(local_now, lambda text: None, tasks)):
                    assert one.spec.parameters["type"] == "object"
                    assert one.title == one.spec.name
                    json.dumps(one.spec.parameters)

        virtual_time.run(names())


def test_arguments_are_accepted_as_models_write_them() -> None:
    given_arguments = {"n": "2.5", "empty": "", "none": None, "text": "  tea ", "number": 3}
    assert number_of(given_arguments, "n") == 2.5
    assert number_of(given_arguments, "empty") == number_of(given_arguments, "none") == number_of({}, "n") == 0
    assert (text_of(given_arguments, "text"), text_of(given_arguments, "number")) == ("tea", "3")
    assert text_of(given_arguments, "none") == ""
    for wrong in ("five", [1], "inf", "nan"):
        with pytest.raises(ToolError, match="n must be a"):
            number_of({"n": wrong}, "n")


@given(st.text(), st.text())
def test_every_server_and_tool_has_a_name_that_back_ends_accept(server: str, name: str) -> None:
    wire = wire_name(server, name)
    assert 0 < len(wire) <= MAX_NAME_CHARS
    assert all(character.isascii() and (character.isalnum() or character in "_-") for character in wire)


def test_a_result_is_reported_as_text() -> None:
    text = SimpleNamespace(type="text", text="noon")
    image = SimpleNamespace(type="image", data="…")
    link = SimpleNamespace(type="resource_link", uri="file:///x")
    inside = SimpleNamespace(type="resource", resource=SimpleNamespace(text="words"))
    binary = SimpleNamespace(type="resource", resource=SimpleNamespace(blob="…"))
    assert result_text([text, image, link, inside, binary], None) == (
        "noon\n[image]\n[resource link file:///x]\nwords\n[resource]"
    )
    assert result_text([], {"at": "noon"}) == '{"at": "noon"}'
    assert result_text([], None) == "(nothing)"
    assert result_text([text], {"at": "noon"}) == "noon"


def test_the_last_words_of_a_program() -> None:
    assert last_line("Traceback\nValueError: no\n\n") == "ValueError: no"
    assert last_line("") == ""


CALCULATE = replace(tool("builtin", "calculate"), spec=ToolSpec("calculate", "", {}))


class TestPlainSums:
    """The calculator answers them, where it may be used without asking."""

    def test_are_answered_with_their_call(self) -> None:
        known = Toolbox([CALCULATE], ["builtin"], 1.0).answer("What is 17 times 23?", "en")
        assert known == ("17 times 23 is 391.", ToolCall("", "calculate", '{"expression": "17 * 23"}'))

    def test_are_not_where_the_calculator_needs_approval_or_is_missing(self) -> None:
        assert Toolbox([CALCULATE], [], 1.0).answer("What is 17 times 23?", "en") is None
        assert Toolbox([], ["builtin"], 1.0).answer("What is 17 times 23?", "en") is None
        assert Toolbox([CALCULATE], ["builtin"], 1.0).answer("What time is it?", "en") is None

    def test_names_are_those_that_models_use(self) -> None:
        assert Toolbox([CALCULATE], [], 1.0).names == ("calculate",)
