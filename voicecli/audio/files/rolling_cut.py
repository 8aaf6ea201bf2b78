"""A recording of any length as parts that a recogniser can take, found while it is still being read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecli.audio.files.cutting import MARGIN_S, cut_at_pauses
from voicecli.audio.speech_input import level_db
from voicecli.types import FRAME_S, FRAME_SAMPLES, Pcm, SpeechSegment

BLOCK_S = 120.0
"""What is looked at in one go: several times the longest part, so that most cuts are where they would be with all in
sight."""


@dataclass(frozen=True, slots=True)
class Part:
    """Speech and where it is in the recording."""

    segment: SpeechSegment  # its times are of what is voiced, from the recording's beginning on
    begin_s: float  # of its first sample


class RollingCut:
    """Keeps `BLOCK_S` of the recording at most, and gives what `cut_at_pauses` makes of it."""

    def __init__(self, pause_s: float, longest_s: float) -> None:
        self._pause_s, self._longest_s = pause_s, longest_s
        self._frames: NDArray[np.int16] = np.zeros((0, FRAME_SAMPLES), np.int16)
        self._voiced: list[bool] = []
        self._gone = 0  # frames that are not kept any more

    @property
    def heard_s(self) -> float:
        """Length of the recording so far."""
        return (self._gone + len(self._voiced)) * FRAME_S

    def push(self, frames: NDArray[np.int16], voiced: Sequence[bool]) -> list[Part]:
        """Frames, shape (n, FRAME_SAMPLES), and the gate's verdict on each; the parts that nothing can change now."""
        self._frames = np.concatenate([self._frames, frames])
        self._voiced += voiced
        if len(self._voiced) * FRAME_S < BLOCK_S:
            return []
        ranges = self._ranges()
        margin = round(MARGIN_S / FRAME_S)
        kept = max(0, len(self._voiced) - margin)  # a soft beginning of what follows
        if ranges and ranges[-1].stop > kept - margin:  # what follows may belong to it
            kept = ranges.pop().start
        parts = [self._part(part) for part in ranges]
        self._frames, self._voiced, self._gone = self._frames[kept:], self._voiced[kept:], self._gone + kept
        return parts

    def finish(self) -> list[Part]:
        """What is left. A recording that a recogniser takes in one go is left whole, speech or not."""
        whole = not self._gone and len(self._voiced) * FRAME_S <= self._longest_s
        ranges = [range(len(self._voiced))] * bool(self._voiced) if whole else self._ranges()
        return [self._part(part) for part in ranges]

    def _ranges(self) -> list[range]:
        levels_db = [level_db(frame) for frame in self._frames]
        return cut_at_pauses(self._voiced, levels_db, self._pause_s, self._longest_s)

    def _part(self, part: range) -> Part:
        voiced = [index for index in part if self._voiced[index]] or part
        pcm: Pcm = self._frames[part.start : part.stop].ravel()
        started, ended = self._gone + voiced[0], self._gone + voiced[-1] + 1
        return Part(SpeechSegment(pcm, started * FRAME_S, ended * FRAME_S), (self._gone + part.start) * FRAME_S)
