"""Takes the assistant's voice out of the microphone: WebRTC's echo canceller (AEC3), out of livekit's wheel.

It runs on the loop, a frame at a time, for 0.5 % of a core. The speaker's callback only appends its blocks to a deque.
AEC3 looks for the delay between loudspeaker and microphone by itself and follows it, so nobody tells it one
(`set_stream_delay_ms` made no difference); it wants 10 ms at a time, the playback ahead of its echo.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from voicecli.audio.device import Microphone
from voicecli.audio.echo.correlation import EchoCorrelation
from voicecli.audio.echo.level_gate import LEARNING_S, EchoLevelGate
from voicecli.audio.echo.path import EchoPath
from voicecli.audio.resample import Framer
from voicecli.errors import EngineError
from voicecli.types import LISTEN_RATE_HZ, AudioFrame, Pcm

STEP_SAMPLES = LISTEN_RATE_HZ // 100
"""10 ms: the only length that WebRTC takes."""

DELAY_SAMPLES = 128
"""What comes out is this much older than what goes in, measured by correlation on speech without echo."""

DELAY_S = DELAY_SAMPLES / LISTEN_RATE_HZ

AHEAD_S = 0.1
"""Playback goes in this long before what is captured as it sounds, by the devices' own times, which may be wrong by as
much. So both go in step even when frames have piled up: after bursts of 0.8 s on one side AEC3 took 5 dB, not 30."""

MOST_BLOCKS = 256
"""Played blocks that may wait for the microphone, a second and more. It is deaf while the engines are loaded."""


@dataclass(frozen=True, slots=True)
class PlayedBlock:
    """What a speaker's callback handed to its device, silence included."""

    pcm: Pcm  # (n,) at rate_hz
    rate_hz: int
    sounds_at_s: float  # clock time at which its first sample leaves the loudspeaker


Played = Callable[[PlayedBlock], None]
"""Called by the speaker's thread, so it may do no more than to put the block away."""


class Processing(Protocol):
    """What is used of livekit's AudioProcessingModule. Both change the frame in place."""

    def process_stream(self, data: Any) -> None: ...

    def process_reverse_stream(self, data: Any) -> None: ...


class EchoCanceller:
    """One loudspeaker and one microphone. `played` belongs to the speaker's thread, all else to the loop.

    `guard` and `correlation` learn from both sides what a gate may ask: how loud an echo can be, and whether this is one.
    """

    def __init__(
        self, processing: Processing, frame: Callable[[bytes, int, int, int], Any], learning_s: float = LEARNING_S
    ) -> None:
        self.guard = EchoLevelGate(learning_s)
        self.correlation = EchoCorrelation()
        self._path = EchoPath()
        self._late = np.zeros(DELAY_SAMPLES, np.int16)  # of the microphone as it is
        self._processing = processing
        self._frame = frame
        self._blocks: deque[PlayedBlock] = deque(maxlen=MOST_BLOCKS)
        self._framer: Framer | None = None
        self._rate_hz = 0  # that the framer takes

    @classmethod
    def load(cls, learning_s: float = LEARNING_S) -> EchoCanceller:
        """Raises EngineError where livekit cannot be imported. `learning_s` of sound make the room known.

        Neither noise suppression nor gain control: both change the voice that the recogniser gets.
        """
        try:
            from livekit import rtc

            processing = rtc.AudioProcessingModule(echo_cancellation=True, high_pass_filter=True)
        except ImportError as error:
            raise EngineError(
                f"livekit, which cancels the echo, cannot be imported: {error}", "pip install --force-reinstall livekit"
            ) from error
        return cls(processing, rtc.AudioFrame, learning_s)

    def played(self, block: PlayedBlock) -> None:
        """Put a block away until the next frame of the microphone. Called by the speaker's thread."""
        self._blocks.append(block)

    def begin_anew(self) -> None:
        """A device went away or came: what was learnt of the way from one to the other holds no longer.

        AEC3 itself notices a new way; what waits from the old loudspeaker will not be heard.
        """
        self._blocks.clear()
        self._framer = None
        self.guard.begin_anew()
        self.correlation.begin_anew()
        self._path.begin_anew()

    def cancel(self, frame: AudioFrame) -> AudioFrame:
        """The frame without the echo of what was played until it was captured, as late with an echo as without."""
        while self._blocks and self._blocks[0].sounds_at_s < frame.captured_at_s + AHEAD_S:
            self._learn(self._blocks.popleft())
        self.guard.captured(frame.pcm, frame.captured_at_s)
        self.correlation.heard(frame.pcm)
        self._path.heard(frame.pcm)
        steps = [self._step(step, self._processing.process_stream) for step in np.split(frame.pcm, 2)]
        as_it_is, self._late = np.split(np.concatenate([self._late, frame.pcm]), [len(frame.pcm)])
        return AudioFrame(as_it_is if self._path.is_silent else np.concatenate(steps), frame.captured_at_s - DELAY_S)

    def _learn(self, block: PlayedBlock) -> None:
        self.guard.sounded(block.pcm, block.sounds_at_s, block.sounds_at_s + len(block.pcm) / block.rate_hz)
        if self._framer is None or block.rate_hz != self._rate_hz:
            self._framer, self._rate_hz = Framer(block.rate_hz, STEP_SAMPLES), block.rate_hz
        for step in self._framer.push(block.pcm):
            self.correlation.played(step)
            self._path.played(step)
            self._step(step, self._processing.process_reverse_stream)

    def _step(self, pcm: Pcm, process: Callable[[Any], None]) -> Pcm:
        frame = self._frame(pcm.tobytes(), LISTEN_RATE_HZ, 1, STEP_SAMPLES)
        process(frame)
        return np.frombuffer(frame.data, np.int16)


class EchoFreeMicrophone:
    """A microphone that is open already, heard through a canceller."""

    def __init__(self, microphone: Microphone, canceller: EchoCanceller) -> None:
        self.name = microphone.name
        self._microphone = microphone
        self._canceller = canceller

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whoever opened the microphone closes it."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """As the microphone's own."""
        async for frame in self._microphone.frames():
            yield self._canceller.cancel(frame)
