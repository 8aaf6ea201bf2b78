"""What the user waits for: from the last voiced sample to the first sound of the answer, out of its parts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.tune.values import Part


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds, in the median.

    Work begins while it is not yet sure that the user is done: words are decoded after `early_pause_s` of silence, the answer
    is begun after `pause_s`, and nothing sounds before `ending_s`. So what is quicker than that is not felt.
    """

    early_pause_s: float
    pause_s: float
    playout_s: float
    hearing_s: float = 0.0
    answering_s: float = 0.0
    ending_s: float = 0.0

    @property
    def ready_s(self) -> float:
        """After so much silence the first sound of the answer is there."""
        return max(self.pause_s, self.early_pause_s + self.hearing_s) + self.answering_s

    @property
    def voice_to_voice_s(self) -> float:
        return max(self.ending_s, self.ready_s) + self.playout_s

    def having(self, part: Part, seconds: float) -> Waits:
        """The same, with another time for one part."""
        hearing_s = seconds if part == "hearing" else self.hearing_s
        answering_s = seconds if part == "answering" else self.answering_s
        ending_s = seconds if part == "ending" else self.ending_s
        return Waits(self.early_pause_s, self.pause_s, self.playout_s, hearing_s, answering_s, ending_s)
