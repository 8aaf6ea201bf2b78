"""Language models of any repository of the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.models.stage import Web, manifest, model, pinned, serving, sha256, source
from voicecli.errors import ModelMissing, SettingsError
from voicecli.models.download import DownloadEvent
from voicecli.models.http import Hosts
from voicecli.models.hub import fetch_from_hub, on_disk
from voicecli.models.hub_choice import choose_files, is_whole, listed_files, quantization_of
from voicecli.models.store import ModelStore
from voicecli.types import HubRepository

REPO = HubRepository("me", "Mine-GGUF", "Q4_K_M")


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path, manifest(model("other", source("hub", "a/b@main", pinned("a.gguf", b"x")))))


def offer(web: Web, **files: bytes) -> None:
    """The hub lists these files of the repository, and has them. `__` stands for a dot, `--` for a slash."""
    tree: list[dict[str, Any]] = [{"type": "file", "path": "README.md", "size": 3}]
    for name, content in files.items():
        path = name.replace("__", ".")
        tree.append({"type": "file", "path": path, "size": 9, "lfs": {"oid": sha256(content), "size": len(content)}})
        web.hub_file("me/Mine-GGUF", "main", path, content, {})
    web.files["/api/models/me/Mine-GGUF/tree/main?recursive=true"] = json.dumps(tree).encode()


def fetched(store: ModelStore, web: Web, repository: HubRepository = REPO, *, offline: bool = False) -> Path:
    events: list[DownloadEvent] = []
    return fetch_from_hub(store, repository, events.append, offline=offline, hosts=Hosts(hub=web.base))


def test_the_usual_quantization_is_downloaded_once(store: ModelStore, web: Web) -> None:
    offer(web, mine_Q8_0__gguf=b"large", mine_Q4_K_M__gguf=b"small", mmproj_Q4_K_M__gguf=b"eyes")
    file = fetched(store, web)
    assert file == store.root / REPO.folder / "mine_Q4_K_M.gguf"
    assert file.read_bytes() == b"small"
    asked = len(web.requests)
    assert fetched(store, web, offline=True) == file
    assert len(web.requests) == asked


def test_a_cut_download_is_resumed(store: ModelStore, web: Web) -> None:
    offer(web, mine_Q4_K_M__gguf=b"0123456789")
    web.cuts += [1000, 4, 3]  # the list is whole
    assert fetched(store, web).read_bytes() == b"0123456789"
    assert "bytes=4-" in web.ranges("/store/mine_Q4_K_M.gguf")


def test_other_bytes_than_the_hub_names_are_refused(store: ModelStore, web: Web) -> None:
    offer(web, mine_Q4_K_M__gguf=b"right")
    web.files["/store/mine_Q4_K_M.gguf"] = b"wrong"
    with pytest.raises(ModelMissing, match="wrong bytes"):
        fetched(store, web)
    assert on_disk(store, REPO) is None


def test_what_cannot_be_had_is_said(store: ModelStore, web: Web) -> None:
    with pytest.raises(ModelMissing, match="offline, and not installed: hf.co/me/Mine-GGUF"):
        fetched(store, web, offline=True)
    with pytest.raises(ModelMissing, match="does not give me/Mine-GGUF .HTTP 404.") as caught:
        fetched(store, web)
    assert "check the name" in caught.value.hint
    offer(web)
    with pytest.raises(SettingsError, match="has no GGUF files"):
        fetched(store, web)
    web.files["/api/models/me/Mine-GGUF/tree/main?recursive=true"] = json.dumps(
        [{"path": "a-Q4_K_M.gguf", "lfs": {"oid": "short", "size": 3}}]
    ).encode()
    with pytest.raises(ModelMissing, match="cannot be used"):
        fetched(store, web)
    web.files["/api/models/me/Mine-GGUF/tree/main?recursive=true"] = b"<html>"
    with pytest.raises(ModelMissing, match="cannot be looked up"):
        fetched(store, web)


@pytest.mark.parametrize(
    ("path", "quantization"),
    [
        ("Qwen3-4B-Q4_K_M.gguf", "Q4_K_M"),
        ("qwen2.5-7b-instruct-q8_0.gguf", "Q8_0"),
        ("Q5_K_S/big-Q5_K_S-00001-of-00002.gguf", "Q5_K_S"),
        ("Qwen3-4B-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"),
        ("gemma-IQ4_XS.gguf", "IQ4_XS"),
        ("gpt-oss-20b-MXFP4.gguf", "MXFP4"),
        ("model.BF16.gguf", "BF16"),
        ("model.gguf", ""),
    ],
)
def test_quantizations_are_known_by_names(path: str, quantization: str) -> None:
    assert quantization_of(path) == quantization


def test_files_are_chosen_by_quantization() -> None:
    paths = ["a-Q8_0.gguf", "a-Q4_0.gguf", "README.md", "mmproj-F16.gguf"]
    assert choose_files(paths, "Q8_0", named=True, repository="r") == ["a-Q8_0.gguf"]
    assert choose_files(paths, "Q4_K_M", named=False, repository="r") == ["a-Q4_0.gguf"]
    assert choose_files(["model.gguf"], "Q4_K_M", named=False, repository="r") == ["model.gguf"]
    with pytest.raises(SettingsError, match="r has no Q4_K_M") as caught:
        choose_files(paths, "Q4_K_M", named=True, repository="r")
    assert caught.value.hint == "it has: Q4_0, Q8_0"
    with pytest.raises(SettingsError) as caught:
        choose_files(["model.gguf"], "Q4_K_M", named=True, repository="r")
    assert caught.value.hint == ""


def test_all_parts_of_one_model_are_chosen() -> None:
    parts = [f"big-Q4_K_M-0000{number}-of-00002.gguf" for number in (1, 2)]
    other = "other-Q4_K_M-00001-of-00001.gguf"
    assert choose_files([other, *reversed(parts)], "Q4_K_M", named=True, repository="r") == parts
    assert [is_whole(names) for names in ([], parts[:1], parts, ["a.gguf"])] == [False, False, True, True]


@given(st.lists(st.text(alphabet="aQ4_KM0-./gufof", max_size=20).map(lambda text: f"{text}.gguf")), st.booleans())
def test_what_is_chosen_is_there(paths: list[str], named: bool) -> None:
    try:
        chosen = choose_files(paths, "Q4_K_M", named=named, repository="r")
    except SettingsError:
        return
    assert chosen
    assert set(chosen) <= set(paths)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "lfs", "oid", "size"]), inner),
)


@given(JSON)
def test_an_odd_list_of_the_hub_gives_only_what_fits(tree: object) -> None:
    for path, (size, digest) in listed_files(tree).items():
        assert isinstance(path, str)
        assert isinstance(size, int)
        assert isinstance(digest, str)
