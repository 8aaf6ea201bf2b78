"""The built-in tools: the time, a calculator and timers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from voicecli.tools.calculator import calculate
from voicecli.tools.clock import Now, Timers, current_time
from voicecli.tools.toolbox import BUILT_IN, CALCULATOR, Arguments, Tool, number_of, schema, text_of
from voicecli.types import ToolSpec

Example = tuple[str, Mapping[str, object]]
"""A request, and the arguments that it leads to."""


def builtin_tools(now: Now, timers: Timers) -> list[Tool]:
    """Return the tools in the order in which the language model gets them.

    Descriptions name no values, because small models copy them. Examples stand only where a model needs them to write
    calls at all, and the plainest of a tool comes last, because that one is copied most.
    """
    return [
        _tool(
            "current_time",
            "the time, the weekday and the date right now, here or in another place",
            schema(place={"type": "string", "description": "a city or country; leave it out for here"}),
            lambda arguments: current_time(now, text_of(arguments, "place")),
            ("What day is it in Cairo?", {"place": "Cairo"}),
            ("What time is it?", {}),
            probe=("What time is it in Lisbon?", {"place": "Lisbon"}),
        ),
        _tool(
            CALCULATOR,
            "exact arithmetic",
            schema("expression", expression={"type": "string", "description": "numbers, + - * / ** ( ) and sqrt"}),
            lambda arguments: calculate(text_of(arguments, "expression")),
            ("How much is 12.5 percent of 48?", {"expression": "48 * 12.5 / 100"}),
            ("Six tickets cost 12 dollars each. What do I pay?", {"expression": "6 * 12"}),
        ),
        *_timer_tools(timers),
    ]


def _timer_tools(timers: Timers) -> list[Tool]:
    length = {unit: {"type": "number"} for unit in ("hours", "minutes", "seconds")}
    label = {"type": "string", "description": "what it is for, only if the user says so"}
    return [
        _tool(
            "set_timer",
            "start a timer or a reminder",
            schema(**length, label=label),
            lambda arguments: timers.set(_seconds(arguments), text_of(arguments, "label")),
            (
                "Remind me in 2 hours and 10 minutes to walk the dog.",
                {"hours": 2, "minutes": 10, "label": "walk the dog"},
            ),
            ("Start a laundry timer for 50 minutes.", {"minutes": 50, "label": "laundry"}),
            ("Set a timer for 20 minutes.", {"minutes": 20}),
        ),
        _tool(
            "list_timers",
            "the running timers and how much time is left",
            schema(),
            lambda arguments: timers.remaining(),
            ("What timers do I have?", {}),
            ("How long does my timer still run?", {}),
        ),
        _tool(
            "cancel_timer",
            "stop a timer before it rings",
            schema(label=label),
            lambda arguments: timers.cancel(text_of(arguments, "label")),
            ("Stop the sauna timer.", {"label": "sauna"}),
            ("Cancel the timer.", {}),
        ),
    ]


def _seconds(arguments: Arguments) -> float:
    units = (("hours", 3600), ("minutes", 60), ("seconds", 1))
    return sum(number_of(arguments, unit) * length_s for unit, length_s in units)


def _tool(
    name: str,
    description: str,
    parameters: dict[str, object],
    run: Callable[[Arguments], str],
    *examples: Example,
    probe: Example | None = None,
) -> Tool:
    async def use(arguments: Arguments) -> str:
        return run(arguments)

    return Tool(ToolSpec(name, description, parameters, examples, probe), BUILT_IN, name, use)
