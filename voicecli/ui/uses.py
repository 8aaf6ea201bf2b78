"""Tools that an answer uses: events in, a value out, and how it is told. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Literal

from voicecli.events import ApprovalRequested, Event, ToolCalled, ToolDone, ToolOutcome
from voicecli.printable import printable

State = Literal["asked", "at work"] | ToolOutcome

MOST_CHARS = 200
"""Of arguments, and of a result: more of them is read by the model alone."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call."""

    call: str
    tool: str
    arguments: str
    state: State
    result: str = ""
    took_s: float = 0.0

    @property
    def reported(self) -> str:
        """The call as it is written: "set_timer(minutes=5)"."""
        return f"{self.tool}({self.arguments})"

    @property
    def outcome(self) -> str:
        """What came of it, in a few words; empty while it is open."""
        match self.state:
            case "done":
                return self.result
            case "failed":
                return f"failed: {self.result}"
            case "denied":
                return "not allowed"
            case "cancelled":
                return "cancelled"
            case _:
                return ""


def uses_after(uses: tuple[ToolUse, ...], event: Event) -> tuple[ToolUse, ...]:
    """With one more event of the turn."""
    match event:
        case ApprovalRequested(call=call, tool=tool, arguments=arguments):
            return (*uses, ToolUse(call, tool, arguments_reported(arguments), "asked"))
        case ToolCalled(call=call, tool=tool, arguments=arguments):
            rest = tuple(use for use in uses if use.call != call)
            return (*rest, ToolUse(call, tool, arguments_reported(arguments), "at work"))
        case ToolDone(call=call, tool=tool, outcome=outcome, text=text, took_s=took_s):
            before = next((use for use in uses if use.call == call), ToolUse(call, tool, "", "asked"))
            after = replace(before, state=outcome, result=one_line(text), took_s=took_s)
            return (*(use for use in uses if use.call != call), after)
        case _:
            return uses


def asked(uses: tuple[ToolUse, ...]) -> ToolUse | None:
    """The one that leave is asked for."""
    return next((use for use in uses if use.state == "asked"), None)


def arguments_reported(arguments: str) -> str:
    """As they would be written in a call."""
    try:
        values = json.loads(arguments)
    except ValueError:
        return one_line(arguments)
    if not isinstance(values, dict):
        return one_line(arguments)
    return one_line(", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in values.items()))


def one_line(text: str) -> str:
    """No more than a line or two of it."""
    flat = " ".join(printable(text).split())
    return flat if len(flat) <= MOST_CHARS else f"{flat[: MOST_CHARS - 1]}…"
