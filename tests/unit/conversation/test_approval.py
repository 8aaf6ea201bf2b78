"""What counts as an answer to "May I use that?"."""

from __future__ import annotations

import asyncio

import pytest

from voicecli.conversation.approval import ToolApproval, answer_of, question
from voicecli.replay import virtual_time


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes.", "yes"),
        ("y", "yes"),
        ("Yes, please do!", "yes"),
        ("Okay, go ahead.", "yes"),
        ("Of course.", "yes"),
        ("Always", "always"),
        ("a", "always"),
        ("Yes, always allow that.", "always"),
        ("No.", "no"),
        ("n", "no"),
        ("No, don't do that", "no"),
        ("Never!", "no"),
        ("Don't.", "no"),
        ("", None),
        ("…", None),
        ("What is the weather?", None),
        ("Yes, and then tell me a joke", None),
        ("always look on the bright", None),
        ("Stop.", None),
    ],
)
def test_answers(text: str, answer: str | None) -> None:
    assert answer_of(text) == answer


def test_the_question_can_be_said() -> None:
    assert question("clock.get_current_time") == "May I use get current time of clock?"
    assert question("set-timer") == "May I use set timer?"


def test_the_first_answer_counts() -> None:
    async def run() -> None:
        approval = ToolApproval()
        asyncio.get_running_loop().call_later(5, approval.answer, "no")
        asyncio.get_running_loop().call_later(5, approval.answer, "yes")
        assert await approval.wait() == "no"

    virtual_time.run(run())
