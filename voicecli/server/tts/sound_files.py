"""Sound as a file that leaves while it is made: nothing is sought, no length is known."""

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
"""In a WAV header: readers go on to the end of the stream. OpenAI's and ffmpeg's streams have it too."""


class SoundFile(Protocol):
    """Takes samples, gives the bytes of a file that have become certain."""

    def write(self, pcm: Pcm) -> bytes: ...

    def finish(self) -> bytes:
        """The end of the file; nothing may follow."""
        ...


@dataclass(frozen=True, slots=True)
class Codec:
    container: str  # FFmpeg's names
    codec: str
    bit_rate: int  # 0: what it takes
    options: dict[str, str]


CODECS: dict[SoundFormat, Codec] = {
    # A Xing header is written last to the beginning, which is gone by then.
    "mp3": Codec("mp3", "libmp3lame", 64_000, {"write_xing": "0", "id3v2_version": "0"}),
    # A page each 100 ms: a page leaves when it is full, and is a second long unless told.
    "opus": Codec("ogg", "libopus", 48_000, {"page_duration": "100000"}),
    "aac": Codec("adts", "aac", 64_000, {}),
    "flac": Codec("flac", "flac", 0, {}),
}


def open_sound_file(form: SoundFormat, rate_hz: int) -> SoundFile:
    """An empty file, mono."""
    if form == "pcm":
        return Samples()
    return Samples(wav_header(rate_hz)) if form == "wav" else Encoded(CODECS[form], rate_hz)


@dataclass(slots=True)
class Samples:
    """s16le behind a header or none."""

    header: bytes = b""

    def write(self, pcm: Pcm) -> bytes:
        header, self.header = self.header, b""
        return header + pcm.astype("<i2").tobytes()

    def finish(self) -> bytes:
        return b""


def wav_header(rate_hz: int) -> bytes:
    """Of mono, 16 bits, of unknown length."""
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    riff = b"RIFF" + struct.pack("<I", UNKNOWN_LENGTH) + b"WAVE"
    return riff + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", UNKNOWN_LENGTH)


class Encoded:
    """What FFmpeg makes. It runs on the event loop: a second of sound takes less than a wait for the worker would."""

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
        return self._sink.taken()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.taken()


@dataclass(slots=True)
class _Sink:
    """A file that cannot be sought."""

    parts: list[bytes] = field(default_factory=list)

    def write(self, part: bytes) -> int:
        self.parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        parts, self.parts = self.parts, []
        return b"".join(parts)
