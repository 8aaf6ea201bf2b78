"""The recorded microphone and speaker, replayed at their recorded times on any clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import accumulate
from types import TracebackType
from typing import Self

import numpy as np

from voicecli.assemble.devices import PipelineHooks
from voicecli.audio.device import Microphone, Speaker
from voicecli.audio.echo.canceller import Played, PlayedBlock
from voicecli.audio.files.wav import TAIL_S, WavSpeaker
from voicecli.events import Clock, Publish
from voicecli.replay.bundle import Recording
from voicecli.types import FRAME_S, FRAME_SAMPLES, AudioFrame, Pcm

MOST_REST_S = 120.0
"""Longest silence after the last frame, while the conversation finishes."""


class RecordedSource:
    """Replay the recorded microphone signal, which contains the echo of the recorded answer.

    Therefore the echo canceller gets the recorded playback, not that of the replay.
    """

    def __init__(self, recorded: Recording, clock: Clock) -> None:
        self._recorded = recorded
        self._clock = clock
        self._played: Played | None = None

    @property
    def echoes(self) -> bool:
        return self._recorded.times.echoes

    def microphone(self, settled: Callable[[], bool], publish: Publish) -> Microphone:
        return RecordedMicrophone(self._recorded, settled, self._clock, self._sounds)

    def speaker(self, publish: Publish, played: Played | None) -> Speaker:
        self._played = played
        return WavSpeaker(None, self._clock, publish)

    def _sounds(self, block: PlayedBlock) -> None:
        if self._played is not None:
            self._played(block)


class RecordedEchoCancellation(PipelineHooks):
    """Replace the output of the echo canceller by the recorded one.

    WebRTC's canceller is not deterministic. The echo statistics measured beside it are.
    """

    def __init__(self, recorded: Recording) -> None:
        self._recorded = recorded

    def echo_free(self, microphone: Microphone) -> Microphone:
        return ReplayedEchoFreeMicrophone(microphone, self._recorded.sounds.echo_free)


class ReplayedEchoFreeMicrophone:
    """A microphone whose first samples are replaced by recorded ones. The microphone is already open."""

    def __init__(self, microphone: Microphone, known: Pcm) -> None:
        self.name = microphone.name
        self._microphone = microphone
        self._known = known

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: whoever opened the microphone closes it."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield the frames; a later call continues where the earlier one ended."""
        async for frame in self._microphone.frames():
            known, self._known = np.split(self._known, [FRAME_SAMPLES])
            yield AudioFrame(known, frame.captured_at_s) if len(known) else frame


class RecordedMicrophone:
    """The recorded microphone. Each call of `frames` yields the next recorded use; the last one ends in silence."""

    name = "recording"

    def __init__(self, recorded: Recording, settled: Callable[[], bool], clock: Clock, sounds: Played) -> None:
        self._recorded = recorded
        self._settled = settled
        self._clock = clock
        self._sounds = sounds
        self._listened = 0
        self._blocks = self._reported()
        self._next = next(self._blocks, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: there is no device."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield each frame at its recorded time of arrival."""
        times = self._recorded.times
        first = sum(times.listenings[: self._listened])
        last = first + times.listenings[self._listened]
        self._listened += 1
        for index in range(first, last):
            pcm = self._recorded.sounds.microphone[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES]
            yield await self._due(AudioFrame(pcm, times.captured_at_s[index]), times.arrived_at_s[index])
        if self._listened == len(times.listenings):
            async for frame in self._rest(times.captured_at_s[-1], times.arrived_at_s[-1]):
                yield frame

    async def _rest(self, captured_at_s: float, arrived_at_s: float) -> AsyncIterator[AudioFrame]:
        """Yield silence, so that a turn may take longer than in the recording."""
        silence = np.zeros(FRAME_SAMPLES, np.int16)
        for count in range(1, round(MOST_REST_S / FRAME_S)):
            if count * FRAME_S > TAIL_S and self._settled():
                return
            later_s = count * FRAME_S
            yield await self._due(AudioFrame(silence, captured_at_s + later_s), arrived_at_s + later_s)

    async def _due(self, frame: AudioFrame, arrives_at_s: float) -> AudioFrame:
        await asyncio.sleep(max(0.0, arrives_at_s - self._clock()))
        while self._next is not None and self._next[1] <= arrives_at_s:
            self._sounds(self._next[0])
            self._next = next(self._blocks, None)
        return frame

    def _reported(self) -> Iterator[tuple[PlayedBlock, float]]:
        """Yield each block that sounded, with the time at which it was reported."""
        times = self._recorded.times
        ends = list(accumulate(times.block_samples))
        for samples, end, reported_s, sounds_s in zip(
            times.block_samples, ends, times.reported_at_s, times.sounds_at_s, strict=True
        ):
            pcm = self._recorded.sounds.speaker[end - samples : end]
            yield PlayedBlock(pcm, times.speaker_rate_hz, sounds_s), reported_s
