"""Typed questions, a line each, where there is no live screen: at a terminal, through a pipe or from a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from voicecli.events import ApprovalRequested, Event, NothingHeard, Ready, TurnDone, TurnFailed, TurnInterrupted
from voicecli.slash.commands import is_command

if TYPE_CHECKING:
    from voicecli.ui.screen import Controls

READ_BYTES = 4096


class Questions:
    """Asks each line of a file descriptor.

    A person at a terminal is answered at once, even in the middle of an answer. Lines from a pipe or a file wait for
    the answer to the line before; after the last one a conversation without a microphone is over.
    """

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._ready = asyncio.Event()
        self._answered = asyncio.Event()
        self._has_microphone = False
        self._by_key = False  # push-to-talk: Enter on an empty line begins and ends what is said
        self._held = False

    def note(self, event: Event) -> None:
        """Take note of an event of the conversation."""
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
        """Ask until the input ends; returns then."""
        await self._ready.wait()
        if self._fd is None:
            return
        patient = not os.isatty(self._fd)
        async for line in read_lines(self._fd):
            if line.strip():
                self._answered.clear()
                controls.ask(line.strip())
                if patient and not is_command(line.strip()):
                    await self._answered.wait()
            elif self._by_key and not patient:
                self._held = not self._held
                controls.push(self._held)
        if not self._has_microphone:
            controls.quit()


async def read_lines(fd: int) -> AsyncIterator[str]:
    """Lines of a file descriptor without their ends, read on the running loop, up to its end."""
    pending = b""
    while raw := await _read(fd):
        *lines, pending = (pending + raw).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", errors="replace").removesuffix("\r")
    if pending:
        yield pending.decode("utf-8", errors="replace")


async def _read(fd: int) -> bytes:
    """What is there, as soon as something is; empty at the end."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(fd, readable.set)
    except PermissionError:  # epoll refuses regular files and /dev/null: those never make a reader wait
        return os.read(fd, READ_BYTES)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(fd)
    try:
        return os.read(fd, READ_BYTES)
    except OSError:  # the other end of a pseudo-terminal is gone
        return b""
