"""A better language model is got beside the conversation, and takes over between two turns.

offer ── yes ──► download ──► room in memory? ──► load beside the old one ──► answers from the next question on
  └ no: remembered      └ fails: the next candidate
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from voicecli.app.model_fetch import ModelFetch
from voicecli.errors import ModelMissing
from voicecli.events import Clock, ComponentChanged, ModelOffered, OfferAnswered, Publish
from voicecli.models.ladder import Choice
from voicecli.models.manifest import Model
from voicecli.models.upgrade import model_bytes, next_step, no_room, question, suggestion
from voicecli.settings.model import UpgradeMode
from voicecli.slash.dispatcher import error_text


@dataclass(frozen=True, slots=True)
class Outside:
    """What an upgrade finds out and does, besides its download."""

    choose: Callable[[Collection[str]], Awaitable[Choice]]  # without the models of these names
    free_bytes: Callable[[], float]  # of memory
    take_over: Callable[[str], Awaitable[str]]  # loads a model and returns its name; raises what loading raises


class Upgrade:
    """Offers, downloads and switches to a better model. Belongs to the loop; canceling `run` stops a download."""

    def __init__(self, outside: Outside, fetch: ModelFetch, wanted: UpgradeMode, show: Publish, clock: Clock) -> None:
        self._outside = outside
        self._fetch = fetch
        self._wanted = wanted
        self._show = show
        self._clock = clock
        self._answer: asyncio.Future[bool] | None = None
        self._failed: set[str] = set()

    async def run(self, *, can_answer: bool, in_use: str) -> None:
        """Offer a better model than `in_use`, if there is one, and get it. `can_answer`: there is somebody to ask."""
        choice = await self._outside.choose(())
        if choice.better is None:
            return
        memory = self._fetch.notes.memory
        match next_step(self._wanted, choice.better.name, memory, can_answer=can_answer):
            case "tell":
                self._fetch.say(suggestion(choice.better, choice.why_better, memory))
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
        text = question(model, why, self._fetch.notes.memory)
        self._show(ModelOffered(at_s=self._clock(), name=model.name, text=text))
        accepted = await self._answer
        self._show(OfferAnswered(at_s=self._clock(), name=model.name, accepted=accepted))
        if accepted:
            self._fetch.remember(accepted=model.name)
        else:
            self._fetch.remember(refused=model.name)
        return accepted

    async def _get(self, model: Model, in_use: str) -> None:
        """Download the model, or the next candidate that is no larger, and let it take over."""
        agreed_bytes = model_bytes(model)
        while not await self._downloaded(model):
            self._failed.add(model.name)
            choice = await self._outside.choose(self._failed)
            if choice.better is None or model_bytes(choice.better) > agreed_bytes:
                return
            model = choice.better
            self._fetch.say(f"{model.name} is tried instead.")
        try:
            await self._take_over(model, in_use)
        finally:
            self._fetch.over(model)

    async def _downloaded(self, model: Model) -> bool:
        """Return whether the model is there."""
        try:
            await self._fetch.get(model)
        except ModelMissing as error:
            self._fetch.say(" ".join(error.message.split()))
            return False
        return True

    async def _take_over(self, model: Model, in_use: str) -> None:
        needed_bytes, free_bytes = model.memory_mb * 1_000_000, self._outside.free_bytes()
        if free_bytes < needed_bytes:
            self._fetch.say(no_room(model.name, needed_bytes, free_bytes, in_use))
            return
        try:
            name = await self._outside.take_over(model.name)
        except Exception as error:  # whatever is wrong with the new one, the old one goes on answering
            self._fetch.say(f"{error_text(error)} {in_use} stays in use.")
            return
        message = f"{name} is here and answers from the next question on."
        self._show(ComponentChanged(at_s=self._clock(), component="model", condition="ok", name=name, message=message))
