"""Kokoro in windows: the first sound comes when 0.3 s of it have been computed, not the whole piece."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from voicecli.engines.kokoro_parts import COLUMN_SAMPLES, COLUMNS_PER_FRAME, Parts, Utterance, Values
from voicecli.engines.kokoro_sound import RATE_HZ, RISE, Audio, Trimmer
from voicecli.engines.kokoro_statistics import Foretelling, held_style

COLUMN_S = COLUMN_SAMPLES / RATE_HZ  # 12.5 ms
LEAD_FRAMES = 4  # kept of the silent token before the first: a first consonant begins up to 70 ms early
CONTEXT = 4  # columns on either side of a window; twice as many change nothing that can be measured
FIRST, LEAST, MOST = 24, 32, 128  # columns of the first window beyond the lead, of a later one at least and at most
WHOLE = 56  # utterances up to this length come in one piece, and have their own statistics
SAFETY = 0.8  # of the time that a window plays, what may go into computing the next
FIRST_GUESS = 0.4  # seconds for one second of sound, on two cores
NEWEST_WEIGHT = 0.3

Phonemiser = Callable[[str], Sequence[Sequence[int]]]
"""A text's tokens, in batches that the model can take."""


def next_window(previous: int, cost: float) -> int:
    """Columns that are computed in less time than `previous` take to play, at `cost` seconds for a second."""
    return min(MOST, max(LEAST, int(SAFETY * previous / cost) - 2 * CONTEXT))


def window_end(begin: int, length: int, columns: int) -> int:
    """Where a window ends; a rest that would be shorter than half a window comes along."""
    return columns if columns - (begin + length) < max(LEAST, length // 2) else begin + length


class StreamingVoice:
    """One voice of a cut Kokoro. Used by one thread."""

    def __init__(
        self, parts: Parts, phonemise: Phonemiser, styles: Values, speed: float, foretelling: Foretelling
    ) -> None:
        """`styles`: a row for each number of tokens, (510, 1, 256)."""
        self._parts = parts
        self._phonemise = phonemise
        self._styles = styles
        self._speed = speed
        self._foretelling = foretelling
        self._cost = FIRST_GUESS

    def say(self, text: str) -> Iterator[tuple[Audio, float]]:
        """Sound of `text` and the share of it that has been spoken by then. Each step runs the generator once."""
        batches = self._phonemise(text)
        total = sum(map(len, batches))
        trimmer, said = Trimmer(self._foretelling.loudest), 0
        sound = np.zeros(0, np.float32)
        for tokens in batches:
            utterance = spoken_part(self._parts, tokens, self._styles, self._speed)
            for audio, end in self._windows(utterance, MOST if said else FIRST):
                share = (said + len(tokens) * end / len(utterance)) / total
                sound = trimmer.feed(audio)
                if share < 1 and len(sound):
                    yield sound, share
            said += len(tokens)
        if len(ending := trimmer.finish()):
            yield np.concatenate([sound, ending]), 1.0

    def _windows(self, utterance: Utterance, length: int) -> Iterator[tuple[Audio, int]]:
        """The sound, window by window and joined without a seam, and the column at which each window ends."""
        columns = len(utterance)
        statistics = None if columns <= WHOLE else self._foretelling(utterance)
        begin, overhang = 0, np.zeros(0, np.float32)
        lead = LEAD_FRAMES * COLUMNS_PER_FRAME
        while begin < columns:
            end = columns if statistics is None else window_end(begin, length + lead, columns)
            first, beyond = max(0, begin - CONTEXT), min(columns, end + CONTEXT)
            began_s = time.perf_counter()
            audio, _ = self._parts.sound(utterance.part(first, beyond), statistics)
            self._learn(time.perf_counter() - began_s, beyond - first)
            sound = audio[(begin - first) * COLUMN_SAMPLES : (end - first) * COLUMN_SAMPLES]
            sound[: len(overhang)] = overhang + (sound[: len(overhang)] - overhang) * RISE[: len(overhang)]
            overhang = audio[(end - first) * COLUMN_SAMPLES :][: len(RISE)]
            yield sound, end
            length, begin, lead = next_window(end - begin - lead, self._cost), end, 0

    def _learn(self, took_s: float, columns: int) -> None:
        self._cost += NEWEST_WEIGHT * (took_s / (columns * COLUMN_S) - self._cost)


def spoken_part(parts: Parts, tokens: Sequence[int], styles: Values, speed: float) -> Utterance:
    """What the generator is given for `tokens`: without most of the silence before them."""
    utterance, frames = parts.utterance(tokens, held_style(styles, len(tokens)), speed)
    silent = max(0, int(frames[0]) - LEAD_FRAMES) * COLUMNS_PER_FRAME
    return utterance.part(silent, len(utterance))
