"""A download in a process of its own: real clients, local servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.models.stage import Web, build_wheel, manifest, model, pinned, serving, sha256, source
from voicecli.errors import ModelMissing
from voicecli.models.download import DownloadEvent, Finished, ModelReady, Progress, SourceSkipped
from voicecli.models.download_process import REPORT_EVERY_S, download_beside, event_of, line_of, sparing
from voicecli.models.http import Hosts, reachable_hosts
from voicecli.models.manifest import Model
from voicecli.models.store import ModelStore
from voicecli.models.upgrade import Memory
from voicecli.models.upgrade_memory import keeping_speed, load_memory, save_memory

WEIGHTS = bytes(range(256)) * 1024
HELD = 100_000


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A hub that sends the first bytes and then waits."""
    with serving() as web:
        web.hub_file("me/tiny", "abc", "a.bin", WEIGHTS, {"X-Linked-Etag": f'"{sha256(WEIGHTS)}"'})
        web.hold_at = HELD
        monkeypatch.setenv("HF_ENDPOINT", web.base)
        yield web


def tiny() -> Model:
    return manifest(model("tiny", source("hub", "me/tiny@abc", pinned("a.bin", WEIGHTS)))).find("tiny")


def complete(root: Path) -> bool:
    return ModelStore(
        root, manifest(model("tiny", source("hub", "me/tiny@abc", pinned("a.bin", WEIGHTS))))
    ).is_complete("tiny")


async def some_of_it(root: Path, web: Web) -> asyncio.Task[None]:
    """Begin a download and return once bytes have come."""
    begun = asyncio.Event()

    def on_event(event: DownloadEvent) -> None:
        if isinstance(event, Progress) and event.done_bytes:
            begun.set()

    task = asyncio.create_task(download_beside(tiny(), root, on_event))
    await begun.wait()
    return task


def test_a_canceled_download_goes_on_where_it_stopped(tmp_path: Path, hub: Web) -> None:
    async def cancel_then_resume() -> list[DownloadEvent]:
        task = await some_of_it(tmp_path, hub)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not complete(tmp_path)
        hub.hold_at = None
        hub.requests.clear()
        events: list[DownloadEvent] = []
        await download_beside(tiny(), tmp_path, events.append)
        return events

    events = asyncio.run(cancel_then_resume())
    (asked,) = hub.ranges("/store/a.bin")
    assert 0 < int(asked.removeprefix("bytes=").removesuffix("-")) <= HELD
    assert events[-1] == ModelReady("tiny", "hub me/tiny", len(WEIGHTS))
    assert complete(tmp_path)


def test_a_failure_is_raised_with_its_reasons(tmp_path: Path, hub: Web) -> None:
    hub.redirects.clear()
    with pytest.raises(ModelMissing, match=r"hub me/tiny: a\.bin: HTTP 404"):
        asyncio.run(download_beside(tiny(), tmp_path, lambda event: None))


def test_packages_of_a_registry_are_got_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_wheel(tmp_path / "wheels", "tiny", "1.0", {"tiny/a.bin": WEIGHTS})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    packed = manifest(model("tiny", source("pypi", "tiny==1.0", pinned("a.bin", WEIGHTS, "tiny/a.bin")))).find("tiny")
    asyncio.run(download_beside(packed, tmp_path / "models", lambda event: None))
    assert complete(tmp_path / "models")


@pytest.mark.parametrize(
    "event",
    [
        Progress("tiny", "a.bin", "download", 3, None),
        Finished("tiny", "a.bin"),
        SourceSkipped("tiny", "hub me/tiny", "gone"),
        ModelReady("tiny", "hub me/tiny", 3),
    ],
)
def test_events_survive_the_way_between_the_processes(event: DownloadEvent) -> None:
    assert event_of(json.loads(line_of(event))) == event


def test_few_lines_a_second_tell_the_progress_but_the_last_is_among_them() -> None:
    lines: list[str] = []
    now_s = 0.0
    write = sparing(lines.append, lambda: now_s)
    for done in range(100):
        now_s = done * REPORT_EVERY_S / 10
        write(Progress("tiny", "a.bin", "download", done, 99))
    assert [json.loads(line)["done_bytes"] for line in lines] == [*range(0, 99, 10), 99]


def test_only_hosts_that_answer_are_reachable(hub: Web) -> None:
    assert reachable_hosts(Hosts(hub.base, "http://127.0.0.1:9")) == {"pypi", "npm", "hub"}


class TestMemory:
    def test_is_kept(self, tmp_path: Path) -> None:
        kept = Memory("near", bytes_per_s=5e6)
        save_memory(tmp_path / "models", kept)
        assert load_memory(tmp_path / "models") == kept

    @pytest.mark.parametrize("content", ["", "{", '{"refused": 3}', "[]"])
    def test_is_empty_where_the_file_is_damaged(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "upgrade.json").write_text(content)
        assert load_memory(tmp_path) == Memory()

    @pytest.mark.parametrize(("took_s", "kept"), [(10.0, Memory("near", bytes_per_s=100)), (1.0, Memory("near"))])
    def test_keeps_the_speed_of_downloads_that_took_some_seconds(
        self, tmp_path: Path, took_s: float, kept: Memory
    ) -> None:
        save_memory(tmp_path, Memory("near"))
        times = iter((0.0, took_s))
        shown: list[DownloadEvent] = []
        with keeping_speed(tmp_path, shown.append, lambda: next(times)) as progress:
            for done in (0, 1000):
                progress(Progress("tiny", "a.bin", "download", done, 1000))
        assert load_memory(tmp_path) == kept
        assert len(shown) == 2

    def test_is_empty_at_first(self, tmp_path: Path) -> None:
        assert load_memory(tmp_path) == Memory()
