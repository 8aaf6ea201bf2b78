"""Where in a recording the sound is, by its level alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm, Word

TAIL_DB, TAIL_S = 40.0, 0.3  # what follows the last sound above this level, and what of it is kept: soft endings
WORD_DB = 30.0  # below the loudest: silence at the edge of a word
LOUDEST_STEPS = 10  # 0.2 s, so that a click does not make soft speech a tail


def without_tail(pcm: Pcm) -> Pcm:
    """The recording up to shortly after its last sound: encoding silence takes as long as encoding speech."""
    sounding = np.flatnonzero(_sounding(pcm, TAIL_DB))
    if not len(sounding):
        return pcm
    return pcm[: (sounding[-1] + 1) * FRAME_SAMPLES + round(TAIL_S * LISTEN_RATE_HZ)]


def trim_words(words: Iterable[Word], pcm: Pcm) -> tuple[Word, ...]:
    """The words without the silence at their edges, which an aligner gives to the one or the other neighbor.

    A word that is softer than that altogether keeps its times. All lie between the first sound and the last.
    """
    sounds = np.flatnonzero(_sounding(pcm, TAIL_DB))
    first_s, last_s = (sounds[0] * FRAME_S, (sounds[-1] + 1) * FRAME_S) if len(sounds) else (0.0, 0.0)
    sounding = _sounding(pcm, WORD_DB)
    return tuple(_trim_word(word, sounding, first_s, last_s) for word in words)


def _trim_word(word: Word, sounding: NDArray[np.bool_], first_s: float, last_s: float) -> Word:
    start_s, end_s = (min(max(at_s, first_s), last_s) for at_s in (word.start_s, word.end_s))
    first = int(start_s / FRAME_S + 0.5)
    steps = first + np.flatnonzero(sounding[first : int(end_s / FRAME_S + 0.5)])
    if len(steps):
        start_s, end_s = max(start_s, steps[0] * FRAME_S), min(end_s, (steps[-1] + 1) * FRAME_S)
    return replace(word, start_s=round(float(start_s), 3), end_s=round(float(end_s), 3))


def _sounding(pcm: Pcm, below_db: float) -> NDArray[np.bool_]:
    """Whether each whole step of 20 ms is less than `below_db` softer than the loudest ones, shape (steps,)."""
    steps = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].astype(np.float32).reshape(-1, FRAME_SAMPLES)
    levels_db = 10 * np.log10((steps**2).mean(axis=1) + 1)
    if not len(levels_db):
        return np.zeros(0, np.bool_)
    sounding: NDArray[np.bool_] = levels_db > np.sort(levels_db)[-LOUDEST_STEPS:].mean() - below_db
    return sounding
