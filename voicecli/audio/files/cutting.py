"""Long speech as parts that a recogniser can take, cut where nobody speaks. Pure.

Recordings go the way of WhisperX (Bain et al. 2023, section 2.2: cut and merge), with margins wide enough for what the
gate is late to notice. Every frame that the gate calls speech is in exactly one part. Speech that still grows has no
margins: it is cut by its levels alone, and every sample is in exactly one part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from voicecli.types import FRAME_S, FRAME_SAMPLES, Pcm

MARGIN_S = 1.0
"""Kept on both sides of speech: a soft first or last syllable is beyond the gate, not beyond the recogniser."""

JOINED_S = 12.0
"""Neighbours are joined up to this length: a lone word is misheard easily, and Whisper's short window ends near it."""

GAP_S, CUT_S = 0.3, 0.06
"""Without a gate the place to cut is the quietest stretch of GAP_S, longer than the closure of a consonant, and in it
the quietest one of CUT_S."""


def cut_at_pauses(voiced: Sequence[bool], levels_db: Sequence[float], pause_s: float, longest_s: float) -> list[range]:
    """Frames of each part, in order, none longer than `longest_s`.

    `voiced` and `levels_db` are the gate's verdict and the loudness of each frame; a silence of `pause_s` parts two
    utterances. Speech without a pause is cut at its longest and quietest gap.
    """
    silence = _silence_around(voiced)
    parts: list[range] = []
    for utterance in _utterances(voiced, _frames(pause_s)):
        for part in _short_enough(utterance, silence, levels_db, _frames(longest_s)):
            adjacent = bool(parts) and parts[-1].stop == part.start
            if adjacent and part.stop - parts[-1].start <= _frames(min(JOINED_S, longest_s)):
                parts[-1] = range(parts[-1].start, part.stop)
            else:
                parts.append(part)
    return parts


def first_part(pcm: Pcm) -> int:
    """Samples of `pcm`, shape (n,), that make a first part of it: it ends in the quietest gap after the first third.

    For speech that nobody has judged frame by frame. What is equally quiet throughout is cut late.
    """
    frames = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].astype(np.float32).reshape(-1, FRAME_SAMPLES)
    levels_db = 10 * np.log10((frames**2).mean(axis=1) + 1)
    gap = _frames(GAP_S)
    soonest = len(frames) // 3
    gaps_db = _means(levels_db[soonest:], gap)
    begin = soonest + int(np.flatnonzero(gaps_db == gaps_db.min())[-1])
    cuts_db = _means(levels_db[begin : begin + gap], _frames(CUT_S))
    quietest = np.flatnonzero(cuts_db == cuts_db.min())
    cut = begin + int(quietest[len(quietest) // 2]) + (_frames(CUT_S) + 1) // 2
    return cut * FRAME_SAMPLES


def _means(levels_db: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Of each `count` neighbours; to 0.001 dB, so that what is equally loud compares equal."""
    means: NDArray[np.float64] = np.round(sliding_window_view(levels_db, count).mean(axis=-1, dtype=np.float64), 3)
    return means


def _frames(seconds: float) -> int:
    return max(1, round(seconds / FRAME_S))


def _utterances(voiced: Sequence[bool], pause: int) -> list[range]:
    """Stretches of speech with their margins; two that are near each other meet in the middle of their pause."""
    bare: list[range] = []
    for index, is_speech in enumerate(voiced):
        if not is_speech:
            continue
        if bare and index - bare[-1].stop < pause:
            bare[-1] = range(bare[-1].start, index + 1)
        else:
            bare.append(range(index, index + 1))
    margin = _frames(MARGIN_S)
    starts = [max(0, part.start - margin) for part in bare]
    stops = [min(len(voiced), part.stop + margin) for part in bare]
    for index in range(1, len(bare)):
        if starts[index] < stops[index - 1]:
            starts[index] = stops[index - 1] = (bare[index - 1].stop + bare[index].start) // 2
    return [range(start, stop) for start, stop in zip(starts, stops, strict=True)]


def _short_enough(part: range, silence: Sequence[int], levels_db: Sequence[float], longest: int) -> list[range]:
    parts: list[range] = []
    while len(part) > longest:
        candidates = range(part.start + max(1, longest // 3), part.start + longest + 1)
        cut = max(candidates, key=lambda frame: (silence[frame], -levels_db[frame]))
        parts.append(range(part.start, cut))
        part = range(cut, part.stop)
    return [*parts, part]


def _silence_around(voiced: Sequence[bool]) -> list[int]:
    """For each frame how many silent ones in a row it belongs to; none for speech."""
    lengths = [0] * len(voiced)
    start = 0
    for index in range(len(voiced) + 1):
        if index < len(voiced) and not voiced[index]:
            continue
        lengths[start:index] = [index - start] * (index - start)
        start = index + 1
    return lengths
