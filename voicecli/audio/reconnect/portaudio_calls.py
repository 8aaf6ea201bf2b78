"""PortAudio as it has to be treated while devices come and go: one call at a time, on threads, with a deadline.

PortAudio lists the devices once, when it starts, and may start anew only while no stream is open. So another process
looks what there is, and streams that are well are closed for a new list only when it has seen something new. A process
can be ended when it hangs, as PulseAudio's plug-in for ALSA does while its server does not answer.
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
"""Opening took 9 ms at most with PulseAudio, on two cores; what takes so long will not come in time."""

CLOSE_S = 0.5
"""So long for a device that has gone, since the one that is left is not opened before."""

LOOK_S = 3.0
"""The other process has this long."""

LOOK = (
    "from voicecli.audio.reconnect.portaudio_calls import seen; import json, sys; json.dump(sorted(seen()), sys.stdout)"
)

Seen = frozenset[tuple[str, str]]
"""Of each device its name and what it is for, the default ones once more as defaults."""


def seen() -> Seen:
    """What PortAudio lists in this process. Raises DeviceError."""
    from voicecli.audio.devices import list_devices

    found = set()
    for device in list_devices():
        able = {"input": device.inputs, "output": device.outputs}
        default = {"default input": device.is_default_input, "default output": device.is_default_output}
        found |= {(device.name, role) for role, is_one in {**able, **default}.items() if is_one}
    return frozenset(found)


async def list_devices_in_subprocess() -> Seen:
    """What PortAudio lists in a process that starts now; nothing where that fails or hangs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOOK, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LOOK_S):
            reported, _ = await process.communicate()
    except TimeoutError:
        return frozenset()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    with suppress(ValueError):
        return frozenset((name, role) for name, role in json.loads(reported))
    return frozenset()


def in_words(error: Exception) -> str:
    """What PortAudio says and, where it tells, the system below; its codes are no use to anybody.

    `error`: a sounddevice.PortAudioError of a text, a code and (interface, code, text) of the system, or another. Its
    own `str` asks PortAudio for names, which a sound server that does not answer holds up.
    """
    text = str(error.args[0])
    below = error.args[2][2] if len(error.args) > 2 else ""
    return f"{text}: {below}" if below else text


def start_anew() -> None:
    """Make PortAudio list the devices again. No stream may be open."""
    import sounddevice

    sounddevice._terminate()
    sounddevice._initialize()


class OpenDevice(Protocol):
    """Whoever may have a stream open."""

    @property
    def is_open(self) -> bool: ...

    async def release(self) -> None:
        """Close the stream, and open one again soon."""
        ...


class SoundSystem:
    """One program's use of PortAudio. `changed` is called whenever a stream was opened or lost."""

    def __init__(self, settled: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
        self.changed: Callable[[], None] = lambda: None
        self.parts: list[OpenDevice] = []
        self._settled = settled
        self._deadline_s = deadline_s
        self._one_at_a_time = asyncio.Lock()
        self._hanging = 0

    async def close(self, work: Callable[[], None]) -> None:
        """As `call`; what hangs is left alone."""
        with suppress(DeviceError):
            async with self._one_at_a_time:
                await self._run(work, deadline_s=min(CLOSE_S, self._deadline_s))

    async def call(self, work: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
        """Run `work` on a thread of its own. Raises what it raises, or DeviceError when it takes too long.

        What comes after that is undone. The thread is a daemon: it may hang for ever, and nothing waits for it.
        """
        async with self._one_at_a_time:
            return await self._run(work, undo)

    async def _run(
        self, work: Callable[[], T], undo: Callable[[T], None] | None = None, deadline_s: float | None = None
    ) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(outcome: T, error: BaseException | None) -> None:
            self._hanging -= 1
            if error is None and future.cancelled() and undo is not None:
                self._start(partial(undo, outcome), self._undone)
            elif not future.cancelled():
                future.set_result(outcome) if error is None else future.set_exception(error)

        self._start(work, settle)
        deadline_s = deadline_s or self._deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                return await future
        except TimeoutError:
            message = f"the sound system has not answered for {deadline_s:g} s"
            raise DeviceError(message, "is the sound server running?") from None

    def _start(self, work: Callable[[], T], settle: Callable[[T, BaseException | None], None]) -> None:
        loop = asyncio.get_running_loop()

        def run() -> None:
            outcome, error = None, None
            try:
                outcome = work()
            except BaseException as caught:  # handed to whoever awaits
                error = caught
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, outcome, error)  # type: ignore[arg-type]  # with an error it is none

        self._hanging += 1
        threading.Thread(target=run, name="sound", daemon=True).start()

    async def rescan(self) -> None:
        """List the devices anew, if there is something new and nobody is disturbed."""
        if self._may_start_anew() and await list_devices_in_subprocess() - seen() and self._may_start_anew():
            for part in self.parts:
                await part.release()
            async with self._one_at_a_time:
                if self._hanging or any(part.is_open for part in self.parts):  # one opened meanwhile, or closes slowly
                    return
                with suppress(DeviceError):  # it hangs, and nothing starts anew until it answers
                    await self._run(start_anew)

    def _undone(self, outcome: None, error: BaseException | None) -> None:
        self._hanging -= 1

    def _may_start_anew(self) -> bool:
        return not self._hanging and (self._settled() or not any(part.is_open for part in self.parts))
