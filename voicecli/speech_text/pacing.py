"""How long may the next piece be, so that the voice never waits for it. Pure."""

from __future__ import annotations

FIRST_GUESS_S_PER_CHAR = 0.05
"""Kokoro int8 on two cores: 34 to 65 ms a character, 54 in the median beside a busy language model."""

SAFETY = 0.7
"""Share of the queued sound that the synthesis of the next piece may take."""

NEWEST_WEIGHT = 0.3
"""Of the latest synthesis in the running mean."""

MOST_LEAD_S = 8.0
"""Sound that may be queued: beyond it synthesis waits, since an interruption would waste it."""


class Pace:
    """Learns how fast this machine synthesizes, and budgets the next piece by it."""

    def __init__(self) -> None:
        self._s_per_char = FIRST_GUESS_S_PER_CHAR

    def took(self, chars: int, seconds: float) -> None:
        """Learn from one synthesis."""
        if chars:
            self._s_per_char += NEWEST_WEIGHT * (seconds / chars - self._s_per_char)

    def budget_chars(self, lead_s: float) -> int:
        """Characters whose synthesis ends well before `lead_s` of queued sound does.

        0.7 * lead >= s_per_char * chars: the continuity condition of chunked speech. At no lead it is zero, which
        stands for "as little as makes sense".
        """
        return int(SAFETY * lead_s / max(self._s_per_char, 1e-6))

    @staticmethod
    def rest_s(lead_s: float) -> float:
        """How long to wait before more sound is worth having."""
        return max(0.0, lead_s - MOST_LEAD_S)
