"""The space bar of push-to-talk: what the terminal tells of it becomes `Hold`, and what that says is done.

The protocol is asked for when the mode is known, and given back on every way out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from voicecli.events import Clock
from voicecli.ui.terminal.hold import Hold
from voicecli.ui.terminal.keys import Key
from voicecli.ui.terminal.kitty import ANSWER, NEEDED, POP, PUSH, QUERY, RELEASED, REPEATED

Push = Callable[[bool], None]


class SpaceBar:
    """Belongs to the loop; `write` goes to the terminal, at once."""

    def __init__(self, clock: Clock, write: Callable[[str], None]) -> None:
        self._clock = clock
        self._write = write
        self._pushed = False  # the protocol is in force, or at least was asked for
        self._given_up = False  # the terminal knows the protocol, but not what is needed of it
        self._timer: asyncio.TimerHandle | None = None
        self.hold = Hold()

    def begin(self) -> None:
        """Ask the terminal whether it can tell of releases."""
        self._given_up = False
        self._write(QUERY)

    def close(self) -> None:
        """Give the protocol back: what comes from now on tells of no releases."""
        self._stop_timer()
        if self._pushed:
            self._pushed = False
            self._write(POP)
        self.hold = replace(self.hold.let_go(), tells=False)

    def press(self, key: Key, push: Push) -> bool:
        """Take a key, if it is one of the space bar or an answer of the terminal; `push` is told what changes."""
        now_s = self._clock()
        match key:
            case " ":
                self._turn(self.hold.press(now_s), push)
            case _ if key == RELEASED:
                self._turn(self.hold.release(now_s), push)
            case _ if key == REPEATED:
                pass
            case _ if key.startswith(ANSWER):
                self._answered(int(key.removeprefix(ANSWER)), push)
            case _:
                return False
        return True

    def _answered(self, flags: int, push: Push) -> None:
        if self._given_up:
            return
        if not self._pushed:
            self._pushed = True
            self._write(PUSH + QUERY)
        elif flags & NEEDED == NEEDED:
            self._turn(replace(self.hold.let_go(), tells=True), push)
        else:
            self._given_up = True
            self.close()

    def _turn(self, hold: Hold, push: Push) -> None:
        before, self.hold = self.hold, hold
        self._stop_timer()
        if (due_s := hold.due_s) is not None:
            wait_s = max(0.0, due_s - self._clock())
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(wait_s, lambda: self._turn(self.hold.at(max(due_s, self._clock())), push))
        if hold.held != before.held:
            push(hold.held)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
