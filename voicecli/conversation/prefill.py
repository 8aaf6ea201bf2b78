"""The language model reads ahead: the question while it is being asked, what was said before while nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from voicecli.conversation.history import History
from voicecli.engines.base import LanguageModel
from voicecli.errors import VoiceCliError
from voicecli.types import Message

ANY_QUESTION = "Hello."
"""Chat templates want one at the end."""


class Prefill:
    """Sends the firm words of a growing question ahead, for back ends that keep the prefix of a prompt.

    Only the newest words are sent, one request at a time; cancelling closes it, so an answer never waits behind it.
    """

    def __init__(self, llm: LanguageModel, history: History) -> None:
        self._llm = llm
        self._history = history
        self._words = ""
        self._more = asyncio.Event()

    def update(self, words: str) -> None:
        """The question begins with `words`."""
        if words != self._words:
            self._words = words
            self._more.set()

    async def run(self) -> None:
        """Until cancelled, or until the model fails; the answer will fail too, and say so."""
        self._words = ""
        while True:
            self._more.clear()
            await self._more.wait()
            try:
                await self._llm.warm(self._history.prompt(self._words))
            except VoiceCliError:
                return

    async def catch_up(self, said: Sequence[Message]) -> None:
        """Have the messages before the next question read anew; it then waits for itself alone."""
        with suppress(VoiceCliError):  # the answer will fail too, and say so
            await self._llm.warm([*said, Message("user", ANY_QUESTION)])
