"""Real language models for the contract: skipped where they are not on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.chat_servers import llm_settings
from tests.contract.language_models import foreign_ollama
from voicecli.engines.llm import llamacpp


@pytest.fixture(scope="module")
def gguf() -> Path:
    named = os.environ.get("VOICECLI_TEST_GGUF")
    cached = Path("~/.cache/voicecli/models/smollm2-135m-instruct").expanduser().glob("*.gguf")
    found = [Path(named)] if named else list(cached)
    if not found:
        pytest.skip("no GGUF model: set VOICECLI_TEST_GGUF or run voicecli download-models")
    return found[0]


@pytest.fixture(scope="module")
def embedded(gguf: Path) -> Iterator[llamacpp.EmbeddedServer]:
    with llamacpp.embedded_server(gguf, llm_settings()) as server:
        yield server


@pytest.fixture(scope="module")
def foreign_url(embedded: llamacpp.EmbeddedServer) -> Iterator[str]:
    pytest.importorskip("ollama_proxy", reason="ollama-proxy-plus is not installed")
    with foreign_ollama(embedded) as url:
        yield url
