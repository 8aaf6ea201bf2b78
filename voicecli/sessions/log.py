"""Writes a conversation down while it is held. The loop folds events; a thread of its own waits for the disk."""

from __future__ import annotations

import asyncio

from voicecli.engines.worker import ThreadWorker
from voicecli.errors import VoiceCliError
from voicecli.events import Clock, Event, Notice, Publish
from voicecli.sessions.fold import ExchangeFold
from voicecli.sessions.keeper import Keeper
from voicecli.sessions.records import Exchange

NOT_KEPT = "This conversation is not in the history for now: {message}. It is tried again after each answer."
KEPT_AGAIN = "The history is written again, and nothing of the conversation is missing."


class SessionLog:
    """An exchange is written when it is over. `see` and `run` belong to the loop."""

    def __init__(self, keeper: Keeper, clock: Clock, age_s: float = 0.0, earlier: tuple[Exchange, ...] = ()) -> None:
        """`age_s` and `earlier`: of a session that is resumed, how long ago it began and what was said in it."""
        self.path = keeper.path
        self.trouble = ""  # why the latest exchange could not be written
        self._keeper = keeper
        self._clock = clock
        self._fold = ExchangeFold(clock() - age_s, earlier)
        self._more = asyncio.Event()

    @property
    def unsaved(self) -> tuple[Exchange, ...]:
        """What is not in the file; ask when `run` is over."""
        return self._fold.ended[self._keeper.written :]

    def see(self, event: Event) -> None:
        """Take note of an event. Returns at once."""
        known = len(self._fold.ended)
        self._fold = self._fold.apply(event)
        if len(self._fold.ended) > known:
            self._more.set()

    async def run(self, publish: Publish) -> None:
        """Until cancelled; then what is still open is written, too. Trouble is told once, and when it is over."""
        with ThreadWorker("history") as worker:
            try:
                while True:
                    await self._save(worker, publish)
                    await self._more.wait()
                    self._more.clear()
            finally:
                self._fold = self._fold.closed(self._clock())
                await self._save(worker, publish)

    async def _save(self, worker: ThreadWorker, publish: Publish) -> None:
        try:
            told = await worker.run(self._keeper.keep, self._fold.ended)
            if self.trouble:
                told = [*told, KEPT_AGAIN]
            self.trouble = ""
        except VoiceCliError as error:
            told = [] if self.trouble else [NOT_KEPT.format(message=error.message)]
            self.trouble = error.message
        for text in told:
            publish(Notice(at_s=self._clock(), text=text))
