"""A file on its way gets its name when, and only when, its bytes are right."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.models.stage import git_blob_id, sha256
from voicecli.models.part_file import Expected, PartFile, WrongBytes


@given(content=st.binary(min_size=1, max_size=200), data=st.data())
def test_however_it_is_cut_and_taken_up_the_bytes_come_out_the_same(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    target = tmp_path_factory.mktemp("cut") / "a.bin"
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=4).map(sorted))
    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        with PartFile(target) as part:
            asyncio.run(part.resume())
            assert part.size_bytes == start
            part.write(content[start:end])
            assert not target.exists()
    with PartFile(target) as last:
        asyncio.run(last.resume())
        assert last.accept(Expected("a.bin", len(content), sha256(content))) == sha256(content)
    assert target.read_bytes() == content
    assert not last.path.exists()


@given(content=st.binary(min_size=1, max_size=50), other=st.binary(max_size=50))
def test_other_bytes_are_dropped_whatever_kind_of_digest_is_asked_for(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, other: bytes
) -> None:
    target = tmp_path_factory.mktemp("other") / "a.bin"
    for digest in (sha256(content), git_blob_id(content)):
        with PartFile(target) as part:
            part.write(other)
            if other == content:
                part.accept(Expected("a.bin", None, digest))
                continue
            with pytest.raises(WrongBytes, match=r"^a\.bin: wrong bytes"):
                part.accept(Expected("a.bin", None, digest))
        assert not target.exists()
        assert not part.path.exists()


def test_restart_forgets_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    (tmp_path / "a.bin.part").write_bytes(b"old")
    with PartFile(target) as part:
        part.restart()
        part.write(b"new")
        part.accept(Expected("a.bin", 3, sha256(b"new")))
    assert target.read_bytes() == b"new"


def test_an_old_file_stays_until_the_new_one_is_right(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with PartFile(target) as part:
        part.write(b"nwe")
        with pytest.raises(WrongBytes):
            part.accept(Expected("a.bin", 3, sha256(b"new")))
    assert target.read_bytes() == b"old"
