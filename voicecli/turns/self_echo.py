"""Recognize a transcript of the assistant's own voice. The last filter, for an echo that passed all others. Pure.

A user may well repeat the assistant's words. So an utterance counts as an echo only if it began while the assistant
spoke or right after, and if nearly all of its words had been spoken, in that order.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

import numpy as np

from voicecli.turns.words import words_of

MIN_WORDS = 4
"""Shorter utterances count as the user's: people choose with "the second one" or "coffee with milk"."""

AFTER_S = 0.8
"""An utterance that began later than this after the voice is the user's: buffers and rooms have decayed by then, and a
person who waits for the end of the answer seldom repeats its words sooner."""

AHEAD_S = 1.0
"""Speech that counts as heard beyond what the speaker reports: devices report their latency inexactly."""

MOST_WRONG = 0.3
"""Share of a transcript's letters that may differ. Between unrelated sentences of eight words it is 0.5 and more."""

MOST_LETTERS = 4000
"""Letters of an answer that are kept, from its end: about four minutes of speech."""

LATEST_WORDS = 14
"""About four seconds of speech: the words that an echo of two or three words can come from."""

ALIKE = 0.8
"""Share of letters that a few words must have in common with spoken ones: "above the bar" and "above the bay" have
0.91."""

REASON = "self-echo"


class SelfEchoFilter:
    """Remembers what was last said aloud. All times are of one clock."""

    def __init__(self, *, audible: bool) -> None:
        """`audible`: the microphone may hear the speaker; with headphones it cannot, and nothing is an echo."""
        self.audible = audible
        self._letters = ""
        self._latest: tuple[str, ...] = ()
        self._until_s = -np.inf

    def note_spoken(self, text: str, until_s: float) -> None:
        """Remember that the assistant said `text` until `until_s`."""
        if self.audible:
            self._letters, self._until_s = letters(text)[-MOST_LETTERS:], until_s
            self._latest = words_of(text)[-LATEST_WORDS:]

    def was_just_spoken(self, text: str) -> bool:
        """Return whether these few words are among the latest ones, in that order and nearly as they were said.

        Of three and more, the last one does not count: it was cut off, so its transcript is arbitrary.
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
        """Return whether a transcript of an utterance that began at `started_at_s` is the assistant's own speech."""
        if started_at_s > self._until_s + AFTER_S or len(re.findall(r"\w+", text)) < MIN_WORDS:
            return False
        heard = letters(text)
        return fewest_edits(heard, self._letters) <= MOST_WRONG * len(heard)


def letters(text: str) -> str:
    """Return letters and digits only: recognizers differ in words, case and punctuation, hardly in sounds."""
    return re.sub(r"[\W_]+", "", text.casefold())


def fewest_edits(part: str, whole: str) -> int:
    """Return the edits from `part` to the nearest substring of `whole` (Sellers, J. Algorithms 1, 1980)."""
    codes = np.array([ord(letter) for letter in whole], np.int64)
    columns = np.arange(len(whole) + 1)
    row = np.zeros(len(whole) + 1, np.int64)
    for letter in part:
        above = row + 1
        above[1:] = np.minimum(above[1:], row[:-1] + (codes != ord(letter)))
        # An insertion costs one for each column: a running minimum once that slope is taken off.
        row = np.minimum.accumulate(above - columns) + columns
    return int(row.min())
