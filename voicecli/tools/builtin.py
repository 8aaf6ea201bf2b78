"""The built-in tools: the time, a calculator and timers."""

from __future__ import annotations

from collections.abc import Callable

from voicecli.tools.calculator import calculate
from voicecli.tools.clock import Now, Timers, current_time
from voicecli.tools.toolbox import BUILT_IN, Arguments, Tool, number_of, schema, text_of
from voicecli.types import ToolSpec


def builtin_tools(now: Now, timers: Timers) -> list[Tool]:
    """Return the tools in the order in which the language model gets them."""
    return [
        _tool(
            "current_time",
            "The current date and time, here or in another time zone.",
            schema(zone={"type": "string", "description": "IANA name such as Asia/Tokyo; leave out for here"}),
            lambda arguments: current_time(now, text_of(arguments, "zone")),
        ),
        _tool(
            "calculate",
            "Exact arithmetic: + - * / // % **, parentheses, sqrt, round, sin, log, pi and the like.",
            schema("expression", expression={"type": "string", "description": "such as 0.19 * 240"}),
            lambda arguments: calculate(text_of(arguments, "expression")),
        ),
        _tool(
            "set_timer",
            "Start a timer that rings aloud.",
            schema(
                hours={"type": "number"},
                minutes={"type": "number"},
                seconds={"type": "number"},
                label={"type": "string", "description": "what it is for, such as tea"},
            ),
            lambda arguments: timers.set(_seconds(arguments), text_of(arguments, "label")),
        ),
        _tool("list_timers", "The timers that are running.", schema(), lambda arguments: timers.remaining()),
        _tool(
            "cancel_timer",
            "Stop a timer before it rings.",
            schema(label={"type": "string", "description": "which one; leave out for the only one"}),
            lambda arguments: timers.cancel(text_of(arguments, "label")),
        ),
    ]


def _seconds(arguments: Arguments) -> float:
    units = (("hours", 3600), ("minutes", 60), ("seconds", 1))
    return sum(number_of(arguments, unit) * length_s for unit, length_s in units)


def _tool(name: str, description: str, parameters: dict[str, object], run: Callable[[Arguments], str]) -> Tool:
    async def use(arguments: Arguments) -> str:
        return run(arguments)

    return Tool(ToolSpec(name, description, parameters), BUILT_IN, name, use)
