"""Bytes of a stream of samples -> Pcm. A message may end inside a sample."""

from __future__ import annotations

import numpy as np

from voicecli.types import Pcm

BYTES = {"s16le": 2, "f32le": 4}


class SampleReader:
    """One stream, mono, little-endian."""

    def __init__(self, sample_format: str) -> None:
        """`sample_format`: s16le, or f32le from -1 to 1."""
        self._is_float = sample_format == "f32le"
        self._width = BYTES[sample_format]
        self._rest = b""

    def read(self, message: bytes) -> Pcm:
        """The samples that are complete, shape (n,). Clipped at full scale; what is no number is silence."""
        data = self._rest + message
        whole = len(data) // self._width * self._width
        data, self._rest = data[:whole], data[whole:]
        if not self._is_float:
            return np.frombuffer(data, "<i2").astype(np.int16)
        samples = np.nan_to_num(np.frombuffer(data, "<f4"), nan=0.0, posinf=1.0, neginf=-1.0)
        pcm: Pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
        return pcm
