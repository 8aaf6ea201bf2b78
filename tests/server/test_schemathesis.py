"""What the servers say of themselves by OpenAPI is true, asked thousands of ways."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.program import ServerProgram

pytestmark = [pytest.mark.model, pytest.mark.timeout(240)]

NOT_MEANT = {
    "serve-stt": "positive_data_acceptance",  # by the schema any bytes are a sound file; most are none, and get 400
    "serve-tts": "",
}


@pytest.mark.parametrize("command", NOT_MEANT)
def test_the_description_is_true(command: str, model_folder: Callable[[str], Path]) -> None:
    model_folder("whisper-base" if command == "serve-stt" else "kokoro-v1.0-int8")
    excluded = ["--exclude-checks", NOT_MEANT[command]] if NOT_MEANT[command] else []
    with ServerProgram(command) as program:
        asked = subprocess.run(
            [Path(sys.executable).with_name("schemathesis"), "run", f"{program.url}/openapi.json", "--checks", "all",
             *excluded, "--max-examples", "25", "--seed", "1", "--no-color"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert asked.returncode == 0, asked.stdout[-5000:]
