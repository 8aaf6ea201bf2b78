"""Transcripts of growing audio -> words that stand, and words that may still change. Pure.

LocalAgreement-2 (Macháček et al. 2023, "Turning Whisper into Real-Time Transcription System"): a word is firm once two
hypotheses in a row agree on it and on all before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.turns.words import bare


@dataclass(frozen=True, slots=True)
class StablePrefix:
    """The last hypothesis and how many of its words stand. Only settled words can replace firm ones."""

    words: tuple[str, ...] = ()
    firm: int = 0
    settled: int = 0

    def with_hypothesis(self, text: str, settled: int = 0) -> StablePrefix:
        """Return the prefix after the next hypothesis. One that contradicts firm words is ignored.

        The first `settled` words are no hypothesis: they are final. Where more of them are known than before, they win
        over firm words, and what follows them has to become firm anew if it differs.
        """
        words = tuple(text.split())
        agreed = agreement(self.words, words)
        if agreed < self.firm and settled <= self.settled:
            return self
        return StablePrefix(words, max(agreed, settled), settled)

    @property
    def stable(self) -> str:
        return " ".join(self.words[: self.firm])

    @property
    def unstable(self) -> str:
        return " ".join(self.words[self.firm :])


def agreement(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return the number of leading words that are equal except for case and marks."""
    count = 0
    for mine, yours in zip(one, other, strict=False):
        if bare(mine) != bare(yours):
            break
        count += 1
    return count
