"""Detect whether a key is held. Pure: keys and times in, held or not out.

Some terminals report releases. Others send only presses, and repeat a held key: first after a delay, then at a steady
pace. There a hold ends when the repeats stop. A press without repeats was a tap, or the keyboard does not repeat: then
the next press ends the hold.

    up ── press ──► pressed ── repeats ──► repeating ── they stop ──► up
                       └── none in time: tapped ── press ──► settling ── no more ──► up
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

Phase = Literal["up", "pressed", "repeating", "tapped", "settling"]

TAP_S = 0.3
"""A shorter press is a tap where the terminal reports releases. Speaking the shortest word takes longer."""

FIRST_REPEAT_S = 0.75
"""Longest wait for the first repeat. The delay is 0.66 s in X11, 0.5 s in GNOME and Windows, 0.25 s in a Linux console.
Longer delays are learned."""

MAX_FIRST_REPEAT_S = 2.6
"""Limit of the learned delay: macOS can be set to 2 s, Windows to 1 s."""

MIN_FIRST_REPEAT_S = 0.12
"""A press that follows sooner is a repeat in the middle of a hold: no first repeat and no finger is that quick."""

UNKNOWN_GAP_S = 0.4
"""A hold ends after this long without a repeat, while the pace of the repeats is unknown."""

MIN_GAP_S, MAX_GAP_S, GAP_INTERVALS = 0.18, 0.6, 4
"""The same once the pace is known: `GAP_INTERVALS` times the longest recent interval, within these bounds. tmux and a
busy machine delay keys by a tenth of a second, and a slow link delivers in bursts; a hold that ends within a word is
worse than one that ends late."""

INTERVALS_KEPT = 200
"""About six seconds of a hold: a link that has stalled once will stall again."""

SLACK = 1.3
"""Factor by which the next first repeat may be later than the latest one."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The repeat timing of this keyboard, as observed."""

    first_s: float = FIRST_REPEAT_S  # wait for the first repeat
    intervals_s: tuple[float, ...] = ()  # between the latest repeats

    @property
    def gap_s(self) -> float:
        """A longer gap ends a hold."""
        if not self.intervals_s:
            return UNKNOWN_GAP_S
        return min(max(GAP_INTERVALS * max(self.intervals_s), MIN_GAP_S), MAX_GAP_S)

    def with_interval(self, interval_s: float) -> Rhythm:
        """Return the rhythm with one more interval between two repeats."""
        return replace(self, intervals_s=(*self.intervals_s, interval_s)[-INTERVALS_KEPT:])

    def with_first_repeat(self, first_s: float) -> Rhythm:
        """Return the rhythm after a first repeat that came later than expected."""
        return replace(self, first_s=min(max(self.first_s, SLACK * first_s), MAX_FIRST_REPEAT_S))


@dataclass(frozen=True, slots=True)
class Hold:
    """The state of one key. Each method returns the next state.

    Call `advance` when `due_s` has passed and no key is waiting: keys that a busy program reads late are no gap.
    """

    phase: Phase = "up"
    pressed_at_s: float = 0.0
    last_at_s: float = -math.inf  # press or repeat
    before_s: float = math.inf  # between the press and the last key before it
    reports_releases: bool = False  # the terminal reports releases
    repeats: int = 0  # in the phase "settling"
    rhythm: Rhythm = field(default_factory=Rhythm)

    @property
    def held(self) -> bool:
        return self.phase in ("pressed", "repeating", "tapped")

    @property
    def due_s(self) -> float | None:
        """When to call `advance`, unless something happens before."""
        match self.phase:
            case "pressed" if not self.reports_releases:
                return self.pressed_at_s + self.rhythm.first_s
            case "repeating" if not self.reports_releases:
                return self.last_at_s + self.rhythm.gap_s
            case "settling":
                return self.last_at_s + (self.rhythm.gap_s if self.repeats else self.rhythm.first_s)
            case _:
                return None

    def advance(self, now_s: float) -> Hold:
        """Return the state at `now_s`."""
        if self.due_s is None or now_s < self.due_s:
            return self
        return replace(self, phase="tapped" if self.phase == "pressed" else "up")

    def press(self, now_s: float) -> Hold:
        """Handle the key's character; a terminal that does not report releases sends it for each repeat too."""
        if not self.reports_releases:
            return self._handle_press(now_s)
        phase: Phase = "up" if self.phase == "tapped" else "pressed"
        return replace(self, phase=phase, pressed_at_s=now_s, last_at_s=now_s)

    def release(self, now_s: float) -> Hold:
        """Handle a release, as some terminals report it."""
        if self.phase != "pressed":
            return self
        return replace(self, phase="tapped" if now_s - self.pressed_at_s < TAP_S else "up")

    def reset(self) -> Hold:
        """Treat the key as up until it is pressed again."""
        return replace(self, phase="up")

    def _handle_press(self, now_s: float) -> Hold:
        """Handle a press or repeat where the two look the same."""
        since_s = now_s - self.last_at_s
        state = replace(self, last_at_s=now_s)
        match self.phase:
            case "up":
                return replace(state, phase="pressed", pressed_at_s=now_s, before_s=since_s)
            case "pressed" if since_s < MIN_FIRST_REPEAT_S and self.before_s < MAX_GAP_S:
                # Not a press: the hold before was not over.
                return replace(
                    state, phase="repeating", rhythm=self.rhythm.with_interval(self.before_s).with_interval(since_s)
                )
            case "pressed":
                return replace(state, phase="repeating")
            case "repeating":
                return replace(state, rhythm=self.rhythm.with_interval(since_s))
            case "tapped":
                return replace(state, phase="settling", repeats=0)
            case "settling" if self.repeats == 0 and since_s < MIN_FIRST_REPEAT_S:
                # Not a second press: this keyboard repeats the first one late.
                rhythm = self.rhythm.with_first_repeat(self.last_at_s - self.pressed_at_s).with_interval(since_s)
                return replace(state, phase="repeating", rhythm=rhythm)
            case "settling":  # pragma: no branch
                return replace(state, repeats=self.repeats + 1)
