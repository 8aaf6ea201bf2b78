"""Call PortAudio safely while devices come and go: one call at a time, on threads, with a deadline.

PortAudio lists the devices once, when it starts, and can only restart while no stream is open. So a subprocess lists
the devices, and working streams are closed for a new list only if the subprocess has found something new. A subprocess
can be killed if it hangs, as PulseAudio's plug-in for ALSA does while its server does not answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from voicecli.errors import DeviceError

T = TypeVar("T")

DEADLINE_S = 1.0
"""Deadline of a call. Opening took at most 9 ms with PulseAudio on two cores, so a call that is late is hanging."""

CLOSE_S = 0.5
"""Deadline of closing a device that is gone: the next one is not opened before."""

LIST_S = 3.0
"""Deadline of the subprocess."""

SERVER_HINT = "check that the sound server is running"

MOST_HANGING = 4
"""Calls that may hang at the same time: closing and opening both devices of a conversation. PortAudio is not
thread-safe, and when a sound server goes on, all of them end at once."""

LIST = (
    "from voicecli.audio.reconnect.portaudio_calls import listed_here; import json, sys; "
    "json.dump(sorted(listed_here()), sys.stdout)"
)

Seen = frozenset[tuple[str, str]]
"""Name and role of each device; the defaults once more in a role of their own."""


def listed_here() -> Seen:
    """Return what PortAudio lists in this process. Raise DeviceError if it does not answer."""
    from voicecli.audio.devices import list_devices

    found = set()
    for device in list_devices():
        able = {"input": device.inputs, "output": device.outputs}
        default = {"default input": device.is_default_input, "default output": device.is_default_output}
        found |= {(device.name, role) for role, is_one in {**able, **default}.items() if is_one}
    return frozenset(found)


async def list_devices_in_subprocess() -> Seen:
    """Return what PortAudio lists in a new process; nothing if that fails or hangs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIST, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIST_S):
            output, _ = await process.communicate()
    except TimeoutError:
        return frozenset()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    with suppress(ValueError):
        return frozenset((name, role) for name, role in json.loads(output))
    return frozenset()


def in_words(error: Exception) -> str:
    """Return what PortAudio and, if known, the system below say about an error, without their codes.

    `error` is a sounddevice.PortAudioError of a text, a code and (interface, code, text) of the system, or another
    error. Its own `str` asks PortAudio for names, which blocks while a sound server does not answer.
    """
    text = str(error.args[0])
    below = error.args[2][2] if len(error.args) > 2 else ""
    return f"{text}: {below}" if below else text


def restart() -> None:
    """Make PortAudio list the devices again. No stream may be open."""
    import sounddevice

    sounddevice._terminate()
    sounddevice._initialize()


class OpenDevice(Protocol):
    """A user of PortAudio that can have a stream open."""

    @property
    def is_open(self) -> bool: ...

    async def release(self) -> None:
        """Close the stream, and open one again soon."""
        ...


class SoundSystem:
    """One program's use of PortAudio. `changed` is called whenever a stream was opened or lost."""

    def __init__(self, is_idle: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
        """`is_idle` returns whether no turn is active."""
        self.changed: Callable[[], None] = lambda: None
        self.parts: list[OpenDevice] = []
        self._is_idle = is_idle
        self._deadline_s = deadline_s
        self._one_at_a_time = asyncio.Lock()
        self._hanging = 0

    async def close(self, work: Callable[[], None]) -> None:
        """Run `work` as `call` does, but ignore a timeout: a call that hangs is abandoned."""
        with suppress(DeviceError):
            async with self._one_at_a_time:
                await self._run(work, deadline_s=min(CLOSE_S, self._deadline_s))

    async def call(self, work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
        """Run `work` on a thread of its own. Raise what it raises, or DeviceError if it takes too long.

        `undo` is applied to a result that arrives after that. The thread is a daemon: it may hang forever, and nothing
        waits for it. While too many calls hang, raise DeviceError without another one.
        """
        async with self._one_at_a_time:
            if self._hanging >= MOST_HANGING:
                raise DeviceError("the sound system does not answer", SERVER_HINT)
            return await self._run(work, undo)

    async def _run(
        self, work: Callable[[], T], undo: Callable[[T], None] | None = None, deadline_s: float | None = None
    ) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def on_done(result: T, error: BaseException | None) -> None:
            self._hanging -= 1
            if error is None and future.cancelled() and undo is not None:
                self._start(partial(undo, result), self._on_undone)
            elif not future.cancelled():
                future.set_result(result) if error is None else future.set_exception(error)

        self._start(work, on_done)
        deadline_s = deadline_s or self._deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                return await future
        except TimeoutError:
            message = f"the sound system has not answered for {deadline_s:g} s"
            raise DeviceError(message, SERVER_HINT) from None

    def _start(self, work: Callable[[], T], on_done: Callable[[T, BaseException | None], None]) -> None:
        loop = asyncio.get_running_loop()

        def run() -> None:
            result, error = None, None
            try:
                result = work()
            except BaseException as caught:  # raised to whoever awaits the call
                error = caught
            if not loop.is_closed():
                loop.call_soon_threadsafe(on_done, result, error)  # type: ignore[arg-type]  # None only with an error

        self._hanging += 1
        threading.Thread(target=run, name="sound", daemon=True).start()

    async def rescan(self) -> None:
        """List the devices again, if there is something new and that disturbs nobody."""
        if self._may_restart() and await list_devices_in_subprocess() - listed_here() and self._may_restart():
            for part in self.parts:
                await part.release()
            async with self._one_at_a_time:
                if self._hanging or any(part.is_open for part in self.parts):  # opened meanwhile, or slow to close
                    return
                with suppress(DeviceError):  # it hangs, and nothing restarts until it answers
                    await self._run(restart)

    def _on_undone(self, result: None, error: BaseException | None) -> None:
        self._hanging -= 1

    def _may_restart(self) -> bool:
        return not self._hanging and (self._is_idle() or not any(part.is_open for part in self.parts))
