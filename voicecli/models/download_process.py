"""A download beside a conversation: in a process of its own, at low priority, so that it takes no time from the sound.

conversation ── stdin: what to get; closed to cancel ──► this module ── stdout: one event per line ──► conversation
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any

from voicecli.errors import ModelMissing
from voicecli.models import download as downloads
from voicecli.models.manifest import Manifest, Model
from voicecli.models.store import ModelStore

TRANSFERS = 2
"""Transfers at once: one that waits leaves the line to the other. Each may be a process of a package client."""

LOWEST_PRIORITY = 19

REPORT_EVERY_S = 0.25

LINE_BYTES = 1 << 20
"""Longest line of an event: reasons of failures can be long."""

ENDING_S = 3.0
"""How long to wait for the process to stop the clients that it runs."""

_EVENTS = {
    kind.__name__: kind
    for kind in (downloads.Progress, downloads.Finished, downloads.SourceSkipped, downloads.ModelReady)
}


async def download_beside(model: Model, root: Path, on_event: downloads.OnEvent) -> None:
    """Download a model to the store at `root`; canceling stops it, and a later download goes on from there.

    Raise ModelMissing if it fails.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LINE_BYTES,
        start_new_session=True,  # Ctrl-C is for the conversation only
    )
    assert process.stdin is not None
    assert process.stdout is not None
    is_ready = False
    try:
        request = {"model": model.model_dump(mode="json"), "root": str(root)}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        async for line in process.stdout:
            event = event_of(json.loads(line))
            is_ready = isinstance(event, downloads.ModelReady)
            on_event(event)
    finally:
        process.stdin.close()
        await _ended(process)
    if not is_ready:
        raise ModelMissing(f"the download of {model.name} stopped", f"voicecli download-models {model.name}")


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(ENDING_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def event_of(values: dict[str, Any]) -> downloads.DownloadEvent:
    """Return the event of a line. Raise ModelMissing where the line says that the download failed."""
    if "message" in values:
        raise ModelMissing(values["message"], values["hint"])
    event: downloads.DownloadEvent = _EVENTS[values.pop("event")](**values)
    return event


def line_of(event: downloads.DownloadEvent) -> str:
    """Return an event as a line of JSON."""
    return json.dumps({"event": type(event).__name__, **dataclasses.asdict(event)})


def sparing(write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> downloads.OnEvent:
    """Return a callback that writes each event, but of an item's progress only a few lines a second and the last."""
    written_at_s: dict[str, float] = {}

    def on_event(event: downloads.DownloadEvent) -> None:
        if isinstance(event, downloads.Progress) and event.done_bytes != event.total_bytes:
            if clock() - written_at_s.get(event.item, float("-inf")) < REPORT_EVERY_S:
                return
            written_at_s[event.item] = clock()
        write(line_of(event))

    return on_event


def main() -> None:
    """Download the model that the first line of stdin describes, until stdin is closed."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # keep what package clients print out of the events
    os.nice(LOWEST_PRIORITY)
    request = json.loads(sys.stdin.readline())
    model = Model.model_validate(request["model"])
    store = ModelStore(Path(request["root"]), Manifest(model=(model,)))
    Thread(target=_cancel_at_end, args=(sys.stdin,), daemon=True).start()

    def write(line: str) -> None:
        print(line, file=out, flush=True)

    try:
        downloads.download([model], store, progress=sparing(write), transfers=TRANSFERS)
    except ModelMissing as error:
        write(json.dumps({"message": error.message, "hint": error.hint}))
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(1)


def _cancel_at_end(stream: IO[str]) -> None:
    """Cancel the download when the conversation closes its end, or is gone."""
    stream.read()
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
