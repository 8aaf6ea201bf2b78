"""When to take a device for gone, and when to look for another. Pure: times come from the caller."""

from __future__ import annotations

from typing import Literal

from voicecli.events import Condition

FIRST_S = 2.5
"""A stream that was just opened may idle for so long: PulseAudio's null sink waits 1.96 s before its second block."""

MICROPHONE_STALL_S = 1.0
"""A microphone delivers a hundred times a second; after so long without it has gone, whatever it says of itself."""

SPEAKER_STALL_S = FIRST_S
"""A sink that another stream is moved to was seen to pause for 1.96 s, and to go on."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 2.0
"""Between two attempts to open: doubled from the first to the longest."""

SLEEP_S = 3.0
"""A jump of the wall clock, or a time in which nothing ran, that means the machine slept."""

Try = Literal["any", "wanted"]
"""any: the wanted device, else the default; wanted: that one, or stay with what there is."""


class ReconnectPolicy:
    """The condition of one device, and what is to be tried next."""

    def __init__(self) -> None:
        self.condition: Condition = "unavailable"
        self._next_s = 0.0
        self._wait_s = FIRST_WAIT_S

    def on_opened(self, now_s: float, *, wanted: bool) -> None:
        """A device is in use, `wanted` or another in its place."""
        self.condition = "ok" if wanted else "fallback"
        self._wait_s = FIRST_WAIT_S
        self._next_s = now_s + LONGEST_WAIT_S

    def on_lost(self, now_s: float) -> None:
        """Nothing is in use; the first attempt is due at once."""
        self.condition = "unavailable"
        self._wait_s = FIRST_WAIT_S
        self._next_s = now_s

    def on_failed(self, now_s: float) -> None:
        """Nothing could be opened."""
        self._next_s = now_s + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def next_attempt(self, now_s: float, *, settled: bool) -> Try | None:
        """What to try now. `settled`: no turn is alive, so nobody misses what a change of devices costs."""
        if self.condition == "ok" or now_s < self._next_s:
            return None
        if self.condition == "unavailable":
            return "any"
        return "wanted" if settled else None


def has_stalled(idle_s: float, open_s: float, stall_s: float) -> bool:
    """Whether a stream has gone that has been open for `open_s` and idle for `idle_s`: infinite when it has ended."""
    return idle_s == float("inf") or (open_s > FIRST_S and idle_s > stall_s)


class SleepDetector:
    """Notices that the machine, or the program, slept.

    Where the monotonic clock stands still in sleep the wall clock jumps against it; where it does not, or where the
    program alone was stopped, it is the time between two looks that is long.
    """

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def has_slept(self, now_s: float, wall_s: float) -> bool:
        """Look at both clocks, several times a second; whether there was a sleep since the last look."""
        last, self._last = self._last, (now_s, wall_s)
        return last is not None and max(now_s - last[0], abs(wall_s - last[1])) > SLEEP_S
