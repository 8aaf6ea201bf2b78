"""Microphone and speakers over sound files. `WavSpeaker` has the same playout as the sound card."""

from __future__ import annotations

import asyncio
import contextlib
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from voicecli.audio.echo.canceller import Played, PlayedBlock
from voicecli.audio.files.reader import read_clip
from voicecli.audio.playout import PlayoutBlock, PlayoutSpeaker
from voicecli.audio.resample import Framer, resample
from voicecli.errors import DeviceError
from voicecli.events import Clock, PlaybackUnderrun, Publish
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm, PlaybackChunk, TurnId

SPEAKER_HZ = 24_000
BLOCK_S = 0.02
TAIL_S = 2.0
"""Silence after each file before the next can begin: longer than any endpoint rule waits."""
GAP_S = 0.5
"""Silence between two answers in the output file."""


class WavMicrophone:
    """Files as utterances, one after the other: the next begins when the conversation is idle."""

    def __init__(self, paths: list[Path], is_idle: Callable[[], bool], clock: Clock, *, fast: bool) -> None:
        """Read all files. Raise DeviceError if one cannot be read."""
        self.name = ", ".join(path.name for path in paths)
        self._clips = [read_clip(path) for path in paths]
        self._is_idle = is_idle
        self._clock = clock
        self._fast = fast

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Do nothing: no device is open."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield frames until the last file is answered."""
        self._next_s = self._clock()
        for clip in self._clips:
            tail = np.zeros(round(TAIL_S * LISTEN_RATE_HZ) + FRAME_SAMPLES, np.int16)
            for frame in Framer(LISTEN_RATE_HZ).push(np.concatenate([clip, tail])):
                yield await self._paced(frame, real=not self._fast)
            while not self._is_idle():
                yield await self._paced(np.zeros(FRAME_SAMPLES, np.int16), real=True)

    async def _paced(self, pcm: Pcm, *, real: bool) -> AudioFrame:
        """Return a frame once its last sample has been spoken."""
        self._next_s = self._next_s + FRAME_S if real else self._clock()
        await asyncio.sleep(max(0.0, self._next_s - self._clock()))
        return AudioFrame(pcm, self._next_s - FRAME_S)


class WavSpeaker(PlayoutSpeaker):
    """Plays into a file, or nowhere, at the pace of a sound card; with `fast` at the pace of the engines.

    Each block is passed to `played`, silence included. A block sounds `latency_s` after it was read, as with a sound
    card.
    """

    def __init__(
        self,
        path: Path | None,
        clock: Clock,
        publish: Publish,
        *,
        fast: bool = False,
        played: Played | None = None,
        latency_s: float = 0.0,
    ) -> None:
        super().__init__(SPEAKER_HZ)
        self.name = path.name if path else "none"
        self._on_played = played
        self._latency_s = latency_s
        self._path = path
        self._clock = clock
        self._publish = publish
        self._fast = fast
        self._silence = 0
        self._work = asyncio.Event()  # for `fast`: there may be something to play

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        await self._stack.__aenter__()
        self._file = self._stack.enter_context(open_wav(self._path)) if self._path else None
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        pump = tasks.create_task(self._pump(), name="wav speaker")
        self._stack.callback(pump.cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def play(self, chunk: PlaybackChunk) -> None:
        super().play(chunk)
        self._work.set()

    def release(self, turn: TurnId) -> None:
        super().release(turn)
        self._work.set()

    def duck(self, db: float) -> None:
        super().duck(db)
        self._work.set()

    def finish(self, turn: TurnId) -> None:
        super().finish(turn)
        self._work.set()

    async def drained(self) -> None:
        while self._playout.lead:  # noqa: ASYNC110 - playback takes its time, and no event ends it
            await asyncio.sleep(BLOCK_S)

    async def _pump(self) -> None:
        next_s = self._clock()
        while True:
            if self._fast:
                await self._work.wait()
                self._work.clear()
                while self._play_block():  # noqa: ASYNC110 - lets other tasks run, waits for nothing
                    await asyncio.sleep(0)
            else:
                next_s += BLOCK_S
                await asyncio.sleep(max(0.0, next_s - self._clock()))
                self._play_block()

    def _play_block(self) -> bool:
        """Play one block, and return whether anything sounded."""
        before_s = self.heard_s()
        samples = round(BLOCK_S * SPEAKER_HZ)
        # At the engines' pace a lack of sound is not a silence, so nothing is padded.
        block = self._playout.read(min(samples, self._playout.lead) if self._fast else samples)
        heard_at_s = self._clock() + self._latency_s
        if self._on_played is not None:
            self._on_played(PlayedBlock(block.pcm, SPEAKER_HZ, heard_at_s))
        for event in block.events(SPEAKER_HZ, heard_at_s):
            if not (self._fast and isinstance(event, PlaybackUnderrun)):
                self._publish(event)
        sounded = block.began is not None or self.heard_s() > before_s
        self._record(block, sounded)
        return sounded

    def _record(self, block: PlayoutBlock, sounded: bool) -> None:
        """Write answers and the gaps inside them; between two answers write `GAP_S` instead of the real silence."""
        if self._file is None:
            return
        if not sounded:
            self._silence += len(block.pcm)
            return
        if block.began is not None:
            self._silence = round(GAP_S * SPEAKER_HZ) if self._file.getnframes() else 0
        self._file.writeframes(np.zeros(self._silence, np.int16).tobytes() + block.pcm.tobytes())
        self._silence = 0


class FileSpeaker:
    """Writes a sound file as fast as the sound arrives, without a playout.

    Nobody waits for a file, so `lead_s` always reports plenty of time: longer text chunks have the better melody.
    """

    def __init__(self, path: Path, lead_s: float) -> None:
        self.name = path.name
        self._path = path
        self._lead_s = lead_s
        self._turn: TurnId | None = None

    async def __aenter__(self) -> Self:
        self._file = open_wav(self._path)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._file.close()

    def begin(self, turn: TurnId, *, held: bool) -> None:
        """Begin a turn. Raise ValueError if it is held: what is in a file cannot be taken back."""
        if held:
            raise ValueError("a file speaker cannot hold a turn")
        self._turn = turn

    def play(self, chunk: PlaybackChunk) -> None:
        """Write a chunk. Raise DeviceError if the file cannot be written."""
        if chunk.turn != self._turn:
            return
        try:
            self._file.writeframes(resample(chunk.pcm, chunk.sample_rate_hz, SPEAKER_HZ).tobytes())
        except OSError as error:
            raise DeviceError(f"{self._path} cannot be written: {error.strerror}", "choose another --output") from error

    def release(self, turn: TurnId) -> None:
        """Do nothing: no turn is held."""

    def duck(self, db: float) -> None:
        """Do nothing: nobody interrupts a file."""

    def finish(self, turn: TurnId) -> None:
        """Do nothing: a file has no underruns."""

    def flush(self) -> None:
        self._turn = None

    async def drained(self) -> None:
        """Return at once: what was played is written."""

    def heard_s(self) -> float:
        return self._file.getnframes() / SPEAKER_HZ

    def lead_s(self) -> float:
        return self._lead_s


def open_wav(path: Path, rate_hz: int = SPEAKER_HZ) -> wave.Wave_write:
    """Open a mono file of int16 samples for writing. Raise DeviceError if it cannot be written."""
    try:
        path.open("wb").close()  # wave.open complains a second time, when it is collected, about a path it cannot open
        file = wave.open(str(path), "wb")  # noqa: SIM115 - the caller closes it
    except OSError as error:
        raise DeviceError(f"{path} cannot be written: {error.strerror}", "choose another --output") from error
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(rate_hz)
    return file
