"""Language models that are downloaded beside a conversation, one at a time, with their progress on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from voicecli.events import Clock, ModelDownload, Notice, Publish
from voicecli.models.download import DownloadEvent, OnEvent
from voicecli.models.manifest import Model
from voicecli.models.upgrade import Memory, Tally, model_bytes

SHOWN_EVERY_S = 1.0

Download = Callable[[Model, OnEvent], Awaitable[None]]
"""Downloads a model that is not complete; does nothing if it is. Raises ModelMissing."""


@dataclass
class Notes:
    """What is remembered between conversations, and how it is kept."""

    memory: Memory
    save: Callable[[Memory], None]  # raises OSError

    def change(self, **changes: Any) -> None:
        """Remember other values. Raise OSError if they cannot be kept."""
        self.memory = replace(self.memory, **changes)
        self.save(self.memory)


class ModelFetch:
    """Downloads one model at a time. Belongs to the loop; canceling `get` stops the download."""

    def __init__(self, download: Download, notes: Notes, show: Publish, clock: Clock) -> None:
        self.notes = notes
        self._download = download
        self._show = show
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def get(self, model: Model) -> None:
        """Download a model and show how far it is. Raise ModelMissing if that fails.

        The screen then shows that it is loading, until `over`.
        """
        async with self._one_at_a_time:
            tally, shown_at_s = Tally(model_bytes(model)), float("-inf")

            def on_event(event: DownloadEvent) -> None:
                nonlocal shown_at_s
                now_s = self._clock()
                tally.add(event, now_s)
                if now_s - shown_at_s >= SHOWN_EVERY_S:
                    shown_at_s = now_s
                    self._show_standing(model, tally)

            self._show_standing(model, tally)
            try:
                await self._download(model, on_event)
            except BaseException:
                self.over(model)
                raise
            self._show_standing(model, tally)
            if (bytes_per_s := tally.average_bytes_per_s()) is not None:
                self.remember(bytes_per_s=bytes_per_s)

    def over(self, model: Model) -> None:
        """Show that nothing is done with the model any more."""
        self._show_standing(model, Tally(model_bytes(model)), over=True)

    def remember(self, **changes: Any) -> None:
        """Change what is remembered, or say that it cannot be kept."""
        try:
            self.notes.change(**changes)
        except OSError as error:
            self.say(f"This cannot be remembered: {error.strerror}.")

    def say(self, text: str) -> None:
        """Show a sentence in the conversation."""
        self._show(Notice(at_s=self._clock(), text=text))

    def _show_standing(self, model: Model, tally: Tally, *, over: bool = False) -> None:
        standing = tally.standing()
        self._show(
            ModelDownload(
                at_s=self._clock(),
                name=model.name,
                state="over" if over else standing.state,
                done_bytes=standing.done_bytes,
                total_bytes=standing.total_bytes,
                left_s=standing.left_s,
            )
        )
