"""A better language model is got beside the conversation, and takes over between two turns.

offer ── yes ──► download ──► room in memory? ──► load beside the old one ──► answers from the next question on
  └ no: remembered      └ fails: the next candidate
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

from voicecli.errors import ModelMissing
from voicecli.events import Clock, ComponentChanged, ModelDownload, ModelOffered, Notice, OfferAnswered, Publish
from voicecli.models.download import DownloadEvent, OnEvent
from voicecli.models.ladder import Choice
from voicecli.models.manifest import Model
from voicecli.models.upgrade import Memory, Tally, model_bytes, next_step, no_room, question, suggestion
from voicecli.settings.model import UpgradeWish
from voicecli.slash.dispatcher import error_text

SHOWN_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Outside:
    """What an upgrade does to the world."""

    choose: Callable[[Collection[str]], Awaitable[Choice]]  # without the models of these names
    download: Callable[[Model, OnEvent], Awaitable[None]]  # raises ModelMissing
    free_bytes: Callable[[], int]  # of memory
    take_over: Callable[[str], Awaitable[str]]  # loads a model and returns its name; raises what loading raises
    remember: Callable[[Memory], None]  # raises OSError


class Upgrade:
    """Offers, downloads and switches to a better model. Belongs to the loop; canceling `run` stops a download."""

    def __init__(self, outside: Outside, wanted: UpgradeWish, memory: Memory, show: Publish, clock: Clock) -> None:
        self._outside = outside
        self._wanted = wanted
        self._memory = memory
        self._show = show
        self._clock = clock
        self._answer: asyncio.Future[bool] | None = None
        self._failed: set[str] = set()

    async def run(self, *, can_answer: bool, in_use: str) -> None:
        """Offer a better model than `in_use`, if there is one, and get it. `can_answer`: there is somebody to ask."""
        choice = await self._outside.choose(())
        if choice.better is None:
            return
        match next_step(self._wanted, choice.better.name, self._memory, can_answer=can_answer):
            case "tell":
                self._say(suggestion(choice.better, choice.why_better, self._memory))
            case "ask" if await self._ask(choice.better, choice.why_better):
                await self._get(choice.better, in_use)
            case "get":
                await self._get(choice.better, in_use)

    def answer(self, accepted: bool) -> bool:
        """Answer the offer. Return whether there was one."""
        if self._answer is None or self._answer.done():
            return False
        self._answer.set_result(accepted)
        return True

    async def _ask(self, model: Model, why: str) -> bool:
        self._answer = asyncio.get_running_loop().create_future()
        self._show(ModelOffered(at_s=self._clock(), name=model.name, text=question(model, why, self._memory)))
        accepted = await self._answer
        self._show(OfferAnswered(at_s=self._clock(), name=model.name, accepted=accepted))
        answered = {"accepted": model.name} if accepted else {"refused": model.name}
        self._remember(replace(self._memory, **answered))
        return accepted

    async def _get(self, model: Model, in_use: str) -> None:
        """Download the model, or the next candidate that is no larger, and let it take over."""
        agreed_bytes = model_bytes(model)
        while not await self._download(model):
            self._failed.add(model.name)
            choice = await self._outside.choose(self._failed)
            if choice.better is None or model_bytes(choice.better) > agreed_bytes:
                return
            model = choice.better
            self._say(f"{model.name} is tried instead.")
        try:
            await self._take_over(model, in_use)
        finally:
            self._show_standing(model, over=True)

    async def _download(self, model: Model) -> bool:
        """Download a model and show how far it is. Return whether it is there."""
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
            await self._outside.download(model, on_event)
        except ModelMissing as error:
            self._show_standing(model, over=True)
            self._say(" ".join(error.message.split()))
            return False
        self._show_standing(model, tally)
        if (bytes_per_s := tally.average_bytes_per_s()) is not None:
            self._remember(replace(self._memory, bytes_per_s=bytes_per_s))
        return True

    async def _take_over(self, model: Model, in_use: str) -> None:
        needed_bytes, free_bytes = model.memory_mb * 1_000_000, self._outside.free_bytes()
        if free_bytes < needed_bytes:
            self._say(no_room(model.name, needed_bytes, free_bytes, in_use))
            return
        try:
            name = await self._outside.take_over(model.name)
        except Exception as error:  # whatever is wrong with the new one, the old one goes on answering
            self._say(f"{error_text(error)} {in_use} stays in use.")
            return
        message = f"{name} is here and answers from the next question on."
        self._show(ComponentChanged(at_s=self._clock(), component="model", condition="ok", name=name, message=message))

    def _show_standing(self, model: Model, tally: Tally | None = None, *, over: bool = False) -> None:
        standing = (tally or Tally(model_bytes(model))).standing()
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

    def _remember(self, memory: Memory) -> None:
        self._memory = memory
        try:
            self._outside.remember(memory)
        except OSError as error:
            self._say(f"This cannot be remembered: {error.strerror}.")

    def _say(self, text: str) -> None:
        self._show(Notice(at_s=self._clock(), text=text))
