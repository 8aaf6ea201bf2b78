"""Is the key held? Pure: keys and times in, held or not out.

A terminal that tells of releases is believed. Others tell only of presses, and repeat one that lasts: first after a
delay, then at a steady pace. There a hold is over when the repeats cease. A press that is not repeated was a tap, or a
keyboard that does not repeat: then the next press is the end.

    up ── press ──► pressed ── repeats ──► repeating ── they cease ──► up
                       └── none in time: tapped ── press ──► settling ── nothing more ──► up
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

Phase = Literal["up", "pressed", "repeating", "tapped", "settling"]

TAP_S = 0.3
"""A shorter press was a tap, where the terminal tells of releases. The shortest word that is said while one holds a key
takes longer."""

FIRST_REPEAT_S = 0.75
"""A first repeat that has not come by then is not expected any more. X11's delay is 0.66 s, that of GNOME and Windows
0.5 s, of a Linux console 0.25 s. Longer ones are learnt."""

LONGEST_FIRST_REPEAT_S = 2.6
"""What is learnt stays below: macOS and Windows can be set to 2 s and 1 s."""

SOONEST_REPEAT_S = 0.12
"""What comes sooner after a press is a repeat in the middle of a hold: no keyboard's first repeat is so quick, and no
finger."""

UNKNOWN_GAP_S = 0.4
"""Without a repeat for so long a hold is over, as long as the pace of the repeats is not known."""

SHORTEST_GAP_S, LONGEST_GAP_S, GAP_INTERVALS = 0.18, 0.6, 4
"""The same once it is known: so many times the longest interval of late, within these. Keys get through tmux and a busy
machine with stalls of a tenth of a second, and a slow link delivers in bursts; a hold that ends in a word is worse than
one that ends late."""

INTERVALS_KEPT = 200
"""Some six seconds of a hold: what a link has done once it does again."""

SLACK = 1.3
"""Longer than the latest first repeat another one may take."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How this keyboard repeats, as far as was seen."""

    first_s: float = FIRST_REPEAT_S  # wait for the first repeat
    intervals_s: tuple[float, ...] = ()  # between the latest repeats

    @property
    def gap_s(self) -> float:
        """A longer silence is the end of a hold."""
        if not self.intervals_s:
            return UNKNOWN_GAP_S
        return min(max(GAP_INTERVALS * max(self.intervals_s), SHORTEST_GAP_S), LONGEST_GAP_S)

    def seen(self, interval_s: float) -> Rhythm:
        """One more interval between two repeats."""
        return replace(self, intervals_s=(*self.intervals_s, interval_s)[-INTERVALS_KEPT:])

    def late(self, first_s: float) -> Rhythm:
        """A first repeat that came later than any was expected."""
        return replace(self, first_s=min(max(self.first_s, SLACK * first_s), LONGEST_FIRST_REPEAT_S))


@dataclass(frozen=True, slots=True)
class Hold:
    """One key. Each call gives the hold after it.

    `at` is called when `due_s` has passed and no key is waiting: keys that a busy program reads late are no silence.
    """

    phase: Phase = "up"
    pressed_at_s: float = 0.0
    last_at_s: float = -math.inf  # press or repeat
    before_s: float = math.inf  # from what came last before the press
    tells: bool = False  # the terminal tells of releases
    repeats: int = 0  # since it settles
    rhythm: Rhythm = field(default_factory=Rhythm)

    @property
    def held(self) -> bool:
        return self.phase in ("pressed", "repeating", "tapped")

    @property
    def due_s(self) -> float | None:
        """When `at` is to be called, unless something happens before."""
        match self.phase:
            case "pressed" if not self.tells:
                return self.pressed_at_s + self.rhythm.first_s
            case "repeating" if not self.tells:
                return self.last_at_s + self.rhythm.gap_s
            case "settling":
                return self.last_at_s + (self.rhythm.gap_s if self.repeats else self.rhythm.first_s)
            case _:
                return None

    def at(self, now_s: float) -> Hold:
        """As time goes by."""
        if self.due_s is None or now_s < self.due_s:
            return self
        return replace(self, phase="tapped" if self.phase == "pressed" else "up")

    def press(self, now_s: float) -> Hold:
        """The key's character came; a terminal that does not tell sends it for each repeat too."""
        if not self.tells:
            return self._came(now_s)
        phase: Phase = "up" if self.phase == "tapped" else "pressed"
        return replace(self, phase=phase, pressed_at_s=now_s, last_at_s=now_s)

    def release(self, now_s: float) -> Hold:
        """The key is up; only a terminal that tells says so."""
        if self.phase != "pressed":
            return self
        return replace(self, phase="tapped" if now_s - self.pressed_at_s < TAP_S else "up")

    def let_go(self) -> Hold:
        """Whatever the key does: it does not count any more until it is pressed again."""
        return replace(self, phase="up")

    def _came(self, now_s: float) -> Hold:
        """Where presses and repeats look the same."""
        since_s = now_s - self.last_at_s
        came = replace(self, last_at_s=now_s)
        match self.phase:
            case "up":
                return replace(came, phase="pressed", pressed_at_s=now_s, before_s=since_s)
            case "pressed" if since_s < SOONEST_REPEAT_S and self.before_s < LONGEST_GAP_S:
                # No press: the hold before was not over.
                return replace(came, phase="repeating", rhythm=self.rhythm.seen(self.before_s).seen(since_s))
            case "pressed":
                return replace(came, phase="repeating")
            case "repeating":
                return replace(came, rhythm=self.rhythm.seen(since_s))
            case "tapped":
                return replace(came, phase="settling", repeats=0)
            case "settling" if self.repeats == 0 and since_s < SOONEST_REPEAT_S:
                # No second press: this keyboard only takes its time to repeat the first one.
                rhythm = self.rhythm.late(self.last_at_s - self.pressed_at_s).seen(since_s)
                return replace(came, phase="repeating", rhythm=rhythm)
            case "settling":  # pragma: no branch
                return replace(came, repeats=self.repeats + 1)
