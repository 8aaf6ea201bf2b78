"""`voicecli talk` as a program of its own, as a user starts it, and what it tells."""

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
REPORTED_LINES = 5
"""Of stderr, for whoever wants to know why it ended."""

Narrate = Callable[[str], None]


class TalkChild:
    """Its events so far, each with the time that it carries: the monotonic clock is the machine's."""

    def __init__(self, process: asyncio.subprocess.Process, narrate: Narrate) -> None:
        self.events: list[Event] = []
        self._process = process
        self._narrate = narrate
        self._activity = Activity()
        self._changed = asyncio.Condition()
        self._reported: deque[str] = deque(maxlen=REPORTED_LINES)
        self._over = False

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> Ready:
        """Wait until it listens. Raises EngineError or DeviceError where it does not."""
        await self.until(lambda: any(isinstance(event, Ready) for event in self.events), READY_S)
        found = next((event for event in self.events if isinstance(event, Ready)), None)
        if found is None:
            raise EngineError(f"voicecli talk is not ready after {READY_S:.0f} s", "voicecli talk tells more")
        if not (found.microphone and found.speaker):
            hint = "apt install libportaudio2 libasound2-plugins: PortAudio reaches PulseAudio through ALSA's plugin"
            raise DeviceError("voicecli talk does not find the virtual sound card", hint)
        return found

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until something holds, looked at after each event; False where it did not come to that in time.

        Raises EngineError where the program ends meanwhile.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._changed:
                while not holds():
                    if self._over:
                        raise EngineError(
                            f"voicecli talk ended with exit code {await self._process.wait()}: {' '.join(self._reported)}"
                        )
                    await self._changed.wait()
                return True
        return False

    def settled(self) -> bool:
        """No turn is alive."""
        return self._activity.is_idle()

    async def read(self) -> None:
        """Take what it prints, until it ends."""
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

    async def overhear(self) -> None:
        """Keep the last of what it complains about."""
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._reported.append(line.decode(errors="replace").strip())


@asynccontextmanager
async def talk_child(env: Mapping[str, str], narrate: Narrate, *options: str) -> AsyncIterator[TalkChild]:
    """Start it with an environment that holds its settings, and options of `talk`; it is stopped at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicecli", "talk", "--ui", "jsonl", *options),
        env=env,
        stdin=asyncio.subprocess.PIPE,  # an open pipe: at the end of its input a program asks nothing more
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    child = TalkChild(process, narrate)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(child.read())
        tasks.create_task(child.overhear())
        try:
            yield child
        finally:
            await stop(process)


async def stop(process: asyncio.subprocess.Process) -> None:
    """As Ctrl-C does; by force where that does not help."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
