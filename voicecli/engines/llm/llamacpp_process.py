"""The embedded language model in a process of its own: it is loaded while a conversation goes on.

llama.cpp's server keeps Python's lock while it loads, 1 to 3 s for SmolLM2-135M on two busy cores (xllamacpp 2026.10).
In the conversation's own process no sound would be taken or given meanwhile. The process ends with its last reader: its
standard input tells.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from voicecli.engines.llm.llamacpp import EmbeddedServer, embedded_server
from voicecli.errors import EngineError, ModelMissing, VoiceCliError

if TYPE_CHECKING:
    from voicecli.settings.model import LlmSettings

ENDING_S = 3.0
"""For the process to end by itself; a model is given back within 0.1 s."""


@contextmanager
def server_in_subprocess(gguf: Path, settings: LlmSettings) -> Iterator[EmbeddedServer]:
    """As `embedded_server`: blocks, and raises what that raises."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is the conversation's alone
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            order = {"gguf": str(gguf), "settings": settings.model_dump(mode="json", exclude={"api_key"})}
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(order) + "\n")
                process.stdin.flush()
            yield _reported(process.stdout.readline(), gguf)
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _reported(line: str, gguf: Path) -> EmbeddedServer:
    if not line:
        hint = "It ended while it loaded: is there memory for two models at once?"
        raise EngineError(f"llama.cpp did not load {gguf}", hint=hint)
    reported = json.loads(line)
    if "message" in reported:
        kind = ModelMissing if reported["missing"] else EngineError
        raise kind(reported["message"], reported["hint"])
    return EmbeddedServer(**reported)


def main() -> None:
    """Serve what the first line of stdin orders, until that ends."""
    from voicecli.settings.model import LlmSettings

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    order = json.loads(sys.stdin.readline())
    try:
        with embedded_server(
            Path(order["gguf"]), LlmSettings.model_validate({**order["settings"], "api_key": ""})
        ) as server:
            reported = {"base_url": server.base_url, "api_key": server.api_key, "model": server.model}
            print(json.dumps(reported), file=out, flush=True)
            sys.stdin.read()
    except VoiceCliError as error:
        refusal = {"message": error.message, "hint": error.hint, "missing": isinstance(error, ModelMissing)}
        print(json.dumps(refusal), file=out, flush=True)


if __name__ == "__main__":
    main()
