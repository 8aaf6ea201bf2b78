"""A build of ggml for this processor inside xllamacpp: it computes what xllamacpp's own computes."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.conftest import gguf
from voicecli.engines.llm import cpu_backend
from voicecli.engines.llm.processor import OWN, CpuBackend, Host

__all__ = ["gguf"]  # the fixture

ANSWER = """
import asyncio, sys
from pathlib import Path
from unittest.mock import patch
from tests.contract.chat_servers import llm_settings
from tests.contract.language_models import ASKED, on_embedded, said
from voicecli.engines.llm import llamacpp
from voicecli.engines.llm.processor import CpuBackend

async def answer(server):
    async with on_embedded(server) as model:
        print(server.cpu.name, *await said(model, ASKED), sep="|")

own = (lambda: CpuBackend("AVX2")) if sys.argv[2] == "own" else llamacpp.use_fastest
with patch.object(llamacpp, "use_fastest", own), llamacpp.embedded_server(Path(sys.argv[1]), llm_settings()) as server:
    asyncio.run(answer(server))
"""


def answered(gguf: Path, by: str) -> tuple[str, str]:
    """Return the build and its answer, from a process of its own: a back end is exchanged once in the life of one."""
    command = [sys.executable, "-c", ANSWER, str(gguf), by]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert done.stderr == ""
    name, _, text = done.stdout.partition("|")
    return name, text


@pytest.mark.model
def test_the_build_for_this_processor_answers_as_the_own_one(gguf: Path) -> None:
    if cpu_backend.use_fastest().name == OWN:
        pytest.skip("voicecli-llama-cpu is not installed, or has nothing for this processor: make llama-cpu")
    own, said_by_own = answered(gguf, "own")
    other, said_by_other = answered(gguf, "fastest")
    assert own == OWN != other
    assert said_by_other == said_by_own


def test_without_the_package_the_own_build_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(cpu_backend, "version", absent)
    monkeypatch.setattr(cpu_backend, "this_host", lambda: Host("Linux", "x86_64", frozenset({"avx_vnni"})))
    assert cpu_backend.use_fastest() == CpuBackend(OWN, "alderlake")


def test_a_build_of_another_version_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"voicecli-llama-cpu": "2026.9", "xllamacpp": "2026.10"}
    monkeypatch.setattr(cpu_backend, "version", versions.__getitem__)
    assert "built from xllamacpp 2026.9" in cpu_backend.use_fastest().problem


def test_a_folder_without_a_build_that_runs_here_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cpu_backend, "version", lambda name: "1")
    monkeypatch.setattr(cpu_backend, "_folder", lambda: tmp_path)
    assert "none of its builds runs" in cpu_backend.use_fastest().problem
    (tmp_path / "libggml-cpu-zen4.so").write_bytes(b"no library")
    found = cpu_backend.use_fastest()
    assert found.name == OWN
    assert "does not load" in found.problem
