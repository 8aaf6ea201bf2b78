"""Audio files that are sent while they are encoded: without seeking and without a known length."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Protocol

import av
import numpy as np

from voicecli.server.tts.protocol import SoundFormat
from voicecli.types import Pcm

MEDIA_TYPES: dict[SoundFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg; codecs=opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}

UNKNOWN_LENGTH = 0xFFFF_FFFF
"""Length in a WAV header that lets readers go on to the end of the stream, as OpenAI and FFmpeg write it."""


class SoundFile(Protocol):
    """Encodes samples, and returns the bytes of the file that are final."""

    def write(self, pcm: Pcm) -> bytes:
        """Encode samples, shape (n,)."""
        ...

    def finish(self) -> bytes:
        """Return the end of the file."""
        ...


@dataclass(frozen=True, slots=True)
class Codec:
    """Encoder settings."""

    container: str  # FFmpeg's names
    codec: str
    bit_rate: int  # 0: the encoder decides
    options: dict[str, str]


CODECS: dict[SoundFormat, Codec] = {
    # A Xing header would be written to the beginning at the end, when it has been sent already.
    "mp3": Codec("mp3", "libmp3lame", 64_000, {"write_xing": "0", "id3v2_version": "0"}),
    # Pages of 100 ms, because a page is sent when it is full; the default is a second.
    "opus": Codec("ogg", "libopus", 48_000, {"page_duration": "100000"}),
    "aac": Codec("adts", "aac", 64_000, {}),
    "flac": Codec("flac", "flac", 0, {}),
}


def open_sound_file(sound_format: SoundFormat, rate_hz: int) -> SoundFile:
    """Return an empty mono file."""
    if sound_format == "pcm":
        return Samples()
    return Samples(wav_header(rate_hz)) if sound_format == "wav" else Encoded(CODECS[sound_format], rate_hz)


@dataclass(slots=True)
class Samples:
    """s16le samples after an optional header."""

    header: bytes = b""

    def write(self, pcm: Pcm) -> bytes:
        header, self.header = self.header, b""
        return header + pcm.astype("<i2").tobytes()

    def finish(self) -> bytes:
        return b""


def wav_header(rate_hz: int) -> bytes:
    """Return a WAV header for mono, 16 bit, unknown length."""
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    riff = b"RIFF" + struct.pack("<I", UNKNOWN_LENGTH) + b"WAVE"
    return riff + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", UNKNOWN_LENGTH)


class Encoded:
    """A file encoded by FFmpeg, on the event loop: encoding a second of audio takes less time than a thread switch."""

    def __init__(self, codec: Codec, rate_hz: int) -> None:
        self._sink = _Sink()
        options = {**codec.options, "flush_packets": "1"}
        self._container = av.open(self._sink, "w", format=codec.container, options=options)
        stream = self._container.add_stream(codec.codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        if codec.bit_rate:
            self._stream.bit_rate = codec.bit_rate
        self._rate_hz = rate_hz
        self._samples = 0

    def write(self, pcm: Pcm) -> bytes:
        if not len(pcm):
            return b""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = self._rate_hz, self._samples
        self._samples += len(pcm)
        self._container.mux(self._stream.encode(frame))
        return self._sink.pop()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.pop()


@dataclass(slots=True)
class _Sink:
    """A file object without seek, which FFmpeg writes to."""

    parts: list[bytes] = field(default_factory=list)

    def write(self, part: bytes) -> int:
        self.parts.append(bytes(part))
        return len(part)

    def pop(self) -> bytes:
        parts, self.parts = self.parts, []
        return b"".join(parts)
