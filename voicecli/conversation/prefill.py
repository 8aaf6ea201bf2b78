"""Let the language model read ahead: the question while it is being asked, the history while nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from voicecli.conversation.history import History
from voicecli.engines.base import LanguageModel
from voicecli.errors import VoiceCliError
from voicecli.types import Message

ANY_QUESTION = "Hello."
"""Chat templates require a user message at the end."""


class Prefill:
    """Sends the firm words of a growing question ahead, for back ends that cache the prefix of a prompt.

    Only the newest words are sent, one request at a time. Cancelling closes it, so an answer never waits behind it.
    """

    def __init__(self, llm: LanguageModel, history: History, *, enabled: bool) -> None:
        self._llm = llm
        self._history = history
        self._enabled = enabled
        self._words = ""
        self._changed = asyncio.Event()
        self._catching_up: asyncio.Task[None] | None = None

    def update(self, words: str) -> None:
        """Set the first words of the question."""
        if self._enabled and words != self._words:
            self._words = words
            self._changed.set()

    async def run(self) -> None:
        """Send words until cancelled, or until the model fails; the answer will fail too, and report it."""
        self._words = ""
        while True:
            self._changed.clear()
            await self._changed.wait()
            try:
                await self._llm.warm(self._history.prompt(self._words))
            except VoiceCliError:
                return

    def catch_up(self, messages: Sequence[Message], tasks: asyncio.TaskGroup) -> None:
        """Have the messages before the next question read again, so that the question waits only for itself."""
        if self._enabled:
            self._catching_up = tasks.create_task(self._read(messages))

    def stop_catching_up(self) -> None:
        """Free the model for a question."""
        if self._catching_up is not None:
            self._catching_up.cancel()

    async def _read(self, messages: Sequence[Message]) -> None:
        with suppress(VoiceCliError):  # the answer will fail too, and report it
            await self._llm.warm([*messages, Message("user", ANY_QUESTION)])
