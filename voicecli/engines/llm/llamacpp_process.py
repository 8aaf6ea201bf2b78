"""The embedded language model in a subprocess, so that it can load while a conversation goes on.

llama.cpp's server holds Python's global lock while it loads, 1 to 3 s for SmolLM2-135M on two busy cores (xllamacpp
2026.10). In the conversation's own process, recording and playback would stop meanwhile. The subprocess ends when its
standard input is closed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from voicecli.engines.llm.llamacpp import EmbeddedServer, embedded_server
from voicecli.engines.llm.processor import CpuBackend
from voicecli.errors import EngineError, ModelMissing, VoiceCliError

if TYPE_CHECKING:
    from voicecli.settings.model import LlmSettings

ENDING_S = 3.0
"""How long to wait for the process to end by itself; releasing a model takes 0.1 s."""


@contextmanager
def server_in_subprocess(gguf: Path, settings: LlmSettings) -> Iterator[EmbeddedServer]:
    """Serve `gguf` from a subprocess as `embedded_server` does: it blocks, and raises the same errors."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for the conversation only
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            request = {"gguf": str(gguf), "settings": settings.model_dump(mode="json", exclude={"api_key"})}
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
            yield _parse_result(process.stdout.readline(), gguf)
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _parse_result(line: str, gguf: Path) -> EmbeddedServer:
    if not line:
        hint = "Its process ended while loading. Is there enough memory for two models at once?"
        raise EngineError(f"llama.cpp did not load {gguf}", hint=hint)
    result = json.loads(line)
    if "message" in result:
        kind = ModelMissing if result["missing"] else EngineError
        raise kind(result["message"], result["hint"])
    return EmbeddedServer(**result | {"cpu": CpuBackend(**result["cpu"])})


def main() -> None:
    """Serve the model named in the first line of stdin until stdin is closed."""
    from voicecli.settings.model import LlmSettings

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keep what libraries print out of the result
    request = json.loads(sys.stdin.readline())
    settings = LlmSettings.model_validate({**request["settings"], "api_key": ""})
    try:
        with embedded_server(Path(request["gguf"]), settings) as server:
            print(json.dumps(asdict(server)), file=out, flush=True)
            sys.stdin.read()
    except VoiceCliError as error:
        failure = {"message": error.message, "hint": error.hint, "missing": isinstance(error, ModelMissing)}
        print(json.dumps(failure), file=out, flush=True)


if __name__ == "__main__":
    main()
