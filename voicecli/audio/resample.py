"""Between device rates and 16 kHz, with soxr."""

from __future__ import annotations

import numpy as np
import soxr

from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm


class Framer:
    """Blocks of any length and rate -> frames of 20 ms, or of `frame_samples`, at 16 kHz."""

    def __init__(self, rate_hz: float, frame_samples: int = FRAME_SAMPLES) -> None:
        self._frame_samples = frame_samples
        self._stream = None if rate_hz == LISTEN_RATE_HZ else soxr.ResampleStream(rate_hz, LISTEN_RATE_HZ, 1, "int16")
        self._rest = np.zeros(0, np.int16)

    def push(self, block: Pcm) -> list[Pcm]:
        """Take a block, shape (n,); give the frames that are full, each of shape (frame_samples,)."""
        heard = self._stream.resample_chunk(block) if self._stream else block
        audio = np.concatenate([self._rest, heard])
        full = len(audio) // self._frame_samples * self._frame_samples
        self._rest = audio[full:]
        return list(audio[:full].reshape(-1, self._frame_samples))

    @property
    def waiting_s(self) -> float:
        """Audio that was taken and is not in a frame yet."""
        return len(self._rest) / LISTEN_RATE_HZ


class Converter:
    """Sound that comes in parts -> another rate, without a seam: a part by itself would click at both ends."""

    def __init__(self, from_hz: float, to_hz: float) -> None:
        self._stream = None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, "int16")

    def push(self, pcm: Pcm) -> Pcm:
        """Take a part, shape (n,); the last milliseconds of it wait for what follows."""
        return self._stream.resample_chunk(pcm) if self._stream else pcm

    def finish(self) -> Pcm:
        """What is left; nothing may follow."""
        empty = np.zeros(0, np.int16)
        return self._stream.resample_chunk(empty, last=True) if self._stream else empty


def resample(pcm: Pcm, from_hz: float, to_hz: float) -> Pcm:
    """A whole clip at another rate, shape (n,)."""
    if from_hz == to_hz or not len(pcm):
        return pcm
    out: Pcm = soxr.resample(pcm, from_hz, to_hz)
    return out
