"""Typed questions, one per line, without a live screen: from a terminal, a pipe or a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Self, TextIO

from voicecli.events import ApprovalRequested, Event, NothingHeard, Ready, TurnDone, TurnFailed, TurnInterrupted
from voicecli.slash.commands import is_command

if TYPE_CHECKING:
    from types import TracebackType

    from voicecli.ui.screen import Controls

READ_BYTES = 4096


class LineInput:
    """Asks each line of a file descriptor.

    A line typed at a terminal is asked at once, even during an answer. A line from a pipe or a file waits for the
    answer to the line before it. After the last line a conversation without a microphone ends.
    """

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._ready = asyncio.Event()
        self._answered = asyncio.Event()
        self._has_microphone = False
        self._by_key = False  # push-to-talk: Enter on an empty line starts and ends the utterance
        self._held = False

    def observe(self, event: Event) -> None:
        """Handle an event of the conversation."""
        match event:
            case Ready(microphone=microphone, mode=mode):
                self._has_microphone = bool(microphone)
                self._by_key = mode == "push-to-talk"
                self._ready.set()
            case ApprovalRequested():  # the next line may be the answer
                self._answered.set()
            case TurnDone() | TurnInterrupted() | TurnFailed() | NothingHeard():
                self._answered.set()

    async def run(self, controls: Controls) -> None:
        """Ask lines until the input ends."""
        await self._ready.wait()
        if self._fd is None:
            return
        waits_for_answers = not os.isatty(self._fd)
        async for line in read_lines(self._fd):
            if line.strip():
                self._answered.clear()
                controls.ask(line.strip())
                if waits_for_answers and not is_command(line.strip()):
                    await self._answered.wait()
            elif self._by_key and not waits_for_answers:
                self._held = not self._held
                controls.push(self._held)
            elif not waits_for_answers:
                controls.answer_offer(True)
        if not self._has_microphone:
            controls.quit()


class LineScreen:
    """A screen that writes lines to `out` and asks each line of its input. Subclasses write events."""

    def __init__(self, out: TextIO, input_fd: int | None) -> None:
        self._out = out
        self._input = LineInput(input_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._out.flush()

    async def run(self, controls: Controls) -> None:
        """Ask each line of the input."""
        await self._input.run(controls)


async def read_lines(fd: int) -> AsyncIterator[str]:
    """Yield the lines of a file descriptor without their line ends, read on the running loop."""
    pending = b""
    while raw := await _read(fd):
        *lines, pending = (pending + raw).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", errors="replace").removesuffix("\r")
    if pending:
        yield pending.decode("utf-8", errors="replace")


async def _read(fd: int) -> bytes:
    """Return the bytes available as soon as there are some; empty at the end of the input."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(fd, readable.set)
    except PermissionError:  # epoll refuses regular files and /dev/null: those are always readable
        return os.read(fd, READ_BYTES)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(fd)
    try:
        return os.read(fd, READ_BYTES)
    except OSError:  # the other end of a pseudo-terminal is gone
        return b""
