"""Uploaded sound in any container that PyAV reads -> samples, a block at a time. Blocks: belongs on a worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame as AvFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from voicecli.errors import VoiceCliError
from voicecli.types import LISTEN_RATE_HZ, Pcm

BLOCK_S = 10.0
"""Read in one go: what the worker is busy with when nobody wants the rest any more."""

NOTHING_ELSE = {"protocol_whitelist": "none"}
"""What FFmpeg may open beside the file itself: a playlist or a session description would name files and hosts."""

TAKEN = "WAV, FLAC, MP3, Ogg, Opus, M4A, MP4, WebM and what else FFmpeg reads are taken"


class Unplayable(VoiceCliError):
    """An upload that is no sound, or is damaged."""


class TooLong(VoiceCliError):
    """An upload that would keep the recogniser for hours."""


def read_blocks(file: BinaryIO, longest_s: float) -> Iterator[Pcm]:
    """Samples at 16 kHz, mono, in blocks of about `BLOCK_S`, shape (n,). Raises Unplayable or TooLong.

    A damaged stretch inside a recording is left out, as players do.
    """
    read, most = 0, round(longest_s * LISTEN_RATE_HZ)
    waiting: list[Pcm] = []
    for pcm in _pcm(file):
        waiting.append(pcm)
        read += len(pcm)
        if read > most:
            raise TooLong(f"the recording is longer than {longest_s / 3600:g} h", "cut it in two")
        if sum(map(len, waiting)) >= BLOCK_S * LISTEN_RATE_HZ:
            yield np.concatenate(waiting)
            waiting = []
    if not read:
        raise Unplayable("the file holds no sound that can be decoded", TAKEN)
    if waiting:
        yield np.concatenate(waiting)


def _pcm(file: BinaryIO) -> Iterator[Pcm]:
    resampler = AudioResampler(format="s16", layout="mono", rate=LISTEN_RATE_HZ)
    with _unplayable(), av.open(file, "r", options=NOTHING_ELSE, metadata_errors="ignore") as container:
        for frame in _frames(container):
            frame.pts = None  # gaps and jumps in the times are no sound
            yield from map(_samples, resampler.resample(frame))
        yield from map(_samples, resampler.resample(None))


def _samples(frame: AvFrame) -> Pcm:
    return frame.to_ndarray().ravel().astype(np.int16, copy=False)


def _frames(container: InputContainer) -> Iterator[AvFrame]:
    if not container.streams.audio:
        raise Unplayable("the file holds no sound track", TAKEN)
    for packet in container.demux(container.streams.audio[0]):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


@contextmanager
def _unplayable() -> Iterator[None]:
    """FFmpeg's errors as Unplayable."""
    try:
        yield
    except (av.FFmpegError, ValueError) as error:  # ValueError: sound of no known layout or format
        raise Unplayable(f"the file cannot be read as sound: {error}", TAKEN) from error
