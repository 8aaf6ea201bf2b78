"""Cut long speech, at pauses, into parts that a recognizer can process. Pure.

Recordings are cut as in WhisperX (Bain et al. 2023, section 2.2: cut and merge), with margins wide enough for what the
voice activity detector notices late. Every frame that it calls speech is in exactly one part. Speech that still grows
has no margins: it is cut by its levels alone, and every sample is in exactly one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from voicecli.audio.speech_input import VoiceActivityDetector, level_db
from voicecli.types import FRAME_S, FRAME_SAMPLES, AudioFrame, Pcm, SpeechSegment

MARGIN_S = 1.0
"""Kept on both sides of speech: the detector misses a soft first or last syllable, the recognizer does not."""

JOINED_S = 12.0
"""Neighbors are joined up to this length: a lone word is easily misheard, and Whisper's short window ends near it."""

GAP_S, CUT_S = 0.3, 0.06
"""Without a detector the cut is in the quietest GAP_S, which is longer than the closure of a consonant, and in the
quietest CUT_S of that."""

BLOCK_S = 120.0
"""Length of recording that is cut in one go: several times the longest part, so that most cuts are where they would be
if all of the recording were known."""


@dataclass(frozen=True, slots=True)
class Part:
    """Speech, and where it is in the recording."""

    segment: SpeechSegment  # its times are those of the voiced frames, from the start of the recording
    begin_s: float  # of its first sample


class RollingCut:
    """Cuts a recording of any length while it is read, and keeps about `BLOCK_S` of it.

    A recording of at most `longest_s` is one part, speech or not.
    """

    def __init__(self, vad: VoiceActivityDetector, pause_s: float, longest_s: float) -> None:
        """Treat a silence of `pause_s` as a gap between two utterances."""
        self._vad = vad
        self._pause_s, self._longest_s = pause_s, longest_s
        self._rest = np.zeros(0, np.int16)  # of an incomplete frame
        self._frames: NDArray[np.int16] = np.zeros((0, FRAME_SAMPLES), np.int16)
        self._voiced: list[bool] = []
        self._dropped = 0  # frames that are not kept any more

    @property
    def heard_s(self) -> float:
        """Length of the recording so far, in complete frames."""
        return (self._dropped + len(self._voiced)) * FRAME_S

    def push(self, pcm: Pcm) -> list[Part]:
        """Add samples at 16 kHz, shape (n,), and return the parts that later samples cannot change."""
        pcm = np.concatenate([self._rest, pcm])
        complete = len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES
        self._rest = pcm[complete:]
        self._classify(pcm[:complete])
        if len(self._voiced) * FRAME_S < BLOCK_S:
            return []
        ranges = self._ranges()
        margin = _frames(MARGIN_S)
        kept = max(0, len(self._voiced) - margin)  # the margin of speech that follows
        if ranges and ranges[-1].stop > kept - margin:  # the last part may go on
            kept = ranges.pop().start
        parts = [self._part(part) for part in ranges]
        self._frames, self._voiced, self._dropped = self._frames[kept:], self._voiced[kept:], self._dropped + kept
        return parts

    def finish(self) -> list[Part]:
        """Return the parts that are left."""
        self._classify(np.pad(self._rest, (0, -len(self._rest) % FRAME_SAMPLES)))
        whole = not self._dropped and len(self._voiced) * FRAME_S <= self._longest_s
        ranges = [range(len(self._voiced))] * bool(self._voiced) if whole else self._ranges()
        return [self._part(part) for part in ranges]

    def _classify(self, pcm: Pcm) -> None:
        frames, began_s = pcm.reshape(-1, FRAME_SAMPLES), self.heard_s
        self._voiced += [
            self._vad.is_speech(AudioFrame(frame, began_s + index * FRAME_S)) for index, frame in enumerate(frames)
        ]
        self._frames = np.concatenate([self._frames, frames])

    def _ranges(self) -> list[range]:
        levels_db = [level_db(frame) for frame in self._frames]
        return cut_at_pauses(self._voiced, levels_db, self._pause_s, self._longest_s)

    def _part(self, part: range) -> Part:
        voiced = [index for index in part if self._voiced[index]] or part
        pcm: Pcm = self._frames[part.start : part.stop].ravel()
        started, ended = self._dropped + voiced[0], self._dropped + voiced[-1] + 1
        return Part(SpeechSegment(pcm, started * FRAME_S, ended * FRAME_S), (self._dropped + part.start) * FRAME_S)


def cut_at_pauses(voiced: Sequence[bool], levels_db: Sequence[float], pause_s: float, longest_s: float) -> list[range]:
    """Return the frames of each part, in order, none longer than `longest_s`.

    `voiced` and `levels_db` are the detector's decision and the level of each frame. A silence of `pause_s` separates
    two utterances. Speech without a pause is cut at its longest and quietest gap.
    """
    silence = _silence_around(voiced)
    parts: list[range] = []
    for utterance in _utterances(voiced, _frames(pause_s)):
        for part in _split(utterance, silence, levels_db, _frames(longest_s)):
            adjacent = bool(parts) and parts[-1].stop == part.start
            if adjacent and part.stop - parts[-1].start <= _frames(min(JOINED_S, longest_s)):
                parts[-1] = range(parts[-1].start, part.stop)
            else:
                parts.append(part)
    return parts


def first_part(pcm: Pcm) -> int:
    """Return the length of a first part of `pcm`, shape (n,), in samples. It ends in the quietest gap after a third.

    This is for speech that no detector has classified. If all of it is equally quiet, the cut is late.
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
    """Return the mean of each `count` neighbors, to 0.001 dB, so that equal levels compare equal."""
    means: NDArray[np.float64] = np.round(sliding_window_view(levels_db, count).mean(axis=-1, dtype=np.float64), 3)
    return means


def _frames(seconds: float) -> int:
    return max(1, round(seconds / FRAME_S))


def _utterances(voiced: Sequence[bool], pause: int) -> list[range]:
    """Return runs of speech with their margins; two that are close meet in the middle of their pause."""
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


def _split(part: range, silence: Sequence[int], levels_db: Sequence[float], longest: int) -> list[range]:
    """Split a part into parts of at most `longest` frames."""
    parts: list[range] = []
    while len(part) > longest:
        candidates = range(part.start + max(1, longest // 3), part.start + longest + 1)
        cut = max(candidates, key=lambda frame: (silence[frame], -levels_db[frame]))
        parts.append(range(part.start, cut))
        part = range(cut, part.stop)
    return [*parts, part]


def _silence_around(voiced: Sequence[bool]) -> list[int]:
    """Return for each frame the length of the run of silent frames that it belongs to; 0 for speech."""
    lengths = [0] * len(voiced)
    start = 0
    for index in range(len(voiced) + 1):
        if index < len(voiced) and not voiced[index]:
            continue
        lengths[start:index] = [index - start] * (index - start)
        start = index + 1
    return lengths
