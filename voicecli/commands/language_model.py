"""Find the language model that the user has named, and get it if it is not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voicecli.commands.console import confirm, print_note
from voicecli.commands.download_progress import show_downloads, show_pull

if TYPE_CHECKING:
    from voicecli.engines.llm.available import AvailableModels
    from voicecli.settings.model import LlmSettings, Settings
    from voicecli.types import HubRepository


def with_named_model(settings: Settings) -> Settings:
    """Return the settings with the back end that has the language model that they name.

    A model that nobody has is downloaded, or pulled by Ollama; one of the catalog is left to `fetch_missing`.
    Raise SettingsError with the nearest names if there is no such model, ModelMissing if it cannot be downloaded, or
    BackendUnavailable if Ollama cannot get it.
    """
    import asyncio

    from voicecli.engines.llm.available import list_language_models
    from voicecli.engines.llm.model_names import hub_repository
    from voicecli.models.store import catalog_names, open_store

    llm = settings.llm
    if not llm.model or llm.backend == "openai":  # the server is asked when it is opened
        return settings
    own = [] if llm.backend == "ollama" else catalog_names(open_store(settings))
    choices = asyncio.run(list_language_models(llm, own)).of(llm.backend)
    repository = hub_repository(llm.model)
    if found := choices.get(llm.model):
        llm = found.settings(llm)
    elif repository:
        llm = from_hub(settings, repository, choices)
    else:
        llm = from_ollama(settings, choices)
    return settings.model_copy(update={"llm": llm})


def from_hub(settings: Settings, repository: HubRepository, choices: AvailableModels) -> LlmSettings:
    """Get a model of the hub: through Ollama if it runs, or else into the models folder."""
    from voicecli.models.hub import fetch_from_hub, on_disk
    from voicecli.models.store import open_store

    llm, store, offline = settings.llm, open_store(settings), settings.models.offline
    file = on_disk(store, repository) if llm.backend != "ollama" else None
    if file is None and choices.ollama_url and llm.backend != "embedded" and not offline:
        pull(choices.ollama_url, repository.name)
        return llm.model_copy(update={"backend": "ollama", "ollama_url": choices.ollama_url, "model": repository.name})
    if llm.backend == "ollama":
        raise choices.unknown(llm.model)
    if file is None:
        with show_downloads() as progress:
            file = fetch_from_hub(store, repository, progress, offline=offline)
    return llm.model_copy(update={"backend": "embedded", "model": str(file)})


def from_ollama(settings: Settings, choices: AvailableModels) -> LlmSettings:
    """Ask whether Ollama should get a model that nobody has, and let it. Raise SettingsError if it is not wanted."""
    from voicecli.engines.llm.model_names import is_tag

    llm, refusal = settings.llm, choices.unknown(settings.llm.model)
    may_pull = choices.ollama_url and not settings.models.offline
    if not may_pull or not (llm.backend == "ollama" or (llm.backend == "auto" and is_tag(llm.model))):
        raise refusal
    print_note(f"Ollama does not have {llm.model}; {refusal.hint.partition(';')[0]}.")
    if not confirm(f"Let Ollama download {llm.model}?", f"ollama pull {llm.model}", default=True):
        raise refusal
    pull(choices.ollama_url, llm.model)
    return llm.model_copy(update={"backend": "ollama", "ollama_url": choices.ollama_url})


def pull(url: str, name: str) -> None:
    """Let Ollama download a model, with a bar. Raise BackendUnavailable if it cannot."""
    import asyncio

    from voicecli.engines.llm.ollama import connect
    from voicecli.engines.llm.ollama import pull as pull_model
    from voicecli.network import is_loopback

    async def run() -> None:
        client = connect(url, use_proxy=not is_loopback(url))
        try:
            with show_downloads() as progress:
                await pull_model(client, name, show_pull(name, progress))
        finally:
            await client.close()  # type: ignore[no-untyped-call]  # the library has no type for it

    asyncio.run(run())
    print_note(f"{name}: ready in Ollama")
