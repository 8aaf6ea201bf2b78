"""Microphone and speaker over PortAudio. The callbacks copy a block and leave; all else happens on the loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import numpy as np
import sounddevice

from voicecli.audio.devices import DeviceInfo
from voicecli.audio.echo.canceller import Played, PlayedBlock
from voicecli.audio.playout import Playout, Reading
from voicecli.audio.reconnect.portaudio_calls import in_words
from voicecli.audio.resample import Converter, Framer
from voicecli.errors import DeviceError
from voicecli.events import Audible, Clock, FramesDropped, PlaybackUnderrun, Publish
from voicecli.types import LISTEN_RATE_HZ, AudioFrame, Pcm, PlaybackChunk, TurnId

QUEUE_BLOCKS = 100
"""Blocks that may wait for the loop (about 1 s); then the oldest is dropped."""

BLOCK_S = 0.01
"""Captured in one go. Each block wakes a thread and the loop, and what is longer comes later: with 20 ms an answer got
softer 10 ms later over a voice (14 orders over a virtual card, medians)."""

STALL_S = 5.0
"""A device that delivers nothing for this long has gone."""

PREFERRED_SPEAKER_HZ = 48_000
"""What hardware and sound servers run at. Through ALSA's PulseAudio plug-in every other rate was seen to begin with
storms of underruns, a second or more long, in which the device swallows sound at twenty times its pace."""


def open_at(
    stream_type: Any, device: DeviceInfo, channels: int, preferred_hz: int, block_s: float = 0.0, **options: Any
) -> Any:
    """Open a stream mono at the preferred rate; where the device refuses, at its own rate and then its own channels.

    Blocks are `block_s` long, or what suits the device best.

    PortAudio answers -9997 to an unknown rate, some WASAPI drivers -9996 (PortAudio/portaudio#314): so any refusal is
    taken as a reason to try the next form. Raises DeviceError with the last reason.
    """
    reason = ""
    for rate_hz, count in ((preferred_hz, 1), (device.rate_hz, 1), (device.rate_hz, channels)):
        try:
            form = {"samplerate": rate_hz, "channels": count, "blocksize": round(rate_hz * block_s), "dtype": "int16"}
            return stream_type(device=device.index, **form, **options)
        except (sounddevice.PortAudioError, ValueError) as error:
            reason = in_words(error)
    raise DeviceError(
        f"{device.name} opens neither at {preferred_hz} Hz nor at its own {device.rate_hz:.0f} Hz: {reason}",
        "close other programs that use it, or choose another: voicecli devices",
    )


def started(stream: Any, name: str) -> None:
    """Start a stream. Raises DeviceError, with the stream closed."""
    try:
        stream.start()
    except sounddevice.PortAudioError as error:
        stream.close()
        raise DeviceError(
            f"{name} does not start: {in_words(error)}", "is it in use, or gone? voicecli devices"
        ) from error


class PortAudioMicrophone:
    """A capture device."""

    def __init__(self, device: DeviceInfo, latency_s: float, clock: Clock, publish: Publish) -> None:
        self.name = device.name
        self._device = device
        self._latency_s = latency_s
        self._clock = clock
        self._publish = publish
        self._blocks: asyncio.Queue[tuple[Pcm, float] | None] = asyncio.Queue(QUEUE_BLOCKS)  # None: no more will come
        self._listening = False  # the device runs from the start, and what it captures before is nobody's

    async def __aenter__(self) -> Self:
        self.open(asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Blocks until it is open; `frames` belongs to `loop`. Raises DeviceError."""
        self._busy_s = self._clock()

        def captured(block: Any, frames: int, time: Any, status: Any) -> None:
            self._busy_s = self._clock()
            at_s = self._clock() - (time.currentTime - time.inputBufferAdcTime)
            loop.call_soon_threadsafe(self._put, block[:, 0].copy(), at_s)

        def finished() -> None:
            self._busy_s = -math.inf
            if not loop.is_closed():
                loop.call_soon_threadsafe(self.end)

        self._stream = open_at(
            sounddevice.InputStream,
            self._device,
            self._device.inputs,
            LISTEN_RATE_HZ,
            BLOCK_S,
            latency=self._latency_s,
            callback=captured,
            finished_callback=finished,
        )
        started(self._stream, self.name)

    def close(self) -> None:
        """Blocks; where the sound server does not answer, for as long as it does not."""
        self._stream.close()

    def idle_s(self) -> float:
        """Time since the last block; infinite when the device has ended."""
        return self._clock() - self._busy_s

    def end(self) -> None:
        """`frames` raises DeviceError, after what is there."""
        if self._blocks.full():
            self._blocks.get_nowait()
        self._blocks.put_nowait(None)

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Raises DeviceError when the device has ended or nothing was captured for `STALL_S`."""
        framer = Framer(self._stream.samplerate)
        self._listening = True
        while True:
            try:
                async with asyncio.timeout(STALL_S):
                    captured = await self._blocks.get()
            except TimeoutError:
                raise DeviceError(
                    f"{self.name} has delivered nothing for {STALL_S:.0f} s", "is it unplugged? voicecli devices"
                ) from None
            if captured is None:
                raise DeviceError(f"{self.name} has gone", "is it unplugged? voicecli devices")
            block, at_s = captured
            at_s -= framer.waiting_s
            for index, pcm in enumerate(framer.push(block)):
                yield AudioFrame(pcm, at_s + index * len(pcm) / LISTEN_RATE_HZ)

    def _put(self, block: Pcm, at_s: float) -> None:
        if not self._listening:
            return
        if self._blocks.full():
            self._blocks.get_nowait()
            self._publish(FramesDropped(at_s=self._clock(), count=1))
        self._blocks.put_nowait((block, at_s))


class PortAudioSpeaker:
    """A playback device with one stream that stays open. `played` is told each block that sounds, on its thread."""

    def __init__(
        self, device: DeviceInfo, latency_s: float, clock: Clock, publish: Publish, played: Played | None = None
    ) -> None:
        self.name = device.name
        self._device = device
        self._asked_latency_s = latency_s
        self._clock = clock
        self._publish = publish
        self._played = played
        self._live: TurnId | None = None
        self._converter: Converter | None = None  # of the live turn

    async def __aenter__(self) -> Self:
        self.open(asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Blocks until it is open; what happens is published on `loop`. Raises DeviceError."""
        self._busy_s = self._clock()

        def wanted(out: Any, frames: int, time: Any, status: Any) -> None:
            self._busy_s = self._clock()
            reading = self._playout.read(frames)
            out[:] = reading.pcm[:, np.newaxis]
            heard_at_s = self._clock() + max(0.0, time.outputBufferDacTime - time.currentTime)
            if self._played is not None:
                self._played(PlayedBlock(reading.pcm, self._playout.rate_hz, heard_at_s))
            if reading.began is not None or reading.underrun is not None:
                loop.call_soon_threadsafe(self._tell, reading, heard_at_s)

        self._stream = open_at(
            sounddevice.OutputStream,
            self._device,
            self._device.outputs,
            PREFERRED_SPEAKER_HZ,
            latency=self._asked_latency_s,
            callback=wanted,
            finished_callback=self._finished,
        )
        self._playout = Playout(round(self._stream.samplerate))
        started(self._stream, self.name)

    def close(self) -> None:
        """Blocks; where the sound server does not answer, for as long as it does not."""
        self._stream.close()

    def idle_s(self) -> float:
        """Time since the device last wanted sound; infinite when it has ended."""
        return self._clock() - self._busy_s

    def _finished(self) -> None:
        self._busy_s = -math.inf

    def begin(self, turn: TurnId, *, held: bool) -> None:
        self._live, self._converter = turn, None
        self._playout.begin(turn, held=held)

    def play(self, chunk: PlaybackChunk) -> None:
        if chunk.turn != self._live:
            return
        if self._converter is None:
            self._converter = Converter(chunk.sample_rate_hz, self._playout.rate_hz)
        self._playout.add(chunk.turn, self._converter.push(chunk.pcm))

    def release(self, turn: TurnId) -> None:
        self._playout.release(turn)

    def duck(self, db: float) -> None:
        self._playout.duck(db)

    def finish(self, turn: TurnId) -> None:
        if turn == self._live and self._converter is not None:
            self._playout.add(turn, self._converter.finish())
            self._converter = None
        self._playout.finish(turn)

    def flush(self) -> None:
        self._live = None
        self._playout.flush()

    async def drained(self) -> None:
        """Also waits for what the device itself still holds."""
        while self._playout.lead:  # noqa: ASYNC110 - playing takes the time that it takes
            await asyncio.sleep(self.lead_s())
        await asyncio.sleep(self._stream.latency)

    def heard_s(self) -> float:
        """What the device still holds is not counted as heard."""
        held_back_s = self._stream.latency if self._playout.lead else 0.0
        return max(0.0, self._playout.played / self._playout.rate_hz - held_back_s)

    def lead_s(self) -> float:
        return self._playout.lead / self._playout.rate_hz

    def _tell(self, reading: Reading, heard_at_s: float) -> None:
        if reading.began is not None:
            at_s = heard_at_s + reading.began_at / self._playout.rate_hz
            self._publish(Audible(at_s=at_s, turn=reading.began))
        if reading.underrun is not None:
            gap_s = reading.underrun_samples / self._playout.rate_hz
            self._publish(PlaybackUnderrun(at_s=heard_at_s, turn=reading.underrun, gap_s=gap_s))
