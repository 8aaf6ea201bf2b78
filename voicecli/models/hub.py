"""Language models of any repository of the Hugging Face hub: find the files, and download them as other models."""

from __future__ import annotations

from pathlib import Path

import httpx
from pydantic import ValidationError

from voicecli.errors import ModelMissing
from voicecli.models.download import OnEvent, download
from voicecli.models.http import Hosts, hub_headers
from voicecli.models.hub_choice import choose_files, is_whole, listed_files
from voicecli.models.manifest import Manifest, Model, Source, SourceFile
from voicecli.models.store import ModelStore
from voicecli.types import HubRepository

LIST_TIMEOUT_S = 10.0


def fetch_from_hub(
    store: ModelStore,
    repository: HubRepository,
    progress: OnEvent,
    *,
    offline: bool,
    hosts: Hosts | None = None,
) -> Path:
    """Return the GGUF file of a repository, or the first of its parts; download it unless it is here.

    Raise ModelMissing if it cannot be downloaded, or may not be; SettingsError if the repository lacks it.
    """
    if there := on_disk(store, repository):
        return there
    if offline:
        raise ModelMissing(f"offline, and not installed: {repository.name}", "once online, repeat it")
    model = _model_of(repository, hosts or Hosts())
    extended = ModelStore(store.root, Manifest(model=(*store.manifest.model, model)))
    download([model], extended, "hub", progress=progress, hosts=hosts)
    found = on_disk(store, repository)
    assert found is not None, "the download has just ended"
    return found


def on_disk(store: ModelStore, repository: HubRepository) -> Path | None:
    """Return the GGUF file of a repository, or the first of its parts, if all of it is downloaded."""
    files = sorted((store.root / repository.folder).glob("*.gguf"))
    return files[0] if is_whole([file.name for file in files]) else None


def _model_of(repository: HubRepository, hosts: Hosts) -> Model:
    """Return the repository's files as an entry of the manifest, with the digests that the hub names."""
    where = f"{repository.owner}/{repository.repo}"
    files = listed_files(_tree(where, hosts))
    paths = choose_files(files, repository.quantization, named=repository.is_named, repository=where)
    try:
        listed = tuple(
            SourceFile(name=path.rpartition("/")[2], size=files[path][0], sha256=files[path][1], parts=(path,))
            for path in paths
        )
        source = Source(kind="hub", origin=f"{where}@main", files=listed)
        return Model(name=repository.folder, kind="own", license="", about="from the hub", source=(source,))
    except ValidationError as error:
        raise ModelMissing(f"the hub's list of {where} cannot be used: {error.errors()[0]['msg']}") from error


def _tree(where: str, hosts: Hosts) -> object:
    url = f"{hosts.base('hub')}/api/models/{where}/tree/main"
    try:
        answer = httpx.get(
            url, params={"recursive": "true"}, headers=hub_headers(), timeout=LIST_TIMEOUT_S, follow_redirects=True
        )
        answer.raise_for_status()
        tree: object = answer.json()
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        hint = "check the name; a gated one needs `hf auth login`" if status in (401, 403, 404) else "try again later"
        raise ModelMissing(f"the hub does not give {where} (HTTP {status})", hint) from error
    except (httpx.TransportError, ValueError) as error:
        host = httpx.URL(url).host
        raise ModelMissing(f"{where} cannot be looked up: {host} cannot be reached", "check the network") from error
    return tree
