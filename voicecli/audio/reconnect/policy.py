"""Decide when a device is gone, and when to look for another. Pure: times come from the caller."""

from __future__ import annotations

from typing import Literal

from voicecli.events import Condition

FIRST_S = 2.5
"""How long a stream that was just opened may idle: PulseAudio's null sink waits 1.96 s before its second block."""

MICROPHONE_STALL_S = 1.0
"""How long a microphone may deliver nothing before it counts as gone; it should deliver a hundred times a second."""

SPEAKER_STALL_S = FIRST_S
"""The same for a speaker: when another stream was moved to it, a sink paused for 1.96 s and went on."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 2.0
"""Wait between two attempts to open a device: doubled from the first to the longest."""

SLEEP_S = 3.0
"""A jump of the wall clock, or a time in which nothing ran, that means that the machine slept."""

Attempt = Literal["any", "wanted"]
"""any: the wanted device, else the default; wanted: the wanted device, else keep the current one."""


class ReconnectPolicy:
    """Tracks the condition of one device and decides what to try next."""

    def __init__(self) -> None:
        self.condition: Condition = "unavailable"
        self._next_s = 0.0
        self._wait_s = FIRST_WAIT_S

    def on_opened(self, now_s: float, *, wanted: bool) -> None:
        """Note that a device is in use: the wanted one, or another in its place."""
        self.condition = "ok" if wanted else "fallback"
        self._wait_s = FIRST_WAIT_S
        self._next_s = now_s + LONGEST_WAIT_S

    def on_lost(self, now_s: float) -> None:
        """Note that no device is in use; the first attempt is due at once."""
        self.condition = "unavailable"
        self._wait_s = FIRST_WAIT_S
        self._next_s = now_s

    def on_failed(self, now_s: float) -> None:
        """Note that no device could be opened."""
        self._next_s = now_s + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def next_attempt(self, now_s: float, *, is_idle: bool) -> Attempt | None:
        """Return what to try now. `is_idle`: no turn is active, so a change of devices interrupts nobody."""
        if self.condition == "ok" or now_s < self._next_s:
            return None
        if self.condition == "unavailable":
            return "any"
        return "wanted" if is_idle else None


def has_stalled(idle_s: float, open_s: float, stall_s: float) -> bool:
    """Return whether a stream is gone that is open for `open_s` and idle for `idle_s` (infinite if it has ended)."""
    return idle_s == float("inf") or (open_s > FIRST_S and idle_s > stall_s)


class SleepDetector:
    """Detects that the machine, or the program, slept.

    If the monotonic clock stops during sleep, the wall clock jumps relative to it. If it does not, or if only the
    program was stopped, the time between two calls is long.
    """

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def has_slept(self, now_s: float, wall_s: float) -> bool:
        """Compare both clocks, several times a second. Return whether there was a sleep since the last call."""
        last, self._last = self._last, (now_s, wall_s)
        return last is not None and max(now_s - last[0], abs(wall_s - last[1])) > SLEEP_S
