"""The space bar in push-to-talk mode: turn keys into `Hold` states and report their changes.

The kitty protocol is requested once the mode is known, and always switched off again at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from voicecli.events import Clock
from voicecli.ui.terminal.hold import Hold
from voicecli.ui.terminal.keys import Key
from voicecli.ui.terminal.kitty import FLAGS_REPLY, NEEDED, POP, PUSH, QUERY, RELEASED, REPEATED

Push = Callable[[bool], None]


class SpaceBar:
    """Belongs to the loop; `write` sends a sequence to the terminal at once."""

    def __init__(self, clock: Clock, write: Callable[[str], None]) -> None:
        self._clock = clock
        self._write = write
        self._pushed = False  # the protocol is on, or has been requested
        self._given_up = False  # the terminal knows the protocol, but not the needed flags
        self._timer: asyncio.TimerHandle | None = None
        self.hold = Hold()

    def start(self) -> None:
        """Ask the terminal whether it can report releases."""
        self._given_up = False
        self._write(QUERY)

    def close(self) -> None:
        """Switch the protocol off; no releases are reported from now on."""
        self._stop_timer()
        if self._pushed:
            self._pushed = False
            self._write(POP)
        self.hold = replace(self.hold.reset(), reports_releases=False)

    def handle_key(self, key: Key, push: Push) -> bool:
        """Handle a key of the space bar or a reply of the terminal; return whether it was one.

        `push` is called when the key counts as held, or no longer.
        """
        now_s = self._clock()
        match key:
            case " ":
                self._set(self.hold.press(now_s), push)
            case _ if key == RELEASED:
                self._set(self.hold.release(now_s), push)
            case _ if key == REPEATED:
                pass
            case _ if key.startswith(FLAGS_REPLY):
                self._handle_flags(int(key.removeprefix(FLAGS_REPLY)), push)
            case _:
                return False
        return True

    def _handle_flags(self, flags: int, push: Push) -> None:
        if self._given_up:
            return
        if not self._pushed:
            self._pushed = True
            self._write(PUSH + QUERY)
        elif flags & NEEDED == NEEDED:
            self._set(replace(self.hold.reset(), reports_releases=True), push)
        else:
            self._given_up = True
            self.close()

    def _set(self, hold: Hold, push: Push) -> None:
        before, self.hold = self.hold, hold
        self._stop_timer()
        if (due_s := hold.due_s) is not None:
            wait_s = max(0.0, due_s - self._clock())
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(wait_s, lambda: self._set(self.hold.advance(max(due_s, self._clock())), push))
        if hold.held != before.held:
            push(hold.held)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
