"""What time it is, here or elsewhere. Pure."""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime

from voicecli.errors import ToolError

Now = Callable[[], datetime]
"""The time, with its zone."""


def local_now() -> datetime:
    """By this machine."""
    return datetime.now(UTC).astimezone()


def current_time(now: Now, zone: str) -> str:
    """Date and time; `zone`: an IANA name, empty for here. Raises ToolError with the nearest names."""
    moment = now()
    if zone:
        try:
            moment = moment.astimezone(zoneinfo.ZoneInfo(zone.replace(" ", "_")))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ToolError(_unknown(zone)) from None
    return f"{moment:%A}, {moment.day} {moment:%B %Y}, {clock_time(moment)} ({zone or moment.tzname()})"


def clock_time(moment: datetime) -> str:
    """Hours and minutes, 0 to 24."""
    return f"{moment:%H:%M}"


def _unknown(zone: str) -> str:
    names = sorted(zoneinfo.available_timezones())
    city = zone.rsplit("/", 1)[-1].replace(" ", "_").casefold()
    near = [name for name in names if name.rsplit("/", 1)[-1].casefold() == city]
    near = near or difflib.get_close_matches(zone, names, 3, 0.6)
    hint = f"Perhaps {', '.join(near)}." if near else "Use an IANA name such as Europe/Berlin."
    return f"There is no time zone {zone!r}. {hint}"
