"""Connect an upgrade to the models on disk, the network and the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, partial

from voicecli.app.slash_wiring import CommandContext
from voicecli.app.upgrade import Outside, Upgrade
from voicecli.events import CLOCK
from voicecli.models.download_process import download_beside
from voicecli.models.http import reachable_hosts
from voicecli.models.ladder import Choice, choose
from voicecli.models.machine import this_machine
from voicecli.models.manifest import SourceKind
from voicecli.models.speeds import load_speeds
from voicecli.models.store import ModelStore, installed_models, open_store
from voicecli.models.upgrade import within_reach
from voicecli.models.upgrade_memory import load_memory, save_memory


def make_upgrade(context: CommandContext) -> Upgrade | None:
    """Return what looks for a better model; None where another kind of model answers or the user has chosen one."""
    llm, switch = context.settings.llm, context.switches.model
    if not switch.opened.embedded or llm.model or llm.upgrade == "never" or context.settings.models.offline:
        return None
    store = open_store(context.settings)
    candidates = Candidates(store, context.settings.stt.language)

    async def choose_without(names: Collection[str]) -> Choice:
        return await asyncio.to_thread(candidates.choose, names)

    async def take_over(name: str) -> str:
        opened = await switch.switch(switch.settings.model_copy(update={"backend": "embedded", "model": name}))
        return opened.model.name

    outside = Outside(
        choose=choose_without,
        download=lambda model, on_event: download_beside(model, store.root, on_event),
        free_bytes=lambda: this_machine().free_memory_bytes,
        take_over=take_over,
        remember=partial(save_memory, store.root),
    )
    return Upgrade(outside, llm.upgrade, load_memory(store.root), context.show, CLOCK)


@dataclass
class Candidates:
    """The language models that are installed or can be downloaded from here."""

    store: ModelStore
    language: str

    @cached_property
    def hosts(self) -> frozenset[SourceKind]:
        """The hosts that can be reached, as found once."""
        return reachable_hosts()

    def choose(self, without: Collection[str]) -> Choice:
        """Return the choice among the models but those named. Blocks for seconds."""
        installed = installed_models(self.store, "llm")
        known = [model for model in self.store.manifest.model if model.kind == "llm" and model.name not in without]
        near = {model.name for model in within_reach(known, self.hosts)}.union(installed)
        models = [model for model in known if model.name in near]
        return choose(models, this_machine(), load_speeds(self.store.root), installed, self.language)
