"""How much of the time limit is left, and what it is enough for. Pure: it is told what things took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicecli.tune.values import Part

SHARE = 0.25
"""Of the whole limit that one trial may take, so that a large model leaves something for the others."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds."""

    limit_s: float
    spent_s: float = 0.0
    longest_s: Mapping[Part, float] = field(default_factory=dict)  # trial of each part

    @property
    def left_s(self) -> float:
        return max(0.0, self.limit_s - self.spent_s)

    def charged(self, took_s: float, part: Part | None = None, *, arms: int = 2) -> Budget:
        """With what a trial of `arms` took, or something that is no trial."""
        longest_s = dict(self.longest_s)
        if part is not None:
            longest_s[part] = max(took_s * 2 / arms, longest_s.get(part, 0.0))
        return Budget(self.limit_s, self.spent_s + took_s, longest_s)

    def fits(self, part: Part) -> bool:
        """Whether a trial that takes as long as the longest of its part so far would end in time."""
        return self.left_s > 0 and self.longest_s.get(part, 0.0) <= self.left_s

    def allowance_s(self, part: Part) -> float:
        """What a trial may take: more than its like has taken, not more than its share."""
        return min(self.left_s, max(SHARE * self.limit_s, self.longest_s.get(part, 0.0)))
