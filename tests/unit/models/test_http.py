"""Downloads from a real HTTP server on this machine, with broken connections."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.models.stage import Web, git_blob_id, manifest, model, pinned, serving, sha256, source
from voicecli.errors import ModelMissing
from voicecli.models import http as fetch_http
from voicecli.models.download import DownloadEvent, ModelReady, SourceSkipped, download
from voicecli.models.http import ATTEMPTS, Hosts
from voicecli.models.store import DIGESTS_FILE, ModelStore

WEIGHTS = bytes(range(256)) * 4096
WORDS = b'{"hello": 1}'
RELEASED = model("tiny", source("github", "me/tiny@v1", pinned("a.bin", WEIGHTS)))
ON_HUB = model("unpinned", source("hub", "me/unpinned@abc", '{ name = "a.bin" }', '{ name = "words.json" }'))
STORED = "/store/a.bin"


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        web.release("me/tiny", "v1", "a.bin", WEIGHTS)
        yield web


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", manifest(RELEASED, ON_HUB))


def fetch(store: ModelStore, web: Web, *names: str) -> list[DownloadEvent]:
    reported: list[DownloadEvent] = []
    models = [store.manifest.find(name) for name in names]
    download(models, store, progress=reported.append, hosts=Hosts(hub=web.base, github=web.base))
    return reported


def on_disk(store: ModelStore, name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.folder(name).iterdir()}


def test_a_release_arrives_whole(store: ModelStore, web: Web) -> None:
    reported = fetch(store, web, "tiny")
    assert on_disk(store, "tiny") == {"a.bin": WEIGHTS}
    assert reported[-1] == ModelReady("tiny", "github me/tiny@v1", len(WEIGHTS))
    store.verify("tiny")


def test_a_cut_line_is_taken_up_where_it_broke(store: ModelStore, web: Web) -> None:
    web.cuts = [300_000, 200_000] + [1] * ATTEMPTS
    fetch(store, web, "tiny")
    assert on_disk(store, "tiny") == {"a.bin": WEIGHTS}
    assert web.ranges(STORED) == [
        "",
        *(f"bytes={at}-" for at in (300_000, 500_000, 500_001, 500_002, 500_003, 500_004)),
    ]


def test_a_cut_run_never_counts_and_the_next_run_resumes_it(store: ModelStore, web: Web) -> None:
    web.cuts = [300_000] + [0] * ATTEMPTS
    with pytest.raises(ModelMissing, match=r"a\.bin: the connection keeps breaking"):
        fetch(store, web, "tiny")
    assert set(on_disk(store, "tiny")) == {"a.bin.part"}
    assert not store.is_complete("tiny")
    web.requests.clear()
    fetch(store, web, "tiny")
    assert web.ranges(STORED) == ["bytes=300000-"]
    assert on_disk(store, "tiny") == {"a.bin": WEIGHTS}


def test_a_server_that_knows_no_ranges_makes_it_restart(store: ModelStore, web: Web) -> None:
    web.cuts, web.honours_range = [300_000], False
    fetch(store, web, "tiny")
    assert on_disk(store, "tiny") == {"a.bin": WEIGHTS}


@pytest.mark.parametrize("left", [b"not the beginning", WEIGHTS + b"too much", WEIGHTS.swapcase()])
def test_a_part_that_is_no_beginning_of_the_file_is_dropped(store: ModelStore, web: Web, left: bytes) -> None:
    store.folder("tiny").mkdir(parents=True)
    (store.folder("tiny") / "a.bin.part").write_bytes(left)
    fetch(store, web, "tiny")
    assert on_disk(store, "tiny") == {"a.bin": WEIGHTS}


def test_a_finished_part_needs_no_second_transfer(store: ModelStore, web: Web) -> None:
    store.folder("tiny").mkdir(parents=True)
    (store.folder("tiny") / "a.bin.part").write_bytes(WEIGHTS)
    fetch(store, web, "tiny")
    assert web.ranges(STORED) == []
    assert on_disk(store, "tiny") == {"a.bin": WEIGHTS}


def test_wrong_bytes_are_named_and_refused(store: ModelStore, web: Web) -> None:
    wrong = WEIGHTS[::-1]
    web.files[STORED] = wrong
    with pytest.raises(ModelMissing) as caught:
        fetch(store, web, "tiny")
    assert (
        f"a.bin: wrong bytes: expected sha256 {sha256(WEIGHTS)[:12]}…, got {sha256(wrong)[:12]}…"
        in caught.value.message
    )
    assert on_disk(store, "tiny") == {}


def test_a_file_that_is_not_there_is_named(store: ModelStore, web: Web) -> None:
    web.redirects.clear()
    with pytest.raises(ModelMissing, match=r"github me/tiny@v1: a\.bin: HTTP 404"):
        fetch(store, web, "tiny")


class TestHubDigests:
    """The manifest leaves the digest to the hub."""

    @pytest.fixture
    def hub(self, web: Web) -> Web:
        web.hub_file("me/unpinned", "abc", "a.bin", WEIGHTS, {"X-Linked-Etag": f'"{sha256(WEIGHTS)}"', "ETag": '"x"'})
        web.hub_file("me/unpinned", "abc", "words.json", WORDS, {"ETag": f'W/"{git_blob_id(WORDS)}"'})
        return web

    def test_are_checked_and_kept_for_later(self, store: ModelStore, hub: Web) -> None:
        fetch(store, hub, "unpinned")
        assert set(on_disk(store, "unpinned")) == {"a.bin", "words.json", DIGESTS_FILE}
        store.verify("unpinned")
        (store.folder("unpinned") / "words.json").write_bytes(WORDS.upper())
        with pytest.raises(ModelMissing, match=r"wrong bytes in words\.json"):
            store.verify("unpinned")

    @pytest.mark.parametrize(("name", "content"), [("a.bin", WEIGHTS[::-1]), ("words.json", WORDS.upper())])
    def test_refuse_other_bytes(self, store: ModelStore, hub: Web, name: str, content: bytes) -> None:
        hub.files[f"/store/{name}"] = content
        with pytest.raises(ModelMissing, match=rf"{name}: wrong bytes"):
            fetch(store, hub, "unpinned")
        assert name not in on_disk(store, "unpinned")

    def test_are_required(self, store: ModelStore, hub: Web) -> None:
        hub.hub_file("me/unpinned", "abc", "words.json", WORDS, {"ETag": '"an opaque tag"'})
        with pytest.raises(ModelMissing, match=r"words\.json: the hub names no digest"):
            fetch(store, hub, "unpinned")

    def test_let_a_cut_file_be_resumed(self, store: ModelStore, hub: Web) -> None:
        hub.files["/store/words.json"] = WORDS
        hub.cuts = [5, 5]
        fetch(store, hub, "unpinned")
        store.verify("unpinned")


class TestUnreachable:
    @pytest.fixture
    def nowhere(self) -> str:
        """An address at which nobody listens."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            return f"http://127.0.0.1:{taken.getsockname()[1]}"

    def test_the_next_source_is_used_and_the_reason_reported(self, tmp_path: Path, web: Web, nowhere: str) -> None:
        both = model(
            "both",
            source("hub", "me/both@abc", pinned("a.bin", WEIGHTS)),
            source("github", "me/tiny@v1", pinned("a.bin", WEIGHTS)),
        )
        store = ModelStore(tmp_path, manifest(both))
        reported: list[DownloadEvent] = []
        download(store.manifest.model, store, progress=reported.append, hosts=Hosts(nowhere, web.base))
        (skipped,) = [event for event in reported if isinstance(event, SourceSkipped)]
        assert (skipped.model, skipped.source) == ("both", "hub me/both")
        assert skipped.reason.startswith("127.0.0.1 cannot be reached")
        assert store.is_complete("both")

    def test_a_host_that_stays_silent_is_given_up(
        self, tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fetch_http, "PROBE_TIMEOUT_S", 0.1)
        store = ModelStore(tmp_path, manifest(RELEASED))
        with socket.create_server(("127.0.0.1", 0)) as silent:
            hosts = Hosts(github=f"http://127.0.0.1:{silent.getsockname()[1]}")
            with pytest.raises(ModelMissing, match=r"127\.0\.0\.1 does not answer"):
                download(store.manifest.model, store, hosts=hosts)

    def test_all_reasons_are_listed_when_nothing_is_left(self, tmp_path: Path, nowhere: str) -> None:
        both = model(
            "both",
            source("hub", "me/both@abc", pinned("a.bin", WEIGHTS)),
            source("github", "me/both@v1", pinned("a.bin", WEIGHTS)),
        )
        store = ModelStore(tmp_path, manifest(both))
        with pytest.raises(ModelMissing) as caught:
            download(store.manifest.model, store, hosts=Hosts(nowhere, nowhere))
        lines = caught.value.message.splitlines()
        assert lines[0] == "both could not be downloaded:"
        assert [line.split(":")[0].strip() for line in lines[1:]] == ["hub me/both", "github me/both@v1"]
        assert caught.value.hint

    def test_a_host_is_asked_once_for_all_models(self, tmp_path: Path, web: Web) -> None:
        web.release("me/tiny", "v1", "b.bin", WORDS)
        models = [
            model(name, source("github", "me/tiny@v1", pinned(f"{name}.bin", content)))
            for name, content in (("a", WEIGHTS), ("b", WORDS))
        ]
        store = ModelStore(tmp_path, manifest(*models))
        download(store.manifest.model, store, hosts=Hosts(github=web.base))
        assert [request for request in web.requests if request[0] == "HEAD"] == [("HEAD", "/", "")]


def test_one_failing_model_does_not_stop_the_others(store: ModelStore, web: Web) -> None:
    with pytest.raises(ModelMissing) as caught:
        fetch(store, web, "unpinned", "tiny")
    assert "unpinned" in caught.value.message
    assert "tiny" not in caught.value.message
    assert store.is_complete("tiny")


def test_offline_asks_nobody(store: ModelStore, web: Web) -> None:
    with pytest.raises(ModelMissing, match="offline, and not installed: tiny"):
        download([store.manifest.find("tiny")], store, offline=True, hosts=Hosts(web.base, web.base))
    assert web.requests == []


def test_a_complete_model_asks_nobody(store: ModelStore, web: Web) -> None:
    fetch(store, web, "tiny")
    web.requests.clear()
    assert fetch(store, web, "tiny") == []
    download([store.manifest.find("tiny")], store, offline=True)
    assert web.requests == []


def test_a_model_that_cannot_be_written_is_named(store: ModelStore, web: Web) -> None:
    store.root.mkdir()
    store.folder("tiny").write_text("a file where the folder should be")
    with pytest.raises(ModelMissing, match="tiny: cannot write to .*tiny: File exists"):
        fetch(store, web, "tiny")


def test_a_folder_that_cannot_be_written_is_named(store: ModelStore, web: Web) -> None:
    store.root.parent.mkdir(exist_ok=True)
    store.root.write_text("a file where the folder should be")
    with pytest.raises(ModelMissing, match="cannot write models to") as caught:
        fetch(store, web, "tiny")
    assert "--dir" in caught.value.hint
