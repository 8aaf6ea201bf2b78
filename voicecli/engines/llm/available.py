"""List the language models that can be chosen, and find one by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from voicecli.engines.llm.look import look_around
from voicecli.engines.llm.model_names import hub_repository, is_tag, own_file, unknown_model
from voicecli.engines.llm.offers import Offer, Server
from voicecli.errors import BackendUnavailable, SettingsError
from voicecli.network import host_and_port, is_loopback
from voicecli.settings.backends import Backend, OneBackend
from voicecli.settings.model import LlmSettings


@dataclass(frozen=True, slots=True)
class AvailableModel:
    """A language model that can be chosen."""

    name: str
    backend: OneBackend
    where: str  # for a list
    url: str = ""  # of its server

    def settings(self, settings: LlmSettings) -> LlmSettings:
        """Return the settings that open it. The configured key is for the configured server alone."""
        chosen = settings.model_copy(update={"backend": self.backend, "model": self.name})
        match self.backend:
            case "embedded":
                return chosen
            case "ollama":
                return chosen.model_copy(update={"ollama_url": self.url or settings.ollama_url})
            case "openai" if self.url in ("", settings.url):
                return chosen
            case "openai":
                return chosen.model_copy(update={"url": self.url, "api_key": type(settings.api_key)("")})


@dataclass(frozen=True, slots=True)
class AvailableModels:
    """All language models that can be chosen, and the servers that could not be asked."""

    models: tuple[AvailableModel, ...]
    unreachable: tuple[str, ...] = ()  # one message for each server that does not answer
    ollama_url: str = ""  # of an Ollama that answers

    def get(self, wanted: str, first: OneBackend | None = None) -> AvailableModel | None:
        """Return the model of that name, or the user's own GGUF file at that path; None if there is none.

        Prefer the backend `first` where several have the name. Raise SettingsError if it is the path of no file.
        """
        repository = hub_repository(wanted)
        same = {name.removesuffix(":latest").lower() for name in (wanted, repository.name if repository else wanted)}
        matches = [model for model in self.models if model.name.lower() in same]
        if matches:
            return next((model for model in matches if model.backend == first), matches[0])
        file = own_file(wanted)
        return AvailableModel(str(file), "embedded", "embedded") if file else None

    def find(self, wanted: str, first: OneBackend | None = None) -> AvailableModel:
        """Return the model as `get` does. Raise SettingsError with the nearest names if there is none."""
        found = self.get(wanted, first)
        if found is None:
            raise self.unknown(wanted)
        return found

    def of(self, backend: Backend) -> AvailableModels:
        """Return the models of one back end; of all for "auto"."""
        if backend == "auto":
            return self
        return replace(self, models=tuple(model for model in self.models if model.backend == backend))

    def unknown(self, wanted: str) -> SettingsError:
        """Return the error about a model that is not among these, with the nearest of them."""
        notes = list(self.unreachable)
        if hub_repository(wanted):
            notes.append(f"voicecli talk --model {wanted} downloads it")
        elif is_tag(wanted) and not notes:
            notes.append(f"ollama pull {wanted} downloads it" if self.ollama_url else "Ollama does not answer")
        served_first = sorted(self.models, key=lambda model: model.backend == "embedded")
        return unknown_model(wanted, [model.name for model in served_first], notes)


async def list_language_models(settings: LlmSettings, own: Sequence[str]) -> AvailableModels:
    """Return the models of the configured server, of the servers on this machine, and the embedded ones named `own`."""
    servers = await look_around(settings.ollama_url)
    unreachable: list[str] = []
    if settings.url:
        try:
            configured = await _configured(settings)
        except BackendUnavailable as error:
            unreachable.append(error.message)
        else:
            servers = [configured, *(server for server in servers if server.url != configured.url)]
    ollama = next((server for server in servers if server.protocol == "ollama"), None)
    if ollama is None and settings.backend == "ollama":
        unreachable.append(f"Ollama does not answer on {host_and_port(settings.ollama_url)}")
    models = [AvailableModel(name, "embedded", "embedded") for name in own]
    models += [_available(server, offer) for server in servers for offer in server.offers]
    return AvailableModels(tuple(models), tuple(unreachable), ollama.url if ollama else "")


def _available(server: Server, offer: Offer) -> AvailableModel:
    where = server.program or host_and_port(server.url)
    is_loaded = offer.is_loaded and not all(other.is_loaded for other in server.offers)
    notes = [note for note, holds in (("in memory", is_loaded), ("in the cloud", offer.is_remote)) if holds]
    return AvailableModel(offer.name, server.protocol, ", ".join([where, *notes]), server.url)


async def _configured(settings: LlmSettings) -> Server:
    from voicecli.engines.llm import openai as openai_chat

    where = host_and_port(settings.url)
    async with openai_chat.connect_with(settings, use_proxy=not is_loopback(settings.url)) as client:
        offers = await openai_chat.offered_models(client, where)
    return Server("", settings.url, "openai", offers)
