"""llama.cpp in a process of its own: as clear as in this one, and gone with whoever wanted it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.contract.chat_servers import llm_settings
from tests.contract.conftest import gguf
from tests.contract.language_models import ASKED, on_embedded, said
from voicecli.engines.llm.llamacpp_process import server_in_subprocess
from voicecli.errors import EngineError, ModelMissing

__all__ = ["gguf"]  # the fixture


def test_what_it_cannot_load_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(500))
    with pytest.raises(EngineError, match="cannot load") as raised, server_in_subprocess(broken, llm_settings()):
        pass
    assert "may be damaged" in raised.value.hint
    with (
        pytest.raises(ModelMissing, match="No language model"),
        server_in_subprocess(tmp_path / "none", llm_settings()),
    ):
        pass


def test_a_process_that_dies_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EngineError, match="did not load"), server_in_subprocess(tmp_path / "any.gguf", llm_settings()):
        pass


@pytest.mark.model
def test_it_answers_and_this_process_goes_on_while_it_loads(gguf: Path) -> None:
    async def run() -> list[str]:
        loading = asyncio.create_task(asyncio.to_thread(opened.__enter__))
        beats = 0
        while not loading.done():
            await asyncio.sleep(0.01)
            beats += 1
        took.append(beats)
        async with on_embedded(await loading) as model:
            return await said(model, ASKED)

    took: list[int] = []
    opened = server_in_subprocess(gguf, llm_settings())
    try:
        assert "".join(asyncio.run(run())).strip()
        assert took[0] > 10
    finally:
        opened.__exit__(None, None, None)


@pytest.mark.model
def test_it_ends_when_whoever_wanted_it_is_killed(gguf: Path) -> None:
    script = (
        "from pathlib import Path; from voicecli.engines.llm.llamacpp_process import server_in_subprocess\n"
        "from tests.contract.chat_servers import llm_settings\n"
        f"with server_in_subprocess(Path({str(gguf)!r}), llm_settings()) as server:\n"
        "    print(server.base_url, flush=True)\n"
        "    input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        assert is_there(url)
        program.kill()
    deadline_s = time.monotonic() + 20
    while is_there(url):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def is_there(url: str) -> bool:
    """Whether anything answers there."""
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
