"""Remove the assistant's voice from the microphone signal with WebRTC's echo canceller (AEC3), from livekit's wheel.

It runs on the event loop, a frame at a time, for 0.5 % of a core. The speaker's callback only appends its blocks to a
deque. AEC3 estimates and follows the delay between loudspeaker and microphone by itself, so it is not given one
(`set_stream_delay_ms` made no difference). It needs 10 ms at a time, and the playback ahead of its echo.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from voicecli.audio.device import Microphone
from voicecli.audio.echo.correlation import EchoCorrelation, EchoPath
from voicecli.audio.echo.level_gate import LEARNING_S, EchoLevelGate
from voicecli.audio.resample import Framer
from voicecli.audio.speech_input import level_db
from voicecli.errors import EngineError
from voicecli.types import LISTEN_RATE_HZ, AudioFrame, Pcm

STEP_SAMPLES = LISTEN_RATE_HZ // 100
"""10 ms: the only length that WebRTC accepts."""

DELAY_SAMPLES = 128
"""Delay of the output against the input, measured by correlation on speech without echo."""

DELAY_S = DELAY_SAMPLES / LISTEN_RATE_HZ

AHEAD_S = 0.1
"""Playback is pushed this long before what is captured while it sounds, by the devices' time stamps, which can be wrong
by as much. This keeps both sides in step even if frames have piled up: after bursts of 0.8 s on one side AEC3 removed
5 dB instead of 30."""

MOST_BLOCKS = 256
"""Played blocks that can wait for the microphone, a second and more: no frame is read while the engines are loaded."""


@dataclass(frozen=True, slots=True)
class PlayedBlock:
    """Samples that a speaker's callback passed to its device, silence included."""

    pcm: Pcm  # (n,) at rate_hz
    rate_hz: int
    sounds_at_s: float  # clock time at which its first sample leaves the loudspeaker


Played = Callable[[PlayedBlock], None]
"""A callback on the speaker's thread. It may do no more than store the block."""


class Processing(Protocol):
    """The part of livekit's AudioProcessingModule that is used. Both methods change the frame in place."""

    def process_stream(self, data: Any) -> None: ...

    def process_reverse_stream(self, data: Any) -> None: ...


class EchoCanceller:
    """Cancels the echo of one loudspeaker in one microphone.

    Call `played` on the speaker's thread, all else on the loop. From both sides it also learns how loud a residual echo
    can be, and whether a sound is the playback itself.
    """

    def __init__(
        self, processing: Processing, frame: Callable[[bytes, int, int, int], Any], learning_s: float = LEARNING_S
    ) -> None:
        self._level_gate = EchoLevelGate(learning_s)
        self._correlation = EchoCorrelation()
        self._path = EchoPath()
        self._delayed = np.zeros(DELAY_SAMPLES, np.int16)  # of the unprocessed microphone signal
        self._processing = processing
        self._frame = frame
        self._blocks: deque[PlayedBlock] = deque(maxlen=MOST_BLOCKS)
        self._framer: Framer | None = None
        self._rate_hz = 0  # input rate of the framer

    @classmethod
    def load(cls, learning_s: float = LEARNING_S) -> EchoCanceller:
        """Load livekit. Raise EngineError if it cannot be imported.

        After `learning_s` of playback the room counts as known. Noise suppression and gain control are off: both change
        the voice that the recognizer gets.
        """
        try:
            from livekit import rtc

            processing = rtc.AudioProcessingModule(echo_cancellation=True, high_pass_filter=True)
        except ImportError as error:
            raise EngineError(
                f"livekit, the echo canceller, cannot be imported: {error}", "pip install --force-reinstall livekit"
            ) from error
        return cls(processing, rtc.AudioFrame, learning_s)

    def played(self, block: PlayedBlock) -> None:
        """Store a block until the next frame of the microphone. Called on the speaker's thread."""
        self._blocks.append(block)

    def reset(self) -> None:
        """Forget the echo path, after a device was connected or disconnected.

        AEC3 itself notices a new path. Blocks that wait from the old loudspeaker will not be heard.
        """
        self._blocks.clear()
        self._framer = None
        self._level_gate.reset()
        self._correlation.reset()
        self._path.reset()

    def cancel(self, frame: AudioFrame) -> AudioFrame:
        """Return the frame without the echo of the playback, with the same delay whether there is an echo or not."""
        while self._blocks and self._blocks[0].sounds_at_s < frame.captured_at_s + AHEAD_S:
            self._learn(self._blocks.popleft())
        self._level_gate.captured(frame.pcm, frame.captured_at_s)
        self._correlation.captured(frame.pcm)
        self._path.captured(frame.pcm)
        steps = [self._step(step, self._processing.process_stream) for step in np.split(frame.pcm, 2)]
        unprocessed, self._delayed = np.split(np.concatenate([self._delayed, frame.pcm]), [len(frame.pcm)])
        return AudioFrame(unprocessed if self._path.is_silent else np.concatenate(steps), frame.captured_at_s - DELAY_S)

    def is_echo(self, frame: AudioFrame) -> bool:
        """Return whether the last frame of `cancel` is too quiet to be a person's voice, or is the playback itself."""
        too_quiet = level_db(frame.pcm) < self._level_gate.threshold_db(frame.captured_at_s)
        return too_quiet or self._correlation.is_playback()

    def _learn(self, block: PlayedBlock) -> None:
        self._level_gate.played(block.pcm, block.sounds_at_s, block.sounds_at_s + len(block.pcm) / block.rate_hz)
        if self._framer is None or block.rate_hz != self._rate_hz:
            self._framer, self._rate_hz = Framer(block.rate_hz, STEP_SAMPLES), block.rate_hz
        for step in self._framer.push(block.pcm):
            self._correlation.played(step)
            self._path.played(step)
            self._step(step, self._processing.process_reverse_stream)

    def _step(self, pcm: Pcm, process: Callable[[Any], None]) -> Pcm:
        frame = self._frame(pcm.tobytes(), LISTEN_RATE_HZ, 1, STEP_SAMPLES)
        process(frame)
        return np.frombuffer(frame.data, np.int16)


class EchoFreeMicrophone:
    """A microphone behind a canceller. The microphone is already open."""

    def __init__(self, microphone: Microphone, canceller: EchoCanceller) -> None:
        self.name = microphone.name
        self._microphone = microphone
        self._canceller = canceller

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Do nothing: whoever opened the microphone closes it."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield the microphone's frames without the echo."""
        async for frame in self._microphone.frames():
            yield self._canceller.cancel(frame)
