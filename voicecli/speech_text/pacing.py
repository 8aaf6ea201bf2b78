"""Budget the next text chunk so that its synthesis ends before the queued speech does. Pure."""

from __future__ import annotations

FIRST_GUESS_S_PER_CHAR = 0.05
"""Measured with Kokoro int8 on two cores: 34 to 65 ms a character, median 54 beside a busy language model."""

SAFETY = 0.7
"""Share of the queued sound that the synthesis of the next chunk may take."""

NEWEST_WEIGHT = 0.3
"""Weight of the latest synthesis in the running mean."""

MOST_LEAD_S = 8.0
"""Most sound in the queue. Synthesis waits above it, because an interruption would waste the sound."""


class Pace:
    """Learns how fast this machine synthesizes speech, and budgets the next chunk accordingly."""

    def __init__(self) -> None:
        self._s_per_char = FIRST_GUESS_S_PER_CHAR

    def took(self, chars: int, seconds: float) -> None:
        """Learn from one synthesis."""
        if chars:
            self._s_per_char += NEWEST_WEIGHT * (seconds / chars - self._s_per_char)

    def budget_chars(self, lead_s: float) -> int:
        """Return the characters whose synthesis ends well before `lead_s` of queued sound does.

        0.7 * lead >= s_per_char * chars: the continuity condition of chunked speech. Without a lead it is zero, which
        stands for "as little as possible".
        """
        return int(SAFETY * lead_s / max(self._s_per_char, 1e-6))

    @staticmethod
    def rest_s(lead_s: float) -> float:
        """Return how long to wait before synthesizing more."""
        return max(0.0, lead_s - MOST_LEAD_S)
