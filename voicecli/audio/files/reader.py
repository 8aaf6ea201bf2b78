"""Read sound from files, uploads and pipes as mono int16 samples. All of it blocks: call it on a worker thread.

FFmpeg (through PyAV) decodes files and uploads. A pipe is read here, because FFmpeg waits for whole packets, and a live
microphone behind a pipe must be heard as it writes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from voicecli.errors import DeviceError
from voicecli.types import LISTEN_RATE_HZ, Pcm

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame as AvFrame
    from av.container import InputContainer

UPLOAD_BLOCK_S = 10.0
"""Length of the blocks of `read_blocks`: the worker stops after at most one more when nobody wants the rest."""

ONLY_THIS_FILE = {"protocol_whitelist": "none"}
"""FFmpeg may open nothing beside the file itself: a playlist or a session description could name files and hosts."""

FORMATS = "use WAV, FLAC, MP3, Ogg, Opus, M4A, MP4, WebM or another format that FFmpeg reads"

PIPE_BLOCK_S = 0.5
"""Longest block of `PipedSound`: a file is read in long blocks, a microphone in the blocks that it writes."""

LEAST_PIPE_BLOCK_S = 0.02
"""Shortest block of `PipedSound`, so that a program that writes sample by sample does not cost a message for each."""

PCM, FLOAT, EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
"""WAVE format tags of Microsoft's mmreg.h. An extensible format has its real tag 24 bytes into the chunk."""

PIPE_HINT = "16-bit or float WAV, or bare s16le mono at 16 kHz: arecord -f S16_LE -r 16000 -c 1 | voicecli transcribe -"
UNBOUNDED = 1 << 62


class Unplayable(DeviceError):
    """A file that contains no sound, or is damaged."""


class TooLong(DeviceError):
    """An upload that would occupy the recognizer for hours."""


def read_clip(path: Path) -> Pcm:
    """Return a sound file as samples at 16 kHz, shape (n,). Raise DeviceError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return np.concatenate([np.zeros(0, np.int16), *_decode(file, str(path))])
    except FileNotFoundError as error:
        raise DeviceError(f"{path} does not exist", "check the name") from error
    except OSError as error:
        raise Unplayable(
            f"{path} cannot be read: {error.strerror}", "check that it is a file that you may read"
        ) from error


def read_blocks(file: BinaryIO, longest_s: float) -> Iterator[Pcm]:
    """Yield an upload as samples at 16 kHz in blocks of about `UPLOAD_BLOCK_S`, shape (n,).

    Raise Unplayable, or TooLong if it is longer than `longest_s`.
    """
    read, waiting = 0, list[Pcm]()
    for pcm in _decode(file, "the file"):
        waiting.append(pcm)
        read += len(pcm)
        if read > round(longest_s * LISTEN_RATE_HZ):
            raise TooLong(f"the recording is longer than {longest_s / 3600:g} h", "split it")
        if sum(map(len, waiting)) >= UPLOAD_BLOCK_S * LISTEN_RATE_HZ:
            yield np.concatenate(waiting)
            waiting = []
    if not read:
        raise Unplayable("the file contains no sound that can be decoded", FORMATS)
    if waiting:
        yield np.concatenate(waiting)


def _decode(file: BinaryIO, name: str) -> Iterator[Pcm]:
    """Yield the first sound track of any container, mono and at 16 kHz. Skip damaged packets, as players do."""
    import av
    from av.audio.resampler import AudioResampler

    resampler = AudioResampler(format="s16", layout="mono", rate=LISTEN_RATE_HZ)
    try:
        with av.open(file, "r", options=ONLY_THIS_FILE, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise Unplayable(f"{name} has no sound track", FORMATS)
            for frame in chain(_frames(container), [None]):  # None: flush
                for resampled in resampler.resample(frame):
                    yield resampled.to_ndarray().ravel().astype(np.int16, copy=False)
    except (av.FFmpegError, ValueError) as error:  # ValueError: sound of an unknown layout or format
        raise Unplayable(f"{name} cannot be read as sound: {error}", FORMATS) from error


def _frames(container: InputContainer) -> Iterator[AvFrame]:
    from av.error import InvalidDataError

    for packet in container.demux(container.streams.audio[0]):
        try:
            for frame in packet.decode():
                frame.pts = None  # gaps and jumps in the time stamps are not sound
                yield frame
        except InvalidDataError:
            continue


@dataclass(frozen=True, slots=True)
class SampleLayout:
    """Format of the samples in a pipe; the default is that of bare samples."""

    rate_hz: int = LISTEN_RATE_HZ
    channels: int = 1
    dtype: str = "<i2"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * np.dtype(self.dtype).itemsize

    def to_mono(self, data: bytes) -> Pcm:
        """Convert whole frames to mono samples, shape (n,)."""
        samples = np.frombuffer(data, self.dtype).reshape(-1, self.channels)
        if self.dtype == "<f4":
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0) * 32767
        elif self.channels == 1:
            return samples[:, 0].astype(np.int16)
        pcm: Pcm = np.clip(samples.mean(axis=1), -32768, 32767).astype(np.int16)
        return pcm


class PipedSound:
    """Sound from a pipe: bare samples, or a WAV file that may not be complete yet."""

    def __init__(self, file: BinaryIO) -> None:
        """Read up to the samples. Raise DeviceError if a WAV file has another format."""
        self._file = file
        first = file.read(4)
        if first == b"RIFF":
            self._layout, self._left = _read_wav_header(file)
            self._rest = b""
        else:
            self._layout, self._left = SampleLayout(), UNBOUNDED
            self._rest = first

    @property
    def rate_hz(self) -> int:
        """Sample rate of the pipe."""
        return self._layout.rate_hz

    def read(self) -> Pcm:
        """Wait for LEAST_PIPE_BLOCK_S of sound and return what has arrived, shape (n,); empty at the end."""
        width = self._layout.frame_bytes
        least, most = (max(1, round(span_s * self.rate_hz)) * width for span_s in (LEAST_PIPE_BLOCK_S, PIPE_BLOCK_S))
        data = self._rest
        while len(data) < least and (more := self._file.read1(min(self._left, most - len(data)))):  # type: ignore[attr-defined]
            data += more
            self._left -= len(more)
        whole = len(data) // width * width
        self._rest = data[whole:]
        return self._layout.to_mono(data[:whole])


def _read_wav_header(file: BinaryIO) -> tuple[SampleLayout, int]:
    """Return the format and number of bytes of the samples that follow; a program that writes to a pipe claims many."""
    file.read(8)  # the length of the whole file, and "WAVE"
    layout: SampleLayout | None = None
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"data" and layout is not None:
            return layout, size or UNBOUNDED
        body = file.read(size + size % 2)
        if name == b"fmt ":
            layout = _parse_layout(body)
    raise DeviceError("standard input is a WAV file without sound", PIPE_HINT)


def _parse_layout(body: bytes) -> SampleLayout:
    """Parse a `fmt ` chunk. Raise DeviceError if the format is not supported."""
    if len(body) < 16:
        raise DeviceError("standard input is a damaged WAV file", PIPE_HINT)
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    dtype = {(PCM, 16): "<i2", (FLOAT, 32): "<f4"}.get((tag, bits))
    if dtype is None or not channels or not 8_000 <= rate_hz <= 48_000:
        raise DeviceError(
            f"standard input is WAV of format {tag} with {bits} bits, {channels} channels, {rate_hz} Hz", PIPE_HINT
        )
    return SampleLayout(rate_hz, channels, dtype)
