"""The end-of-turn model is there, or silence alone was asked for: nothing falls back unsaid."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.defaults import LISTEN, SETTINGS
from voicecli.assemble.conversation import conversation_options
from voicecli.assemble.engines import load_end_of_turn
from voicecli.engines.base import EndOfTurn
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import ModelMissing
from voicecli.models.manifest import Manifest
from voicecli.models.store import ModelStore, conversation_models
from voicecli.settings.model import EndpointMode, ListenSettings, Settings
from voicecli.turns.endpoint import MODES

SILENCE = LISTEN.model_copy(update={"endpoint": "silence"})


def with_listen(listen: ListenSettings) -> Settings:
    return SETTINGS.model_copy(update={"listen": listen})


def load(folder: Path, listen: ListenSettings) -> EndOfTurn | None:
    with ThreadWorker("turn") as worker:
        return asyncio.run(load_end_of_turn(worker, ModelStore(folder, Manifest.load()), listen))


def test_a_conversation_needs_it_unless_silence_alone_decides() -> None:
    assert "smart-turn-v3.2" in conversation_models(SETTINGS)
    assert "smart-turn-v3.2" not in conversation_models(with_listen(SILENCE))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        load(tmp_path, LISTEN)


def test_silence_alone_loads_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, SILENCE) is None


@pytest.mark.parametrize("mode", MODES)
def test_rules_know_the_soonest_end(mode: EndpointMode) -> None:
    listen = LISTEN.model_copy(update={"endpoint": mode})
    rules = conversation_options(with_listen(listen), prefill=True)
    assert rules.endpoint == MODES[mode]
    assert rules.wait_s == (MODES[mode].shortest_ms - listen.pause_ms) / 1000


def test_silence_alone_ends_by_its_own_rule() -> None:
    rules = conversation_options(with_listen(SILENCE), prefill=True)
    assert rules.endpoint is None
    assert rules.wait_s == (LISTEN.end_ms - LISTEN.pause_ms) / 1000
