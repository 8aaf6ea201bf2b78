"""Ask the user to approve a tool call, and recognize the answer."""

from __future__ import annotations

import asyncio

from voicecli.turns.words import words_of
from voicecli.types import Approval

MOST_WORDS = 5
"""A longer sentence is a new question, not an answer to this one."""

_AGREEMENT = """
y yes yeah yep yup sure ok okay please go ahead do it allow that thats of course right alright fine
"""
_YES = frozenset(_AGREEMENT.split())
_NO = frozenset(["n", "no", "nope", "dont", "never", "refuse", "deny"])
_ALWAYS = "always"


def answer_of(text: str) -> Approval | None:
    """Return yes, always or no, as it is typed or spoken in English; None for anything else."""
    words = words_of(text)
    if not 0 < len(words) <= MOST_WORDS:
        return None
    if words[0] in _NO:
        return "no"
    if words == ("a",) or (_ALWAYS in words and _YES.union((_ALWAYS,)).issuperset(words)):
        return "always"
    return "yes" if _YES.issuperset(words) else None


def question(tool: str) -> str:
    """Return the spoken question: "clock.get_current_time" -> "May I use get current time of clock?"."""
    server, _, name = tool.rpartition(".")
    spoken = f"{name} of {server}" if server else name
    return f"May I use {spoken.replace('_', ' ').replace('-', ' ')}?"


class ToolApproval:
    """A question for approval that the user has not answered yet."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[Approval] = asyncio.get_running_loop().create_future()

    def answer(self, answer: Approval) -> None:
        """Set the answer. Only the first one counts."""
        if not self._answer.done():
            self._answer.set_result(answer)

    async def wait(self) -> Approval:
        """Wait for the answer and return it."""
        return await self._answer
