"""/model and /language."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.defaults import SETTINGS
from tests.unit.engines.llm.test_switch import Model
from voicecli.engines.llm.select import AvailableModel, AvailableModels, Opened, settings_with
from voicecli.errors import BackendUnavailable, SettingsError
from voicecli.settings.model import LlmSettings
from voicecli.slash.engines import LanguageCommand, ModelCommand

HERE = AvailableModel("small", "embedded", "embedded")
THERE = AvailableModel("large", "openai", "127.0.0.1:30000")
BOTH = AvailableModels((HERE, AvailableModel("small", "openai", "127.0.0.1:30000"), THERE), ("Ollama does not answer",))


@dataclass
class Models:
    """Has `small` embedded; takes what it is told, or fails."""

    settings: LlmSettings = SETTINGS.llm
    opened: Opened = field(default_factory=lambda: Opened(Model("small"), "", 4096, backend="embedded", asked="small"))
    failing: Exception | None = None
    loading: asyncio.Event | None = None

    async def switch(self, settings: LlmSettings) -> Opened:
        if self.loading:
            await self.loading.wait()
        if self.failing:
            raise self.failing
        self.settings = settings
        name = settings.model if settings.backend == "openai" else settings.embedded_model
        backend = settings.backend
        assert backend != "auto"
        self.opened = Opened(Model(name), "", 4096, backend=backend, asked=name)
        return self.opened


def context(models: Models, *arguments: str, choices: AvailableModels | Exception = BOTH) -> list[object]:
    reported: list[object] = []

    async def asked() -> AvailableModels:
        if isinstance(choices, Exception):
            raise choices
        return choices

    async def run() -> None:
        tasks: list[asyncio.Task[None]] = []

        def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            tasks.append(asyncio.ensure_future(work))
            return tasks[-1]

        command = ModelCommand(models, asked, lambda *changed: reported.append(changed), reported.append, start)
        reported.extend([await command.model(argument) for argument in arguments])
        await asyncio.sleep(0)
        if models.loading:
            models.loading.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())
    return [one for one in reported if one]


def test_a_model_is_taken_and_reported_when_it_is_there() -> None:
    models = Models()
    assert context(models, "large") == [("large", "large answers from the next question on.")]
    assert (models.settings.backend, models.settings.model) == ("openai", "large")


def test_the_one_that_answers_is_not_loaded_again() -> None:
    models = Models(failing=AssertionError("loaded"))
    assert context(models, "small") == ["small answers already."]


def test_one_after_the_other() -> None:
    models = Models(loading=asyncio.Event())
    reported = context(models, "large", "", "small")
    assert reported[0] == "large is still being loaded: one after the other."
    assert "small answers. There are:" in str(reported[1])
    assert models.opened.asked == "large"
    assert context(models, "small")[-1] == ("small", "small answers from the next question on.")


def test_a_failure_says_why_and_who_goes_on() -> None:
    failing = BackendUnavailable("127.0.0.1:30000 does not answer", "Start the server.")
    reported = context(Models(failing=failing), "large")
    assert reported == ["127.0.0.1:30000 does not answer. Start the server. small goes on answering."]


def test_a_name_that_is_not_known_is_reported_with_the_nearest_first() -> None:
    (reported,) = context(Models(), "larg")
    assert str(reported).startswith("There is no language model 'larg'. available: large, small, small; Ollama")


def test_the_list_says_where_each_runs() -> None:
    assert context(Models(), "") == [
        "small answers. There are:\n"
        "small  embedded\n"
        "small  127.0.0.1:30000\n"
        "large  127.0.0.1:30000\n"
        "Ollama does not answer."
    ]
    assert context(Models(), "", choices=OSError("disk")) == ["That failed: OSError: disk"]


def test_of_two_of_a_name_the_one_of_the_present_back_end_is_meant() -> None:
    assert BOTH.find("small", "openai").backend == "openai"
    assert BOTH.find("small", "ollama") == HERE
    assert (
        AvailableModels((AvailableModel("qwen:latest", "ollama", "Ollama"),)).find("qwen", "ollama").name
        == "qwen:latest"
    )
    assert settings_with(SETTINGS.llm, AvailableModel("qwen", "ollama", "")).ollama_model == "qwen"


def test_a_file_of_the_users_is_a_model_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    with pytest.raises(SettingsError, match="no language model"):
        BOTH.find(str(file), "openai")
    file.touch()
    assert BOTH.find(str(file), "openai") == AvailableModel(str(file), "embedded", "embedded")
    with pytest.raises(SettingsError) as raised:
        AvailableModels(()).find("x", "openai")
    assert "download-models" in raised.value.hint


@dataclass
class Languages:
    wanted: str = "en"
    voice_status: str = "English: af_heart speaks."

    def set_language(self, wanted: str) -> str:
        if wanted not in ("en", "de", "auto"):
            raise SettingsError(f"no language {wanted!r}")
        self.wanted = wanted
        return f"now {wanted}"


def test_languages() -> None:
    command = LanguageCommand(languages := Languages(), ("en", "de"))
    reported = "The language is set to en. English: af_heart speaks. There are: auto, de, en."
    assert asyncio.run(command.language("")) == reported
    assert asyncio.run(command.language("DE")) == "now de"
    assert languages.wanted == "de"
    with pytest.raises(SettingsError):
        asyncio.run(command.language("dd"))
