"""Microphone and speaker over sound files, with the same Playout as the sound card."""

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
from voicecli.audio.playout import Playout, Reading
from voicecli.audio.resample import Framer, resample
from voicecli.errors import DeviceError
from voicecli.events import Audible, Clock, PlaybackUnderrun, Publish
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm, PlaybackChunk, TurnId

SPEAKER_HZ = 24_000
BLOCK_S = 0.02
TAIL_S = 2.0
"""Silence after each file before the next may begin: longer than any endpoint rule waits."""
GAP_S = 0.5
"""Silence between two answers in the output file."""


def read_clip(path: Path) -> Pcm:
    """A sound file in any format that PyAV reads, as mono samples at 16 kHz, shape (n,). Raises DeviceError."""
    from av import FFmpegError
    from faster_whisper.audio import decode_audio

    try:
        audio = decode_audio(str(path), sampling_rate=LISTEN_RATE_HZ)
    except FileNotFoundError as error:
        raise DeviceError(f"{path} is not there", "check the name") from error
    except IndexError as error:  # PyAV's word for a film or a text without a sound track
        raise DeviceError(f"{path} holds no sound", "WAV, FLAC, MP3, Ogg and M4A are taken") from error
    except (OSError, ValueError, FFmpegError) as error:
        raise DeviceError(
            f"{path} cannot be read as sound: {error}", "WAV, FLAC, MP3, Ogg and M4A are taken"
        ) from error
    pcm: Pcm = np.clip(np.asarray(audio) * 32768, -32768, 32767).astype(np.int16)
    return pcm


class WavMicrophone:
    """Files as utterances, one after the other: the next begins when the conversation has settled."""

    def __init__(self, paths: list[Path], settled: Callable[[], bool], clock: Clock, *, fast: bool) -> None:
        self.name = ", ".join(path.name for path in paths)
        self._clips = [read_clip(path) for path in paths]
        self._settled = settled
        self._clock = clock
        self._fast = fast

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to give back."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Ends after the answer to the last file."""
        self._next_s = self._clock()
        for clip in self._clips:
            tail = np.zeros(round(TAIL_S * LISTEN_RATE_HZ) + FRAME_SAMPLES, np.int16)
            for frame in Framer(LISTEN_RATE_HZ).push(np.concatenate([clip, tail])):
                yield await self._paced(frame, real=not self._fast)
            while not self._settled():
                yield await self._paced(np.zeros(FRAME_SAMPLES, np.int16), real=True)

    async def _paced(self, pcm: Pcm, *, real: bool) -> AudioFrame:
        """A frame arrives when its last sample has been spoken."""
        self._next_s = self._next_s + FRAME_S if real else self._clock()
        await asyncio.sleep(max(0.0, self._next_s - self._clock()))
        return AudioFrame(pcm, self._next_s - FRAME_S)


class WavSpeaker:
    """Plays into a file, or into nothing, at the pace of a sound card; `fast` at the pace of the engines.

    `played` is told each block, silence included. What is read sounds `latency_s` later, as behind a card's buffer.
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
        self.name = path.name if path else "none"
        self._played = played
        self._latency_s = latency_s
        self._path = path
        self._clock = clock
        self._publish = publish
        self._fast = fast
        self._playout = Playout(SPEAKER_HZ)
        self._silence = 0

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        await self._stack.__aenter__()
        self._file = self._stack.enter_context(open_wav(self._path)) if self._path else None
        self._work = asyncio.Event()
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        pump = tasks.create_task(self._pump(), name="wav speaker")
        self._stack.callback(pump.cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def begin(self, turn: TurnId, *, held: bool) -> None:
        self._playout.begin(turn, held=held)

    def play(self, chunk: PlaybackChunk) -> None:
        self._playout.add(chunk.turn, resample(chunk.pcm, chunk.sample_rate_hz, SPEAKER_HZ))
        self._work.set()

    def release(self, turn: TurnId) -> None:
        self._playout.release(turn)
        self._work.set()

    def duck(self, db: float) -> None:
        self._playout.duck(db)
        self._work.set()

    def finish(self, turn: TurnId) -> None:
        self._playout.finish(turn)

    def flush(self) -> None:
        self._playout.flush()

    async def drained(self) -> None:
        while self._playout.lead:  # noqa: ASYNC110 - playing takes the time that it takes
            await asyncio.sleep(BLOCK_S)

    def heard_s(self) -> float:
        return self._playout.played / SPEAKER_HZ

    def lead_s(self) -> float:
        return self._playout.lead / SPEAKER_HZ

    async def _pump(self) -> None:
        next_s = self._clock()
        while True:
            if self._fast:
                await self._work.wait()
                self._work.clear()
                while self._take():  # noqa: ASYNC110 - lets the loop breathe, waits for nothing
                    await asyncio.sleep(0)
            else:
                next_s += BLOCK_S
                await asyncio.sleep(max(0.0, next_s - self._clock()))
                self._take()

    def _take(self) -> bool:
        """Play one block; False when nothing sounded."""
        before_s = self.heard_s()
        block = round(BLOCK_S * SPEAKER_HZ)
        # At the engines' own pace a lack of sound is no silence, so nothing is padded.
        reading = self._playout.read(min(block, self._playout.lead) if self._fast else block)
        now_s = self._clock() + self._latency_s
        if self._played is not None:
            self._played(PlayedBlock(reading.pcm, SPEAKER_HZ, now_s))
        if reading.began is not None:
            self._publish(Audible(at_s=now_s + reading.began_at / SPEAKER_HZ, turn=reading.began))
        if reading.underrun is not None and not self._fast:
            self._publish(
                PlaybackUnderrun(at_s=now_s, turn=reading.underrun, gap_s=reading.underrun_samples / SPEAKER_HZ)
            )
        sounded = reading.began is not None or self.heard_s() > before_s
        self._record(reading, sounded)
        return sounded

    def _record(self, reading: Reading, sounded: bool) -> None:
        """Write answers and the gaps inside them; between two answers `GAP_S` instead of the real silence."""
        if self._file is None:
            return
        if not sounded:
            self._silence += len(reading.pcm)
            return
        if reading.began is not None:
            self._silence = round(GAP_S * SPEAKER_HZ) if self._file.getnframes() else 0
        self._file.writeframes(np.zeros(self._silence, np.int16).tobytes() + reading.pcm.tobytes())
        self._silence = 0


def open_wav(path: Path, rate_hz: int = SPEAKER_HZ) -> wave.Wave_write:
    """A mono file of int16 samples, to be written. Raises DeviceError."""
    try:
        path.open("wb").close()  # refused by wave.open itself, it would complain again when it is collected
        file = wave.open(str(path), "wb")  # noqa: SIM115 - closed by whoever asked for it
    except OSError as error:
        raise DeviceError(f"{path} cannot be written: {error.strerror}", "choose another --output") from error
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(rate_hz)
    return file
