"""`voicecli models info`: gather what is known of the language models here, and measure one if nothing is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.llm.select import Narrate, open_language_model
from voicecli.engines.machine import processor
from voicecli.models.ladder import Assessment, Choice, Machine, Speed, assess, choose, rungs
from voicecli.models.machine import this_machine
from voicecli.models.manifest import Model
from voicecli.models.scores import load_scores, with_own_scores
from voicecli.models.speeds import KeptSpeed, load_kept, load_speeds
from voicecli.models.store import ModelStore, installed_models, language_model_file, open_store
from voicecli.settings.model import Settings
from voicecli.types import Message

MEASURED_TOKENS = 48
"""Tokens of the answer by which a model is measured: a second of the demo's work on two cores."""

QUESTION = "Tell me in a few sentences how a bicycle works, and why it does not fall over while it is moving."


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The language models, and how they suit this machine."""

    machine: Machine
    processor: str
    ladder: tuple[Assessment, ...]  # from the worst to the best for the language of the settings
    installed: frozenset[str]
    choice: Choice
    kept: Mapping[str, KeptSpeed]
    store: ModelStore


def catalogue(settings: Settings) -> Catalogue:
    """Return what is known without loading a model."""
    store, language = open_store(settings), settings.stt.language
    models = with_own_scores(store.manifest.model, load_scores(store.root))
    machine, speeds = this_machine(settings.llm.gpu_layers), load_speeds(store.root)
    installed = installed_models(store, "llm")
    return Catalogue(
        machine,
        processor(),
        tuple(assess(model, models, machine, speeds) for model in rungs(models, language)),
        frozenset(installed),
        choose(models, machine, speeds, installed, language),
        load_kept(store.root),
        store,
    )


def to_measure(found: Catalogue, wanted: Model | None) -> Model | None:
    """Return the installed model to measure: the wanted one, or the one in use if no speed is known; None: no need."""
    speeds: dict[str, Speed] = load_speeds(found.store.root)
    if wanted is None:
        return None if speeds else found.choice.use
    return wanted if wanted.name in found.installed and wanted.name not in speeds else None


def measure(settings: Settings, model: Model, narrate: Narrate) -> None:
    """Let an installed model answer a question; its speed is then kept. Raise EngineError or ModelMissing."""
    sleep_while_waiting()
    asyncio.run(_answer(settings, model, narrate))


async def _answer(settings: Settings, model: Model, narrate: Narrate) -> None:
    changes = {"backend": "embedded", "model": model.name, "max_answer_tokens": MEASURED_TOKENS}
    llm = settings.llm.model_copy(update=changes)
    file = partial(language_model_file, open_store(settings), settings)
    messages = [Message("system", settings.llm.system_prompt.strip()), Message("user", QUESTION)]
    async with open_language_model(llm, file, narrate) as opened:
        async for _ in opened.model.reply(messages):
            pass
