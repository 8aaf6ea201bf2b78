"""What was said against what was heard. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from voicecli.bench.wer import words

REPEATED_WORDS = 4
LONGER = 1.5  # than the longest of the other transcripts: something was said twice


def repeats(text: str, others: Sequence[str] = ()) -> bool:
    """Whether the sentence begins again: four words stand in it twice, or it is far longer than all others heard."""
    heard = words(text)
    runs = [tuple(heard[i : i + REPEATED_WORDS]) for i in range(len(heard) - REPEATED_WORDS + 1)]
    longest = max((len(words(other)) for other in others), default=0)
    return len(set(runs)) < len(runs) or bool(longest and len(heard) > LONGER * longest)
