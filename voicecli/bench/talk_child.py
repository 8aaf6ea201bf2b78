"""Run `voicecli talk` as a separate program, as a user starts it, and read its events."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from voicecli.errors import DeviceError, EngineError
from voicecli.events import Event, Notice, Ready
from voicecli.turns.activity import Activity
from voicecli.ui.jsonl import event_of

READY_S = 180.0
"""Longest wait for the models."""

STOP_S = 10.0
ERROR_LINES = 5
"""Last lines of stderr, quoted if the program ends."""

Narrate = Callable[[str], None]


class TalkChild:
    """A running `voicecli talk` and its events so far; their times are on the machine's monotonic clock."""

    def __init__(self, process: asyncio.subprocess.Process, narrate: Narrate) -> None:
        self.events: list[Event] = []
        self._process = process
        self._narrate = narrate
        self._activity = Activity()
        self._changed = asyncio.Condition()
        self._errors: deque[str] = deque(maxlen=ERROR_LINES)
        self._over = False

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> Ready:
        """Wait until it listens. Raise EngineError or DeviceError if it does not."""
        await self.until(lambda: any(isinstance(event, Ready) for event in self.events), READY_S)
        found = next((event for event in self.events if isinstance(event, Ready)), None)
        if found is None:
            raise EngineError(f"voicecli talk is not ready after {READY_S:.0f} s", "run voicecli talk to see why")
        if not (found.microphone and found.speaker):
            hint = "apt install libportaudio2 libasound2-plugins: PortAudio reaches PulseAudio through ALSA's plugin"
            raise DeviceError("voicecli talk does not find the virtual sound card", hint)
        return found

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until a condition holds, checking it after each event; return False if it does not in time.

        Raise EngineError if the program ends meanwhile.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._changed:
                while not holds():
                    if self._over:
                        code = await self._process.wait()
                        raise EngineError(f"voicecli talk ended with exit code {code}: {' '.join(self._errors)}")
                    await self._changed.wait()
                return True
        return False

    def is_idle(self) -> bool:
        """Return whether no turn is running."""
        return self._activity.is_idle()

    async def read(self) -> None:
        """Read its events until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = event_of(line.decode())
            if isinstance(event, Notice):
                self._narrate(event.text)
            async with self._changed:
                self.events.append(event)
                self._activity.observe(event)
                self._changed.notify_all()
        async with self._changed:
            self._over = True
            self._changed.notify_all()

    async def read_errors(self) -> None:
        """Keep the last lines of its stderr."""
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._errors.append(line.decode(errors="replace").strip())


@asynccontextmanager
async def talk_child(env: Mapping[str, str], narrate: Narrate, *options: str) -> AsyncIterator[TalkChild]:
    """Start the program with settings in its environment and options of `talk`; stop it at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicecli", "talk", "--ui", "jsonl", *options),
        env=env,
        stdin=asyncio.subprocess.PIPE,  # an open pipe: at the end of its input the program would stop asking
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    child = TalkChild(process, narrate)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(child.read())
        tasks.create_task(child.read_errors())
        try:
            yield child
        finally:
            await stop(process)


async def stop(process: asyncio.subprocess.Process) -> None:
    """Stop as Ctrl-C does; by force if that does not help."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
