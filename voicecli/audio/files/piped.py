"""Sound that comes through a pipe: bare samples, or a WAV file that may have no end yet."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from voicecli.errors import DeviceError
from voicecli.types import LISTEN_RATE_HZ, Pcm

BLOCK_S = 0.5
"""Most that is taken at once: a file is read in long blocks, a microphone in those that it writes."""

LEAST_S = 0.02
"""Least that is taken at once, so that a program that writes sample by sample costs no message for each."""

PCM, FLOAT, EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
"""WAVE format tags of Microsoft's mmreg.h; an extensible one is told 24 bytes into its chunk."""

HINT = "16-bit or float WAV, or bare s16le mono at 16 kHz: arecord -f S16_LE -r 16000 -c 1 | voicecli transcribe -"


@dataclass(frozen=True, slots=True)
class Layout:
    """How samples lie in a stream; the defaults are those of bare samples."""

    rate_hz: int = LISTEN_RATE_HZ
    channels: int = 1
    dtype: str = "<i2"

    @property
    def frame_bytes(self) -> int:
        return self.channels * np.dtype(self.dtype).itemsize


class PipedSound:
    """Blocking: belongs on a worker."""

    def __init__(self, file: BinaryIO) -> None:
        """Reads as far as the samples. Raises DeviceError where a WAV file holds something else."""
        self._file = file
        first = file.read(4)
        if first == b"RIFF":
            self._layout, self._left = read_header(file)
            self._rest = b""
        else:
            self._layout, self._left = Layout(), 1 << 62
            self._rest = first

    @property
    def rate_hz(self) -> int:
        return self._layout.rate_hz

    def read(self) -> Pcm:
        """What has come, mixed to mono, shape (n,); waits for LEAST_S of it. Empty at the end."""
        width = self._layout.frame_bytes
        least, most = (max(1, round(span_s * self.rate_hz)) * width for span_s in (LEAST_S, BLOCK_S))
        data = self._rest
        while len(data) < least and (more := self._file.read1(min(self._left, most - len(data)))):  # type: ignore[attr-defined]
            data += more
            self._left -= len(more)
        whole = len(data) // width * width
        self._rest = data[whole:]
        return mono(data[:whole], self._layout)


def read_header(file: BinaryIO) -> tuple[Layout, int]:
    """Layout and bytes of the samples that come next; a program that writes into a pipe claims very many."""
    file.read(8)  # the length of all, and "WAVE"
    layout: Layout | None = None
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"data" and layout is not None:
            return layout, size or 1 << 62
        body = file.read(size + size % 2)
        if name == b"fmt ":
            layout = layout_of(body)
    raise DeviceError("standard input is a WAV file without sound", HINT)


def layout_of(body: bytes) -> Layout:
    """Of a `fmt ` chunk. Raises DeviceError."""
    if len(body) < 16:
        raise DeviceError("standard input is a damaged WAV file", HINT)
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    dtype = {(PCM, 16): "<i2", (FLOAT, 32): "<f4"}.get((tag, bits))
    if dtype is None or not channels or not 8_000 <= rate_hz <= 48_000:
        raise DeviceError(
            f"standard input is WAV of format {tag} with {bits} bits, {channels} channels, {rate_hz} Hz", HINT
        )
    return Layout(rate_hz, channels, dtype)


def mono(data: bytes, layout: Layout) -> Pcm:
    """Whole frames as samples, shape (n,)."""
    samples = np.frombuffer(data, layout.dtype).reshape(-1, layout.channels)
    if layout.dtype == "<f4":
        samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0) * 32767
    elif layout.channels == 1:
        return samples[:, 0].astype(np.int16)
    pcm: Pcm = np.clip(samples.mean(axis=1), -32768, 32767).astype(np.int16)
    return pcm
