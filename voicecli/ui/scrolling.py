"""Which lines of a long conversation are in sight: the newest, or those that somebody went back to. Pure.

Who reads further up counts lines from the beginning, so that new words at the end move nothing.
"""

from __future__ import annotations

from voicecli.ui.terminal.keys import Key

SCROLL_KEYS = ("page-up", "page-down", "home", "end", "up", "down", "wheel-up", "wheel-down")

WHEEL_LINES = 3
"""Of a notch; a terminal that sends arrow keys instead sends as many of them."""


def scrolled(top: int | None, key: Key, total: int, height: int) -> int | None:
    """The first line in sight after one of `SCROLL_KEYS`, of `total` lines with room for `height`; None follows the
    end.
    """
    last = max(total - height, 0)
    page = max(height - 1, 1)
    start = last if top is None else min(top, last)
    match key:
        case "page-up":
            start -= page
        case "page-down":
            start += page
        case "up" | "wheel-up":
            start -= 1 if key == "up" else WHEEL_LINES
        case "down" | "wheel-down":
            start += 1 if key == "down" else WHEEL_LINES
        case "home":
            start = 0
        case _:
            return None
    start = max(start, 0)
    return None if start >= last else start
