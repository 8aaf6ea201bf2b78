"""Which language models could answer."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.contract.chat_servers import MODELS, TAGS, chat_server, llm_settings
from voicecli.engines.llm.available import AvailableModel, list_language_models


@pytest.fixture
def nowhere() -> str:
    """Host and port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_those_on_the_disk_and_those_of_the_servers_that_answer(nowhere: str) -> None:
    async def run() -> None:
        async with chat_server(pages={**MODELS, **TAGS}) as server:
            here = f"127.0.0.1:{server.port}"
            settings = llm_settings(url=f"http://{here}/v1", ollama_url=f"http://{here}")
            found = await list_language_models(settings, ["tiny"])
            assert found.models == (
                AvailableModel("tiny", "embedded", "embedded"),
                AvailableModel("small", "openai", here),
                AvailableModel("llama3.2:latest", "ollama", "Ollama"),
            )
            assert found.silent == ()

    asyncio.run(run())


def test_a_server_that_was_configured_and_is_silent_is_reported(nowhere: str) -> None:
    async def run() -> None:
        settings = llm_settings(url=f"http://{nowhere}/v1", ollama_url=f"http://{nowhere}")
        found = await list_language_models(settings, [])
        assert (found.models, found.silent) == ((), (f"{nowhere} does not answer",))
        ollama = await list_language_models(settings.model_copy(update={"url": "", "backend": "ollama"}), [])
        assert ollama.silent == (f"Ollama does not answer on {nowhere}",)

    asyncio.run(run())
