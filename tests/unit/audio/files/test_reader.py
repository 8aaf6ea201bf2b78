"""Sound files, and sound from a pipe: bare samples or WAV, in portions as they arrive."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from voicecli.audio.files.reader import PIPE_BLOCK_S, PipedSound, Unplayable, read_blocks, read_clip
from voicecli.errors import DeviceError
from voicecli.types import Pcm


class Portions(io.RawIOBase):
    """A pipe whose writer is slow: each read gives one portion at most."""

    def __init__(self, portions: list[bytes]) -> None:
        self._portions = portions

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._portions:
            return 0
        portion = self._portions.pop(0)
        head = portion[: len(buffer)]
        if rest := portion[len(buffer) :]:
            self._portions.insert(0, rest)
        buffer[: len(head)] = head
        return len(head)


def piped(*portions: bytes) -> PipedSound:
    return PipedSound(io.BufferedReader(Portions(list(portions))))


def everything(sound: PipedSound) -> list[Pcm]:
    blocks = []
    while len(block := sound.read()):
        blocks.append(block)
    return blocks


def joined(sound: PipedSound) -> list[int]:
    return [int(sample) for block in everything(sound) for sample in block]


def riff(fmt: bytes, data: bytes, *, size: int | None = None, before: bytes = b"", after: bytes = b"") -> bytes:
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + before
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data + after
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def fmt(tag: int = 1, channels: int = 1, rate_hz: int = 16_000, bits: int = 16) -> bytes:
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits)


RAMP = np.arange(-2000, 2000, dtype="<i2")


def test_bare_samples_are_16_khz_whatever_the_portions() -> None:
    data = RAMP.tobytes()
    sound = piped(data[:1], data[1:3], data[3:1000], data[1000:1001], data[1001:])
    assert sound.rate_hz == 16_000
    assert joined(sound) == RAMP.tolist()


def test_a_microphone_is_heard_as_it_writes_and_a_file_in_long_blocks() -> None:
    period = bytes(2 * 1600)
    assert [len(block) for block in everything(piped(*[period] * 5))] == [1600] * 5
    minute = bytes(2 * 16_000 * 60)
    lengths = [len(block) for block in everything(piped(minute))]
    assert max(lengths) == PIPE_BLOCK_S * 16_000
    assert len(lengths) < 140


def test_a_writer_of_single_samples_is_read_in_20_ms() -> None:
    lengths = [len(block) for block in everything(piped(*[b"\1\0"] * 1000))]
    assert lengths == [320, 320, 320, 40]


def test_a_last_half_sample_is_none() -> None:
    assert joined(piped(b"\1\0\2\0\3")) == [1, 2]


def test_nothing_is_nothing() -> None:
    assert everything(piped()) == []


def test_a_wave_file_tells_its_rate_and_channels_are_mixed() -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(np.column_stack([RAMP, RAMP + 10]).astype("<i2").tobytes())
    sound = piped(buffer.getvalue())
    assert sound.rate_hz == 44_100
    assert joined(sound) == (RAMP + 5).tolist()


def test_what_follows_the_samples_is_not_heard() -> None:
    before = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # odd, so padded
    data = RAMP.tobytes()
    assert joined(piped(riff(fmt(), data, before=before, after=b"LIST\4\0\0\0spam"))) == RAMP.tolist()


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wave_stream_without_an_end_is_heard_to_its_end(size: int) -> None:
    assert joined(piped(riff(fmt(), RAMP.tobytes(), size=size))) == RAMP.tolist()


def test_floats_are_clipped_and_what_is_no_number_is_silence() -> None:
    data = np.array([0, 0.5, 2, -2, np.nan], "<f4").tobytes()
    extensible = fmt(0xFFFE, bits=32) + struct.pack("<HHI", 22, 32, 4) + struct.pack("<H", 3) + bytes(14)
    for header in (fmt(3, bits=32), extensible):
        assert joined(piped(riff(header, data))) == [0, 16383, 32767, -32768, 0]


@pytest.mark.parametrize(
    ("stream", "part"),
    [
        (riff(fmt(bits=24), b""), "format 1 with 24 bits"),
        (riff(fmt(tag=7, bits=8), b""), "format 7 with 8 bits"),
        (riff(fmt(rate_hz=96_000), b""), "96000 Hz"),
        (riff(fmt(channels=0), b""), "0 channels"),
        (riff(b"\1\0", b""), "damaged"),
        (b"RIFF", "without sound"),
        (b"RIFF" + bytes(4) + b"WAVE", "without sound"),
    ],
)
def test_other_waves_are_refused(stream: bytes, part: str) -> None:
    with pytest.raises(DeviceError, match=part) as caught:
        piped(stream)
    assert "16-bit or float WAV" in caught.value.hint


def test_a_file_gives_the_same_samples_as_an_upload(tmp_path: Path) -> None:
    path = tmp_path / "ramp.wav"
    path.write_bytes(riff(fmt(), RAMP.tobytes()))
    assert read_clip(path).tolist() == RAMP.tolist()
    with path.open("rb") as file:
        assert np.concatenate(list(read_blocks(file, 1.0))).tolist() == RAMP.tolist()


def test_a_file_without_samples_is_an_empty_clip_but_no_upload(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(riff(fmt(), b""))
    assert len(read_clip(path)) == 0
    with path.open("rb") as file, pytest.raises(Unplayable, match="the file contains no sound"):
        list(read_blocks(file, 1.0))


def test_a_file_that_is_absent_or_no_sound_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"absent\.wav does not exist"):
        read_clip(tmp_path / "absent.wav")
    (tmp_path / "note.txt").write_text("What is the capital of France?")
    with pytest.raises(DeviceError, match=r"note\.txt cannot be read as sound"):
        read_clip(tmp_path / "note.txt")
    with pytest.raises(DeviceError, match="cannot be read"):
        read_clip(tmp_path)
