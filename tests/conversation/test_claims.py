"""Answers that claim an action, and those that only speak of one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.conversation.claims import claims_action

TOOLS = ["set_timer", "cancel_timer", "list_timers", "home_turn_on_light"]


@pytest.mark.parametrize(
    "answer",
    [
        "I've set a timer for five minutes.",
        "I\u2019ve set a timer for five minutes.",
        "Okay, I have started your pasta timer.",
        "I set a timer.",
        "I'll set a reminder for you.",
        "I am setting a timer now.",
        "You have cancelled the timer.",
        "Sure! The timer has been set for ten minutes.",
        "Your timer is now cancelled.",
        "Timer set.",
        "Setting a timer for five minutes.",
        "Okay, timer started.",
        "I have turned on the light.",
    ],
)
def test_a_claim(answer: str) -> None:
    assert claims_action(answer, "Set a timer for five minutes.", TOOLS)


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("A timer is a clock that counts down.", "Tell me about timers."),
        ("I can set a timer for you.", "Help me with the cooking."),
        ("Shall I set a timer?", "I am boiling eggs."),
        ("I cannot set a timer.", "Set a timer."),
        ("I've set a timer for five minutes.", "Did you set a timer?"),
        ("The timer is set for five minutes.", "And what is the timer set for?"),
        ("Set a timer for five minutes and wait.", "Tell me how to boil an egg."),
        ("I have set the table.", "Set the table."),
        ("", "Set a timer."),
    ],
)
def test_no_claim(answer: str, question: str) -> None:
    assert not claims_action(answer, question, TOOLS)


@given(st.text(), st.text(), st.lists(st.text()))
def test_no_text_is_too_odd(answer: str, question: str, tools: list[str]) -> None:
    claims_action(answer, question, tools)


@given(st.text())
def test_without_tools_nothing_can_be_claimed(answer: str) -> None:
    assert not claims_action(answer, "Set a timer.", [])
