"""What was said against what was heard. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import jiwer

from voicecli.bench.words import words

REPEATED_WORDS = 4
LONGER = 1.5  # than the longest of the other transcripts: something was said twice


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Words that were replaced, lost or added, and words of the reference."""
    said, heard = words(reference), words(hypothesis)
    measured = jiwer.process_words(" ".join(said), " ".join(heard))
    return measured.substitutions + measured.deletions + measured.insertions, len(said)


def repeats(text: str, others: Sequence[str] = ()) -> bool:
    """Whether the sentence begins again: four words stand in it twice, or it is far longer than all others heard."""
    heard = words(text)
    runs = [tuple(heard[i : i + REPEATED_WORDS]) for i in range(len(heard) - REPEATED_WORDS + 1)]
    longest = max((len(words(other)) for other in others), default=0)
    return len(set(runs)) < len(runs) or bool(longest and len(heard) > LONGER * longest)
