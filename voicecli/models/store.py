"""The models on disk: which are complete, where they are, and whether their bytes are right.

<root>/<model name>/<file name>      an installed file; `*.part` is an unfinished download and is ignored
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from voicecli.errors import ModelMissing
from voicecli.models.ladder import Choice, choose, needed_bytes, rungs
from voicecli.models.machine import this_machine
from voicecli.models.manifest import Entry, Manifest, Model, Sha256, Source, SourceFile
from voicecli.models.scores import load_scores, with_own_scores
from voicecli.models.speeds import load_speeds, recorder
from voicecli.settings.model import ListenSettings, LlmSettings, Settings
from voicecli.types import GgufFile, Sampling

State = Literal["installed", "incomplete", "absent"]

DIGESTS_FILE = "digests.json"
"""Beside a model whose manifest entry pins no digests: those that its hub named at the time of the download."""
_CHUNK_BYTES = 1 << 20


class _HubDigest(Entry):
    size: int
    sha256: Sha256


_HUB_DIGESTS = TypeAdapter(dict[str, _HubDigest])


class ModelStore:
    """Models under one folder. A model counts as complete by the sizes of its files; `verify` reads every byte."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.manifest = manifest

    def folder(self, name: str) -> Path:
        """Return the folder of the model, which may not exist."""
        return self.root / self.manifest.find(name).name

    def path(self, name: str) -> Path:
        """Return the folder of a complete model. Raise ModelMissing that names absent and wrong-sized files."""
        model = self.manifest.find(name)
        if self._source_on_disk(model) is None:
            found = f"lacks {_listed(self.missing(name))}" if self.folder(name).is_dir() else "is not installed"
            raise ModelMissing(f"model {name} {found} in {self.folder(name)}", hint=f"voicecli download-models {name}")
        return self.folder(name)

    def is_complete(self, name: str) -> bool:
        """Return whether every file exists with the right size."""
        return self._source_on_disk(self.manifest.find(name)) is not None

    def state(self, name: str) -> State:
        """Return the state of a model for a list; a folder that lacks files is incomplete."""
        if self.is_complete(name):
            return "installed"
        return "incomplete" if self.folder(name).exists() else "absent"

    def verify(self, name: str) -> None:
        """Hash every file of a complete model. Raise ModelMissing with the files whose bytes are wrong."""
        folder = self.path(name)
        if wrong := self.wrong(name):
            raise ModelMissing(
                f"model {name} in {folder}: wrong bytes in {_listed(wrong)}",
                hint=f"voicecli download-models --remove {name}, then download it again",
            )

    def digest(self, name: str) -> str:
        """Return the SHA-256 of the largest file from the manifest or the hub. Raise ModelMissing if incomplete."""
        self.path(name)
        model = self.manifest.find(name)
        source = self._source_on_disk(model)
        assert source is not None, "path() has just found it"
        named = self._recorded(model)
        known = [(file.size, file.sha256) for file in source.files if file.size and file.sha256]
        known += [(named[file.name].size, named[file.name].sha256) for file in source.files if not file.sha256]
        return max(known)[1]

    def wrong(self, name: str) -> list[str]:
        """Return the files of a complete model whose bytes are wrong. Reads all of them."""
        model = self.manifest.find(name)
        source = self._source_on_disk(model)
        return [file.name for file in source.files if not self.is_right(model, file)] if source else []

    def missing(self, name: str) -> list[str]:
        """Return the files that are absent or of the wrong size, for the source that lacks the fewest."""
        model = self.manifest.find(name)
        lacking = [[f.name for f in source.files if not self._has_size(model, f)] for source in model.source]
        return min(lacking, key=len)

    def bytes_on_disk(self, name: str) -> int:
        """Return the size of a complete model in bytes; 0 if it is not complete."""
        source = self._source_on_disk(self.manifest.find(name))
        return sum((self.folder(name) / file.name).stat().st_size for file in source.files) if source else 0

    def remove(self, name: str) -> bool:
        """Delete the model's folder with its unfinished files. Return False if there was none."""
        folder = self.folder(name)
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
            return True
        if not folder.is_dir():
            return False
        shutil.rmtree(folder)
        return True

    def is_right(self, model: Model, file: SourceFile) -> bool:
        """Return whether the file has the size and SHA-256 that the manifest or the hub names."""
        path = self.folder(model.name) / file.name
        named = self._recorded(model).get(file.name)
        sha256 = file.sha256 or (named.sha256 if named else None)
        return self._has_size(model, file) and sha256 == sha256_of(path)

    def record(self, model: Model, file: SourceFile, sha256: str) -> None:
        """Keep the digest that the hub named for a file that the manifest does not pin."""
        folder = self.folder(model.name)
        known = self._recorded(model) | {file.name: _HubDigest(size=(folder / file.name).stat().st_size, sha256=sha256)}
        fresh = folder / f"{DIGESTS_FILE}.part"
        fresh.write_bytes(_HUB_DIGESTS.dump_json(known, indent=2))
        fresh.replace(folder / DIGESTS_FILE)

    def _recorded(self, model: Model) -> dict[str, _HubDigest]:
        try:
            return _HUB_DIGESTS.validate_json((self.folder(model.name) / DIGESTS_FILE).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return {}

    def _source_on_disk(self, model: Model) -> Source | None:
        for source in model.source:
            if all(self._has_size(model, file) for file in source.files):
                return source
        return None

    def _has_size(self, model: Model, file: SourceFile) -> bool:
        size = file.size
        if file.sha256 is None:
            named = self._recorded(model).get(file.name)
            size = named.size if named else None
        try:
            return size is not None and (self.folder(model.name) / file.name).stat().st_size == size
        except (FileNotFoundError, NotADirectoryError):
            return False


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    digest = hashlib.sha256()
    for chunk in chunks_of(path):
        digest.update(chunk)
    return digest.hexdigest()


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield the file's bytes, a megabyte at a time."""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def open_store(settings: Settings) -> ModelStore:
    """Return the store in the models folder of the settings."""
    return ModelStore(settings.models_dir, Manifest.load())


def model_folder(store: ModelStore, name: str) -> Path:
    """Return a folder of the user, or that of an installed model. Raise ModelMissing if there is neither."""
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else store.path(name)


def model_file(store: ModelStore, name: str, suffix: str) -> Path:
    """Return a file of the user, or the file with this suffix in an installed model. Raise ModelMissing if absent."""
    file = Path(name).expanduser()
    if file.suffix == suffix and file.is_file():
        return file
    folder = store.path(name)
    found = sorted(folder.glob(f"*{suffix}"))
    if not found:
        raise ModelMissing(f"{folder} holds no {suffix} file", f"voicecli download-models {name}")
    return found[0]


def installed_models(store: ModelStore, kind: str) -> list[str]:
    """Return the names of the installed models of a kind."""
    return [model.name for model in store.manifest.model if model.kind == kind and store.is_complete(model.name)]


def catalog_names(store: ModelStore) -> list[str]:
    """Return the names of the language models that are installed or can be downloaded."""
    return [model.name for model in store.manifest.model if model.kind == "llm"]


def conversation_models(settings: Settings) -> list[str]:
    """Return the names of the models that a conversation needs."""
    names = [settings.stt.model, *voice_models(settings)]
    names += endpoint_models(settings.listen) if settings.listen.judges_pauses else []
    return [*names, *embedded_models(settings)]


def embedded_models(settings: Settings) -> list[str]:
    """Return the name of the embedded language model that may answer; nothing if another back end must."""
    if settings.llm.backend in ("openai", "ollama"):
        return []
    store, wanted = open_store(settings), settings.llm.model
    is_own = wanted in [model.name for model in store.manifest.model] or is_gguf(wanted)
    if settings.llm.backend == "auto" and not is_own:  # the model may be one of a server
        wanted = ""
    return [wanted or chosen_model(store, settings.llm, settings.stt.language)[0]]


def is_gguf(name: str) -> bool:
    """Return whether `name` is the path of a GGUF file of the user."""
    file = Path(name).expanduser()
    return file.suffix == ".gguf" and file.is_file()


def chosen_model(store: ModelStore, llm: LlmSettings, language: str) -> tuple[str, str]:
    """Return the name of the embedded model that suits this machine best, and why.

    Where none fits, the smallest installed one is tried. Where none is installed, it is the manifest's default.
    """
    found = choice_here(store, llm, language)
    if found.use:
        return found.use.name, found.why
    installed = installed_models(store, "llm")
    known = [model for model in rungs(store.manifest.model, language) if model.name in installed]
    smallest = min(known, key=needed_bytes, default=None)
    if smallest:
        return smallest.name, f"{found.why}; the smallest is tried"
    return next(model.name for model in store.manifest.model if model.kind == "llm" and model.default), found.why


def choice_here(store: ModelStore, llm: LlmSettings, language: str, models: Sequence[Model] | None = None) -> Choice:
    """Return the choice among `models`, or all, on this machine, for conversations in a language."""
    known = with_own_scores(store.manifest.model if models is None else models, load_scores(store.root))
    machine, speeds = this_machine(llm.gpu_layers), load_speeds(store.root)
    return choose(known, machine, speeds, installed_models(store, "llm"), language)


def language_model_file(store: ModelStore, settings: Settings, name: str) -> GgufFile:
    """Return the file of an embedded language model; "" means the one that suits this machine.

    Raise SettingsError if the model is unknown, ModelMissing if it is not installed.
    """
    chosen, why = (name, "") if name else chosen_model(store, settings.llm, settings.stt.language)
    path = model_file(store, chosen, ".gguf")
    if is_gguf(chosen):
        return GgufFile(path.stem, path)
    chat = store.manifest.find(chosen).chat
    sampling = Sampling(chat.temperature, chat.repeat_penalty)
    return GgufFile(chosen, path, why, recorder(store.root, chosen), sampling, chat.examples)


def voice_models(settings: Settings) -> list[str]:
    """Return the names of the models that speech output needs."""
    return [settings.tts.model, "kokoro-voices"]


def endpoint_models(settings: ListenSettings) -> list[str]:
    """Return the names of the models that judging pauses needs."""
    return [settings.endpoint_model]
