"""A long recording as parts that a recogniser can take, cut where nobody speaks. Pure.

The way of WhisperX (Bain et al. 2023, section 2.2: cut and merge), with margins wide enough for what the gate is late
to notice. Every frame that the gate calls speech is in exactly one part.
"""

from __future__ import annotations

from collections.abc import Sequence

from voicecli.types import FRAME_S

MARGIN_S = 1.0
"""Kept on both sides of speech: a soft first or last syllable is beyond the gate, not beyond the recogniser."""

JOINED_S = 12.0
"""Neighbours are joined up to this length: a lone word is misheard easily, and Whisper's short window ends near it."""


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
