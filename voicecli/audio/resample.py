"""Resample int16 samples between device rates and 16 kHz, with soxr, and cut them into frames."""

from __future__ import annotations

import numpy as np
import soxr

from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm


class Framer:
    """Converts blocks of any length and rate to frames of 20 ms, or of `frame_samples`, at 16 kHz."""

    def __init__(self, rate_hz: float, frame_samples: int = FRAME_SAMPLES) -> None:
        self._frame_samples = frame_samples
        self._stream = None if rate_hz == LISTEN_RATE_HZ else soxr.ResampleStream(rate_hz, LISTEN_RATE_HZ, 1, "int16")
        self._rest = np.zeros(0, np.int16)

    def push(self, block: Pcm) -> list[Pcm]:
        """Add a block, shape (n,), and return the frames that are complete, each of shape (frame_samples,)."""
        converted = self._stream.resample_chunk(block) if self._stream else block
        audio = np.concatenate([self._rest, converted])
        complete = len(audio) // self._frame_samples * self._frame_samples
        self._rest = audio[complete:]
        return list(audio[:complete].reshape(-1, self._frame_samples))

    @property
    def waiting_s(self) -> float:
        """Seconds of audio that belong to no complete frame yet."""
        return len(self._rest) / LISTEN_RATE_HZ


class Converter:
    """Resamples sound that arrives in parts. Parts resampled one by one would click where they meet."""

    def __init__(self, from_hz: float, to_hz: float) -> None:
        self._stream = None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, "int16")

    def push(self, pcm: Pcm) -> Pcm:
        """Resample a part, shape (n,). Its last milliseconds wait for the next part."""
        return self._stream.resample_chunk(pcm) if self._stream else pcm

    def finish(self) -> Pcm:
        """Return what is left. Do not push anything afterwards."""
        empty = np.zeros(0, np.int16)
        return self._stream.resample_chunk(empty, last=True) if self._stream else empty


def resample(pcm: Pcm, from_hz: float, to_hz: float) -> Pcm:
    """Resample a whole clip, shape (n,)."""
    if from_hz == to_hz or not len(pcm):
        return pcm
    out: Pcm = soxr.resample(pcm, from_hz, to_hz)
    return out
