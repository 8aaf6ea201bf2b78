"""Is a transcript what the assistant itself has just said? The last net, where an echo got past all others. Pure.

A user may well repeat the assistant's words. So only an utterance counts that began while it spoke or right after, and
only one of several words nearly all of which it had spoken, in that order.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

import numpy as np

from voicecli.turns.words import words_of

MIN_WORDS = 4
"""Shorter ones are taken for the user's: "the second one" or "coffee with milk" is how people choose."""

AFTER_S = 0.8
"""An utterance that began later than this after the voice was silent is the user's: buffers and rooms are over by then,
and a person who waits for the end of the answer seldom begins sooner with its own words."""

AHEAD_S = 1.0
"""Speech that is taken for heard beyond what the speaker has told: devices tell their latency inexactly."""

MOST_WRONG = 0.3
"""Letters that may differ, as a share of the transcript. Unrelated sentences of eight words have 0.5 and more."""

MOST_LETTERS = 4000
"""Of an answer, from its end: some four minutes of speech."""

LATEST_WORDS = 14
"""Some four seconds of speech: what an echo of two or three words can be of."""

ALIKE = 0.8
"""Letters, as a share of both, that a few words have in common with the words they are: "above the bar" has 0.91 with
"above the bay"."""

REASON = "self-echo"


class SelfEchoFilter:
    """Remembers the last that was said aloud. All times are of one clock."""

    def __init__(self, *, audible: bool) -> None:
        """`audible`: the microphone may hear the speaker; with headphones it cannot, and nothing is an echo."""
        self.audible = audible
        self._letters = ""
        self._latest: tuple[str, ...] = ()
        self._until_s = -np.inf

    def note_spoken(self, text: str, until_s: float) -> None:
        """The assistant said `text` and fell silent at `until_s`."""
        if self.audible:
            self._letters, self._until_s = letters(text)[-MOST_LETTERS:], until_s
            self._latest = words_of(text)[-LATEST_WORDS:]

    def was_just_spoken(self, text: str) -> bool:
        """Whether these few words are among the latest ones, in that order and nearly as they were said.

        The last of three and more does not count: it was cut off, and a recogniser makes of it what it likes.
        """
        words = words_of(text)
        return self._were_said(words) or (len(words) > 2 and self._were_said(words[:-1]))

    def _were_said(self, words: tuple[str, ...]) -> bool:
        heard = SequenceMatcher(b="".join(words), autojunk=False)
        for at in range(len(self._latest) - len(words) + 1):
            heard.set_seq1("".join(self._latest[at : at + len(words)]))
            if heard.ratio() >= ALIKE:
                return True
        return False

    def is_echo(self, text: str, started_at_s: float) -> bool:
        """Whether a transcript of what began at `started_at_s` is the assistant's."""
        if started_at_s > self._until_s + AFTER_S or len(re.findall(r"\w+", text)) < MIN_WORDS:
            return False
        heard = letters(text)
        return fewest_edits(heard, self._letters) <= MOST_WRONG * len(heard)


def letters(text: str) -> str:
    """Letters and digits alone: recognisers differ in words, case and punctuation, hardly in sounds."""
    return re.sub(r"[\W_]+", "", text.casefold())


def fewest_edits(part: str, whole: str) -> int:
    """Edits from `part` to the nearest stretch of `whole` (Sellers, J. Algorithms 1, 1980)."""
    codes = np.array([ord(letter) for letter in whole], np.int64)
    columns = np.arange(len(whole) + 1)
    row = np.zeros(len(whole) + 1, np.int64)
    for letter in part:
        above = row + 1
        above[1:] = np.minimum(above[1:], row[:-1] + (codes != ord(letter)))
        # An insertion costs one for each column: a running minimum once that slope is taken off.
        row = np.minimum.accumulate(above - columns) + columns
    return int(row.min())
