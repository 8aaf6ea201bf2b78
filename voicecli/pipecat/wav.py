"""A Pipecat transport over audio files, at the pace of a sound card: for trials and tests without one."""

from __future__ import annotations

import asyncio
import time
import wave
from pathlib import Path
from typing import Any

from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame, StartFrame
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

from voicecli.audio.files.reader import read_clip
from voicecli.audio.files.wav import open_wav
from voicecli.audio.resample import Framer
from voicecli.types import FRAME_S, LISTEN_RATE_HZ, Pcm

SPEAK_RATE_HZ = 24_000
SILENCE = bytes(2 * round(FRAME_S * LISTEN_RATE_HZ))


class WavTransport(BaseTransport):
    """Use a file, then silence, as the microphone, and a file without the silence between answers as the speaker."""

    def __init__(self, question: Path, answer: Path) -> None:
        """Raise DeviceError if a file cannot be read or written."""
        super().__init__()
        params = TransportParams(
            audio_in_enabled=True,
            audio_in_sample_rate=LISTEN_RATE_HZ,
            audio_out_enabled=True,
            audio_out_sample_rate=SPEAK_RATE_HZ,
            audio_out_end_silence_secs=0,
            audio_out_auto_silence=False,
        )
        self._input = WavInput(read_clip(question), params)
        self._output = WavOutput(open_wav(answer, SPEAK_RATE_HZ), params)

    def input(self) -> WavInput:
        return self._input

    def output(self) -> WavOutput:
        return self._output


class Pace:
    """Paces audio without drift."""

    def __init__(self) -> None:
        self._next_s = 0.0

    async def wait(self, span_s: float) -> None:
        """Wait until the audio of the last call is over; lateness is not caught up."""
        self._next_s = max(self._next_s, time.monotonic()) + span_s
        await asyncio.sleep(self._next_s - time.monotonic())


class WavInput(BaseInputTransport):
    """Pushes frames of 20 ms."""

    def __init__(self, pcm: Pcm, params: TransportParams) -> None:
        super().__init__(params)
        self._frames = [frame.tobytes() for frame in Framer(LISTEN_RATE_HZ).push(pcm)]
        self._pushing: asyncio.Task[None] | None = None

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._pushing = self.create_task(self._push_frames())

    async def cleanup(self) -> None:
        if self._pushing is not None:
            await self.cancel_task(self._pushing)
            self._pushing = None
        await super().cleanup()

    async def _push_frames(self) -> None:
        pace, frames = Pace(), iter(self._frames)
        while True:
            await pace.wait(FRAME_S)
            audio = next(frames, SILENCE)
            await self.push_audio_frame(InputAudioRawFrame(audio=audio, sample_rate=LISTEN_RATE_HZ, num_channels=1))


class WavOutput(BaseOutputTransport):
    """Writes in real time."""

    def __init__(self, file: wave.Wave_write, params: TransportParams, **kwargs: Any) -> None:
        super().__init__(params, **kwargs)
        self._file = file
        self._pace = Pace()

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def cleanup(self) -> None:
        await super().cleanup()
        self._file.close()

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        self._file.writeframes(frame.audio)
        await self._pace.wait(frame.num_frames / frame.sample_rate)
        return True
