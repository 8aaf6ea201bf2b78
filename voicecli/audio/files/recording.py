"""A speaker that writes a sound file as fast as the sound comes. Unlike `WavSpeaker` it keeps no one's time."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from voicecli.audio.files.wav import SPEAKER_HZ, open_wav
from voicecli.audio.resample import resample
from voicecli.errors import DeviceError
from voicecli.types import PlaybackChunk, TurnId


class Recording:
    """Nobody waits at a file, so `lead_s` always tells of plenty: long pieces have the better melody."""

    def __init__(self, path: Path, lead_s: float) -> None:
        self.name = path.name
        self._path = path
        self._lead_s = lead_s
        self._turn: TurnId | None = None

    async def __aenter__(self) -> Self:
        self._file = open_wav(self._path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def begin(self, turn: TurnId, *, held: bool) -> None:
        """Raises ValueError when the turn is held: what is in a file cannot be thrown away."""
        if held:
            raise ValueError("a recording holds nothing back")
        self._turn = turn

    def play(self, chunk: PlaybackChunk) -> None:
        """Raises DeviceError when the file takes no more."""
        if chunk.turn != self._turn:
            return
        try:
            self._file.writeframes(resample(chunk.pcm, chunk.sample_rate_hz, SPEAKER_HZ).tobytes())
        except OSError as error:
            raise DeviceError(f"{self._path} cannot be written: {error.strerror}", "choose another --output") from error

    def release(self, turn: TurnId) -> None:
        """Nothing was held."""

    def duck(self, db: float) -> None:
        """Nobody talks over a file."""

    def finish(self, turn: TurnId) -> None:
        """A file does not starve."""

    def flush(self) -> None:
        self._turn = None

    async def drained(self) -> None:
        """What was played is written."""

    def heard_s(self) -> float:
        return self._file.getnframes() / SPEAKER_HZ

    def lead_s(self) -> float:
        return self._lead_s
