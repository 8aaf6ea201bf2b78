"""Microphone and speaker over PortAudio. The callbacks copy a block and return; all else happens on the event loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any, Self

import numpy as np
import sounddevice

from voicecli.audio.devices import DeviceInfo
from voicecli.audio.echo.canceller import Played, PlayedBlock
from voicecli.audio.playout import Playout, PlayoutBlock, PlayoutSpeaker
from voicecli.audio.reconnect.portaudio_calls import in_words
from voicecli.audio.resample import Framer
from voicecli.errors import DeviceError
from voicecli.events import Clock, FramesDropped, Publish
from voicecli.types import LISTEN_RATE_HZ, AudioFrame, Pcm

QUEUE_BLOCKS = 100
"""Blocks that can wait for the loop (about 1 s); then the oldest is dropped."""

BLOCK_S = 0.01
"""Length of a captured block. Each block wakes a thread and the loop, and a longer one arrives later: with 20 ms an
answer was ducked 10 ms later under a voice (medians of 14 commands over a virtual card)."""

STALL_S = 5.0
"""A device that delivers nothing for this long is treated as gone."""

PREFERRED_SPEAKER_HZ = 48_000
"""Native rate of hardware and sound servers. With ALSA's PulseAudio plug-in every other rate was seen to begin with
bursts of underruns of a second or more, in which the device consumes sound at twenty times its pace."""


def open_at(
    stream_type: Any, device: DeviceInfo, channels: int, preferred_hz: int, block_s: float = 0.0, **options: Any
) -> Any:
    """Open a mono stream at the preferred rate; if the device refuses, at its own rate, then with its own channels.

    Blocks are `block_s` long, or as long as suits the device if that is 0.

    PortAudio answers -9997 to an unsupported rate, some WASAPI drivers -9996 (PortAudio/portaudio#314), so any refusal
    is a reason to try the next format. Raise DeviceError with the last reason.
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
        "close other programs that use it, or choose another device: voicecli devices",
    )


class PortAudioStream:
    """The stream of one device: opened once, closed once."""

    _stream: Any

    def __init__(self, device: DeviceInfo, latency_s: float, clock: Clock, publish: Publish) -> None:
        self.name = device.name
        self._device = device
        self._latency_s = latency_s
        self._clock = clock
        self._publish = publish
        self._active_s = 0.0  # when the callback last ran; -inf once the device has ended

    async def __aenter__(self) -> Self:
        self.open(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the device; this blocks. Callbacks hand over to `loop`. Raise DeviceError if it does not open."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the device; this blocks for as long as the sound server does not answer."""
        self._stream.close()

    def idle_s(self) -> float:
        """Return the seconds since the device last captured or requested sound; infinite if it has ended."""
        return self._clock() - self._active_s

    def _start(self) -> None:
        """Start the stream. Close it and raise DeviceError if it does not start."""
        try:
            self._stream.start()
        except sounddevice.PortAudioError as error:
            self._stream.close()
            raise DeviceError(
                f"{self.name} does not start: {in_words(error)}",
                "check that it is connected and that no other program uses it: voicecli devices",
            ) from error


class PortAudioMicrophone(PortAudioStream):
    """A capture device."""

    def __init__(self, device: DeviceInfo, latency_s: float, clock: Clock, publish: Publish) -> None:
        super().__init__(device, latency_s, clock, publish)
        self._blocks: asyncio.Queue[tuple[Pcm, float] | None] = asyncio.Queue(QUEUE_BLOCKS)  # None: no more will come
        self._listening = False  # what the device captures before `frames` is called is dropped

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        self._active_s = self._clock()

        def on_captured(block: Any, frames: int, time: Any, status: Any) -> None:
            self._active_s = self._clock()
            at_s = self._clock() - (time.currentTime - time.inputBufferAdcTime)
            loop.call_soon_threadsafe(self._put, block[:, 0].copy(), at_s)

        def on_finished() -> None:
            self._active_s = -math.inf
            if not loop.is_closed():
                loop.call_soon_threadsafe(self.end)

        self._stream = open_at(
            sounddevice.InputStream,
            self._device,
            self._device.inputs,
            LISTEN_RATE_HZ,
            BLOCK_S,
            latency=self._latency_s,
            callback=on_captured,
            finished_callback=on_finished,
        )
        self._start()

    def end(self) -> None:
        """Make `frames` raise DeviceError after what is queued."""
        if self._blocks.full():
            self._blocks.get_nowait()
        self._blocks.put_nowait(None)

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield frames. Raise DeviceError if the device has ended or captured nothing for `STALL_S`."""
        framer = Framer(self._stream.samplerate)
        self._listening = True
        while True:
            try:
                async with asyncio.timeout(STALL_S):
                    captured = await self._blocks.get()
            except TimeoutError:
                raise DeviceError(
                    f"{self.name} has delivered nothing for {STALL_S:.0f} s",
                    "check that it is connected: voicecli devices",
                ) from None
            if captured is None:
                raise DeviceError(f"{self.name} is gone", "check that it is connected: voicecli devices")
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


class PortAudioSpeaker(PortAudioStream, PlayoutSpeaker):
    """A playback device. Its thread passes each block that sounds to `played`."""

    def __init__(
        self, device: DeviceInfo, latency_s: float, clock: Clock, publish: Publish, played: Played | None = None
    ) -> None:
        PortAudioStream.__init__(self, device, latency_s, clock, publish)
        PlayoutSpeaker.__init__(self, PREFERRED_SPEAKER_HZ)
        self._on_played = played

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        self._active_s = self._clock()

        def on_wanted(out: Any, frames: int, time: Any, status: Any) -> None:
            self._active_s = self._clock()
            block = self._playout.read(frames)
            out[:] = block.pcm[:, np.newaxis]
            heard_at_s = self._clock() + max(0.0, time.outputBufferDacTime - time.currentTime)
            if self._on_played is not None:
                self._on_played(PlayedBlock(block.pcm, self._playout.rate_hz, heard_at_s))
            if block.began is not None or block.underrun is not None:
                loop.call_soon_threadsafe(self._publish_events, block, heard_at_s)

        def on_finished() -> None:
            self._active_s = -math.inf

        self._stream = open_at(
            sounddevice.OutputStream,
            self._device,
            self._device.outputs,
            PREFERRED_SPEAKER_HZ,
            latency=self._latency_s,
            callback=on_wanted,
            finished_callback=on_finished,
        )
        self._playout = Playout(round(self._stream.samplerate))
        self._start()

    @property
    def _buffered_s(self) -> float:
        return float(self._stream.latency)

    def _publish_events(self, block: PlayoutBlock, heard_at_s: float) -> None:
        for event in block.events(self._playout.rate_hz, heard_at_s):
            self._publish(event)
