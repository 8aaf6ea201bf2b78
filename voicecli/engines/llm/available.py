"""Which language models could answer: those on this disk, and those of the servers that answer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from voicecli.engines.llm.select import LOOK_S, Backend, place
from voicecli.errors import BackendUnavailable, SettingsError
from voicecli.network import is_loopback
from voicecli.settings.model import LlmSettings


@dataclass(frozen=True, slots=True)
class Choice:
    """A language model that could be taken."""

    name: str
    backend: Backend
    where: str  # for a list


@dataclass(frozen=True, slots=True)
class Choices:
    """All of them, and why there are no more."""

    models: tuple[Choice, ...]
    silent: tuple[str, ...] = ()  # servers that were asked and do not answer

    def find(self, wanted: str, first: Backend) -> Choice:
        """By its name, that of the back end `first` where several have it; or the user's own GGUF file.

        Raises SettingsError with the nearest names first.
        """
        alike = [one for one in self.models if one.name in (wanted, f"{wanted}:latest")]
        if alike:
            return next((one for one in alike if one.backend == first), alike[0])
        file = Path(wanted).expanduser()
        if file.suffix == ".gguf" and file.is_file():
            return Choice(str(file), "embedded", "embedded")
        names = [one.name for one in self.models]
        near = get_close_matches(wanted.lower(), names, n=len(names), cutoff=0) if names else []
        there = f"there are: {', '.join(near)}" if near else "voicecli download-models --list shows what can be had"
        raise SettingsError(f"there is no language model {wanted!r}", "; ".join([there, *self.silent]))


def settings_with(settings: LlmSettings, choice: Choice) -> LlmSettings:
    """By which it is opened."""
    key = {"embedded": "embedded_model", "ollama": "ollama_model", "openai": "model"}[choice.backend]
    return settings.model_copy(update={"backend": choice.backend, key: choice.name})


async def language_models(settings: LlmSettings, installed: Sequence[str]) -> Choices:
    """`installed`: names of the embedded models that are on disk."""
    models = [Choice(name, "embedded", "embedded") for name in installed]
    silent: list[str] = []
    if settings.url:
        try:
            models += await _served(settings)
        except BackendUnavailable as error:
            silent.append(error.message)
    try:
        models += await _of_ollama(settings)
    except BackendUnavailable as error:
        silent += [error.message] if settings.backend == "ollama" else []
    return Choices(tuple(models), tuple(silent))


async def _served(settings: LlmSettings) -> list[Choice]:
    from voicecli.engines.llm import openai as openai_chat

    where, key = place(settings.url), settings.api_key.get_secret_value()
    async with openai_chat.connect(
        settings.url, key, settings.timeout_s, use_proxy=not is_loopback(settings.url)
    ) as client:
        served = await openai_chat.served_models(client, settings.model, where)
    return [Choice(one.name, "openai", where) for one in served]


async def _of_ollama(settings: LlmSettings) -> list[Choice]:
    from voicecli.engines.llm import ollama as ollama_chat

    client = ollama_chat.connect(settings.ollama_url, use_proxy=not is_loopback(settings.ollama_url))
    async with aclosing(ollama_chat.OllamaChat(client, settings, place(settings.ollama_url))) as ollama:
        return [Choice(name, "ollama", "Ollama") for name in await ollama.installed(LOOK_S)]
