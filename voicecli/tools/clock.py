"""The current time, and timers."""

from __future__ import annotations

import asyncio
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from voicecli.errors import ToolError
from voicecli.tools.places import similar_places, zone_of

Now = Callable[[], datetime]
"""Returns the time with its zone."""


def local_now() -> datetime:
    """Return the time in the zone of this machine."""
    return datetime.now(UTC).astimezone()


HERE = frozenset({"here", "local", "local time", "current location", "my location", "user", "none", "today", "now"})
"""What models write for the place of the user instead of leaving it out."""


def current_time(now: Now, place: str) -> str:
    """Return date and time in a city, a country or an IANA zone; empty: here. Raise ToolError with similar names."""
    moment = now()
    place = "" if place.casefold() in HERE else place
    if place:
        zone = zone_of(place)
        if zone is None:
            near = similar_places(place)
            hint = f"Perhaps {', '.join(near)}." if near else "Name the nearest large city."
            raise ToolError(f"The time zone of {place!r} is not known. {hint}")
        moment = moment.astimezone(zoneinfo.ZoneInfo(zone))
    where = f"In {place} it" if place else "It"
    return f"{where} is {clock_time(moment)} on {moment:%A}, {moment.day} {moment:%B %Y}."


def clock_time(moment: datetime) -> str:
    """Return hours and minutes of a 24-hour clock."""
    return f"{moment:%H:%M}"


MAX_TIMER_S = 24 * 3600.0
MAX_TIMERS = 20
POLL_S = 15.0
"""Interval between looks at the wall clock. After a sleep of the machine a timer is late by at most this."""

UNITS = (("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Timer:
    """A running timer."""

    label: str
    length_s: int
    due: datetime
    task: asyncio.Task[None] = field(repr=False, compare=False)


ANY_TIMER = frozenset({"timer", "the", "my", "a"})
"""Words of a label that tell no timer from another."""


class Timers:
    """The timers of a conversation. They go by the wall clock, so one that ends during a sleep rings afterwards.

    All methods belong to the loop.
    """

    def __init__(self, now: Now, ring: Callable[[str], None], tasks: asyncio.TaskGroup) -> None:
        """Create the timers. `ring` speaks a text."""
        self._now = now
        self._ring = ring
        self._tasks = tasks
        self._running: list[Timer] = []

    def set(self, seconds: float, label: str) -> str:
        """Start a timer and return the result for the language model. Raise ToolError."""
        length_s = round(seconds)
        if not 1 <= length_s <= MAX_TIMER_S:
            raise ToolError("A timer takes from one second to 24 hours; pass hours, minutes or seconds as numbers")
        if len(self._running) == MAX_TIMERS:
            raise ToolError(f"{MAX_TIMERS} timers are running, which is the maximum")
        due = self._now() + timedelta(seconds=length_s)
        name = label or f"{duration(length_s)} timer"
        task = self._tasks.create_task(self._wait(due), name=f"timer {name}")
        timer = Timer(name, length_s, due, task)
        self._running.append(timer)
        task.add_done_callback(lambda done: None if done.cancelled() else self._over(timer))
        return (
            f"The timer{f' {label!r}' if label else ''} is set for {duration(length_s)} and rings at {clock_time(due)}."
        )

    def remaining(self) -> str:
        """Return the running timers as text, the next one first."""
        if not self._running:
            return "No timer is running."
        now = self._now()
        left = [(timer, (timer.due - now).total_seconds()) for timer in sorted(self._running, key=lambda one: one.due)]
        return "\n".join(f"{timer.label}: {duration(max(0, round(left_s)))} left" for timer, left_s in left)

    def cancel(self, label: str) -> str:
        """Stop the timer with the label, or the only one. Raise ToolError."""
        if not self._running:
            raise ToolError("No timer is running")
        wanted = " ".join(word for word in label.casefold().split() if word not in ANY_TIMER)
        fitting = [timer for timer in self._running if _fits(wanted, timer.label.casefold())]
        if len(fitting) != 1:
            names = ", ".join(timer.label for timer in self._running)
            raise ToolError(f"{'Which one' if fitting else f'None is called {label!r}'}? These are running: {names}")
        self._running.remove(fitting[0])
        fitting[0].task.cancel()
        return f"The timer {fitting[0].label!r} is cancelled."

    def close(self) -> None:
        """Stop all timers."""
        for timer in self._running:
            timer.task.cancel()
        self._running.clear()

    async def _wait(self, due: datetime) -> None:
        while (left_s := (due - self._now()).total_seconds()) > 0:  # noqa: ASYNC110 - time passes by itself
            await asyncio.sleep(min(left_s, POLL_S))

    def _over(self, timer: Timer) -> None:
        self._running.remove(timer)
        self._ring(ring_text(timer.label))


def _fits(wanted: str, label: str) -> bool:
    return wanted in label or label in wanted


def ring_text(label: str) -> str:
    """Return what is said when a timer rings."""
    name = label if "timer" in label.casefold() else f"{label} timer"
    return f"Your {name} is done."


def duration(seconds: int) -> str:
    """Return a duration as text, such as "1 hour 5 minutes"."""
    parts = []
    for unit, length_s in UNITS:
        count, seconds = divmod(seconds, length_s)
        if count:
            parts.append(f"{count} {unit}" if count == 1 else f"{count} {unit}s")
    return " ".join(parts) or "0 seconds"
