"""When does speech count as an interruption. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BargeIn:
    """How much voiced time it takes to be heard.

    Speech over an answer has to last longer: a cough or "mm-hm" must not cost the user the rest of a sentence.
    """

    start_ms: float  # while nothing sounds
    interrupt_ms: float  # while an answer sounds
    allowed: bool  # without it the assistant finishes first: for open loudspeakers

    def needed_ms(self, *, answering: bool) -> float:
        """Voiced milliseconds that make an utterance just now; infinite when nothing can interrupt."""
        if not answering:
            return self.start_ms
        return self.interrupt_ms if self.allowed else math.inf
