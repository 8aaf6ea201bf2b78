"""What the servers say of themselves by OpenAPI is true, asked in a hundred ways."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.program import ServerProgram
from tests.server.tts_stage import Stage, on_stage

pytestmark = pytest.mark.timeout(180)
NOT_MEANT = "positive_data_acceptance"
"""By the schemas any bytes are a sound file and any word is a voice; those that are none are refused with 400."""


async def asked(url: str, folder: Path) -> tuple[int | None, str]:
    """The exit code, and what was found; `folder` is for what it remembers."""
    program = Path(sys.executable).with_name("schemathesis")
    checks = ("--checks", "all", "--exclude-checks", NOT_MEANT)
    bounds = ("--max-examples", "25", "--seed", "1", "--no-color")
    process = await asyncio.create_subprocess_exec(
        program, "run", f"{url}/openapi.json", *checks, *bounds, stdout=asyncio.subprocess.PIPE, cwd=folder
    )
    reported, _ = await process.communicate()
    return process.returncode, reported.decode()[-5000:]


@pytest.mark.model
def test_of_serve_stt(model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    model_folder("whisper-base")
    with ServerProgram("serve-stt") as program:
        code, reported = asyncio.run(asked(program.url, tmp_path))
    assert code == 0, reported


def test_of_serve_tts(tmp_path: Path) -> None:
    """With a scripted voice: a real one would speak for hours what is thought up here."""

    async def play(stage: Stage) -> None:
        code, reported = await asked(stage.url, tmp_path)
        assert code == 0, reported

    on_stage(play, steps=10_000_000, most=50)
