"""What a screen tells of the tools that an answer uses."""

from __future__ import annotations

from rich.text import Text

from voicecli.events import Announced, ApprovalRequested, Event, ToolCalled, ToolDone, ToolOutcome, TurnDone, UserTyped
from voicecli.types import TurnId
from voicecli.ui.plain import lines_of
from voicecli.ui.tool_uses import (
    MAX_CHARS,
    ToolUse,
    apply_tool_event,
    format_arguments,
    pending_approval,
    shorten,
    tool_use_line,
)
from voicecli.ui.view import ViewModel

ONE = TurnId(1)
ASKED = ApprovalRequested(at_s=1.0, turn=ONE, call="1.1", tool="clock.look", arguments='{"zone": "Asia/Tokyo", "n": 2}')
CALLED = ToolCalled(at_s=2.0, turn=ONE, call="1.1", tool="clock.look", arguments='{"zone": "Asia/Tokyo", "n": 2}')


def done(outcome: ToolOutcome = "done", text: str = "17:05", call: str = "1.1") -> ToolDone:
    return ToolDone(at_s=3.0, turn=ONE, call=call, tool="clock.look", outcome=outcome, text=text, took_s=1.0)


def after(*events: Event) -> tuple[ToolUse, ...]:
    uses: tuple[ToolUse, ...] = ()
    for event in events:
        uses = apply_tool_event(uses, event)
    return uses


def shown(*events: Event) -> list[str]:
    """By the plain screen."""
    view, lines = ViewModel(), list[str]()
    for event in (UserTyped(at_s=0.0, turn=ONE, text="what time is it"), *events):
        view = view.apply(event)
        lines += lines_of(event, view)
    return lines[1:]


def test_a_call_is_one_use_from_the_question_to_its_end() -> None:
    for events in ((ASKED,), (ASKED, CALLED), (ASKED, CALLED, done()), (CALLED, done())):
        (use,) = after(*events)
        assert use.call_text == 'clock.look(zone="Asia/Tokyo", n=2)'
    assert after(ASKED)[0].state == "waiting for approval"
    assert after(ASKED, CALLED)[0].state == "running"
    (use,) = after(CALLED, done())
    assert (use.state, use.outcome, use.took_s) == ("done", "17:05", 1.0)


def test_only_a_waiting_call_is_pending() -> None:
    assert pending_approval(after(ASKED)) == after(ASKED)[0]
    assert pending_approval(after(ASKED, CALLED)) is None
    assert pending_approval(()) is None


def test_several_uses_keep_their_order() -> None:
    later = ToolCalled(at_s=4.0, turn=ONE, call="1.2", tool="clock.see", arguments="{}")
    assert [use.tool for use in after(CALLED, done(), later, done(call="1.2"))] == ["clock.look", "clock.see"]


def test_an_end_without_a_beginning_is_reported_too() -> None:
    (use,) = after(done("cancelled", ""))
    assert use.outcome == "cancelled"


def test_tool_use_lines() -> None:
    reported = 'clock.look(zone="Asia/Tokyo", n=2)'
    lines: dict[str, Text] = {}
    for end in ("done", "failed", "denied", "cancelled"):
        lines[end] = tool_use_line(after(CALLED, done(end))[0])
    assert {end: line.plain for end, line in lines.items()} == {
        "done": f"{reported} → 17:05",
        "failed": f"{reported} → failed: 17:05",
        "denied": f"{reported} → not allowed",
        "cancelled": f"{reported} → cancelled",
    }
    assert "y yes" in tool_use_line(after(ASKED)[0]).plain
    assert tool_use_line(after(CALLED)[0]).plain == f"{reported} …"


def test_lines_of_the_plain_screen() -> None:
    reported = 'clock.look(zone="Asia/Tokyo", n=2)'
    assert shown(ASKED, CALLED, done()) == [
        f"Allow this tool call? {reported} (yes, always or no)",
        f"Tool: {reported}",
        f"Tool: {reported} = 17:05",
    ]


def test_the_view_has_the_pending_approval_until_the_turn_is_over() -> None:
    view = ViewModel().apply(UserTyped(at_s=0.0, turn=ONE, text="now"))
    assert view.pending_approval is None
    view = view.apply(ASKED)
    assert view.pending_approval is not None
    assert view.apply(CALLED).pending_approval is None
    assert view.apply(TurnDone(at_s=4.0, turn=ONE, spoken="")).pending_approval is None


def test_an_announcement_is_an_answer_without_a_question() -> None:
    event = Announced(at_s=1.0, turn=ONE, text="Your tea timer is done.")
    view = ViewModel().apply(event)
    assert view.is_answering
    (exchange,) = view.exchanges
    assert exchange.heard == ("", "")
    assert "".join(exchange.answer) == "Your tea timer is done."
    over = TurnDone(at_s=4.0, turn=ONE, spoken="Your tea timer is done.")
    assert list(lines_of(over, view.apply(over))) == ["Assistant: Your tea timer is done."]


def test_control_sequences_of_a_server_are_removed() -> None:
    (use,) = after(CALLED, done(text="\x1b[2Jgone\nsecond"))
    assert "\x1b" not in use.outcome
    assert "gone second" in use.outcome


def test_long_texts_are_cut() -> None:
    assert shorten("a" * MAX_CHARS) == "a" * MAX_CHARS
    assert len(shorten("a" * (MAX_CHARS + 1))) == MAX_CHARS
    assert format_arguments("{broken") == "{broken"
    assert format_arguments("[1]") == "[1]"
    assert format_arguments("{}") == ""
