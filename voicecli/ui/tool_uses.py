"""Tool calls of an answer: a value folded from events, and its text on the screen. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Literal

from rich.text import Text

from voicecli.events import ApprovalRequested, Event, ToolCalled, ToolDone, ToolOutcome
from voicecli.printable import printable

State = Literal["waiting for approval", "running"] | ToolOutcome

MAX_CHARS = 200
"""Longest arguments or result shown; the model gets all of it."""

MARK = "⚙ "
APPROVAL_PROMPT = "  Allow?  y yes · a always · n no"

STYLES = {"done": "dim", "failed": "red", "denied": "yellow", "cancelled": "yellow"}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool call."""

    call_id: str
    tool: str
    arguments: str
    state: State
    result: str = ""
    took_s: float = 0.0

    @property
    def call_text(self) -> str:
        """The call as code: "set_timer(minutes=5)"."""
        return f"{self.tool}({self.arguments})"

    @property
    def outcome(self) -> str:
        """The result in a few words; empty while the call is open."""
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


def apply_tool_event(uses: tuple[ToolUse, ...], event: Event) -> tuple[ToolUse, ...]:
    """Return the tool calls after one more event of their turn."""
    match event:
        case ApprovalRequested(call=call, tool=tool, arguments=arguments):
            return (*uses, ToolUse(call, tool, format_arguments(arguments), "waiting for approval"))
        case ToolCalled(call=call, tool=tool, arguments=arguments):
            rest = tuple(use for use in uses if use.call_id != call)
            return (*rest, ToolUse(call, tool, format_arguments(arguments), "running"))
        case ToolDone(call=call, tool=tool, outcome=outcome, text=text, took_s=took_s):
            before = next((use for use in uses if use.call_id == call), ToolUse(call, tool, "", "running"))
            after = replace(before, state=outcome, result=shorten(text), took_s=took_s)
            return (*(use for use in uses if use.call_id != call), after)
        case _:
            return uses


def pending_approval(uses: tuple[ToolUse, ...]) -> ToolUse | None:
    """Return the call that waits for approval."""
    return next((use for use in uses if use.state == "waiting for approval"), None)


def tool_use_line(use: ToolUse) -> Text:
    """Return the line of one call: the call and its outcome."""
    if use.state == "waiting for approval":
        return Text.assemble((use.call_text, "bold yellow"), (APPROVAL_PROMPT, "yellow"))
    if use.state == "running":
        return Text.assemble((use.call_text, "cyan"), (" …", "dim"))
    return Text.assemble((use.call_text, "dim"), (" → ", "dim"), (use.outcome, STYLES[use.state]))


def format_arguments(arguments: str) -> str:
    """Return a JSON object of arguments as in a call: `minutes=5, name="tea"`; any other text as it is."""
    try:
        values = json.loads(arguments)
    except ValueError:
        return shorten(arguments)
    if not isinstance(values, dict):
        return shorten(arguments)
    return shorten(", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in values.items()))


def shorten(text: str) -> str:
    """Return `text` on one line, cut to `MAX_CHARS`."""
    flat = " ".join(printable(text).split())
    return flat if len(flat) <= MAX_CHARS else f"{flat[: MAX_CHARS - 1]}…"
