"""A room in which recordings ask questions at real pace, and what its loudspeaker gives is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from voicecli.audio.device import Microphone, Speaker
from voicecli.audio.echo.canceller import Played, PlayedBlock
from voicecli.audio.files.wav import SPEAKER_HZ, TAIL_S, WavSpeaker
from voicecli.audio.resample import Framer
from voicecli.bench.load import NOISE_DB
from voicecli.bench.scenes import Scene
from voicecli.events import Audible, Clock, Event, Publish
from voicecli.settings.model import AudioSettings
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm

HEARD_S = 6.0
"""So much of an answer is listened to; then the room ends it, as a user does who has heard enough."""

OVER_AFTER_S = 1.5
"""Somebody who speaks over the answer begins this long after it does."""

AUDIBLE_DB = -45.0
"""Over full scale: speech on a desk; what is softer passes for silence."""

STEP_S = 0.01

ECHO_DB, ECHO_DELAY_S = -20.0, 0.12
"""Of open loudspeakers beside a laptop's microphone."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something was said, on the conversation's clock."""

    scene: Scene
    began_s: float  # of the scene
    voiced_from_s: float
    voiced_until_s: float
    over: bool = False  # over the answer

    @property
    def name(self) -> str:
        """Of the recording."""
        return self.scene.over.name if self.over and self.scene.over is not None else self.scene.name


@dataclass(slots=True)
class Heard:
    """What happened in the room."""

    said: list[Said] = field(default_factory=list)
    loud_s: list[float] = field(default_factory=list)  # beginnings of all 10 ms in which the loudspeaker was audible


class BenchRoom:
    """Each scene begins when the conversation has settled.

    Sound comes and goes as late as behind the buffers that a sound card is asked for, and an echo canceller listens as
    it does there; `echo`: it has something to hear. Who holds the conversation sets `enough`, which ends an answer, and
    `anew`, which makes it forget the questions before, so that an answer hangs on the question alone.
    """

    echoes = True

    def __init__(self, scenes: Sequence[Scene], clock: Clock, audio: AudioSettings, *, echo: bool = False) -> None:
        self._has_echo = echo
        self._audio = audio
        self.heard = Heard()
        self.enough: Callable[[], None] = lambda: None
        self.anew: Callable[[], None] = lambda: None
        self._scenes = scenes
        self._clock = clock
        self._audible_s: float | None = None
        self._echo = Framer(SPEAKER_HZ)
        self._echoes: list[Pcm] = [np.zeros(FRAME_SAMPLES, np.int16)] * round(ECHO_DELAY_S / FRAME_S)

    def observe(self, event: Event) -> None:
        """Take the next event of the conversation."""
        if isinstance(event, Audible):
            self._audible_s = event.at_s

    def microphone(self, settled: Callable[[], bool], publish: Publish) -> Microphone:
        return BenchMicrophone(self, self._scenes, settled, self._clock, self._audio.input_latency_s)

    def speaker(self, publish: Publish, played: Played | None) -> Speaker:
        def sounds(block: PlayedBlock) -> None:
            self._sounds(block)
            if played is not None:
                played(block)

        return WavSpeaker(None, self._clock, publish, played=sounds, latency_s=self._audio.output_latency_s)

    def audible_for_s(self, now_s: float) -> float:
        """How long the answer has been heard; zero where there is none."""
        return now_s - self._audible_s if self._audible_s is not None else 0.0

    def begins(self, said: Said) -> None:
        """Somebody speaks."""
        if not said.over:
            self.anew()
        self.heard.said.append(said)
        self._audible_s = None

    def heard_enough(self) -> None:
        """The answer is stopped."""
        self._audible_s = None
        self.enough()

    def echo(self) -> Pcm | None:
        """What the microphone hears of the loudspeaker in the next frame."""
        return self._echoes.pop(0) if self._has_echo and self._echoes else None

    def _sounds(self, block: PlayedBlock) -> None:
        if self._has_echo:
            gain = 10 ** (ECHO_DB / 20)
            self._echoes += [(frame * gain).astype(np.int16) for frame in self._echo.push(block.pcm)]
        if block.pcm.any():
            self.heard.loud_s += loud(block)


def loud(block: PlayedBlock) -> Iterator[float]:
    """When each audible 10 ms of a block begins."""
    size = round(STEP_S * block.rate_hz)
    steps = block.pcm[: len(block.pcm) // size * size].reshape(-1, size).astype(np.float64)
    levels_db = 10 * np.log10(np.mean(steps**2, axis=1) / 32768**2 + 1e-12)
    return (block.sounds_at_s + index * STEP_S for index in np.flatnonzero(levels_db > AUDIBLE_DB))


class BenchMicrophone:
    """Frames at real pace; between two voices a quiet room, or the scene's noise."""

    name = "recordings"

    def __init__(
        self, room: BenchRoom, scenes: Sequence[Scene], settled: Callable[[], bool], clock: Clock, latency_s: float
    ) -> None:
        self._room = room
        self._scenes = scenes
        self._settled = settled
        self._clock = clock
        self._latency_s = latency_s
        self._count = 0
        self._floor = np.random.default_rng(0).normal(0, 32768 * 10 ** (NOISE_DB / 20), LISTEN_RATE_HZ)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to give back."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Ends after the last scene."""
        self._next_s = self._clock()
        for scene in self._scenes:
            self._begins(scene, scene.voiced_from_s, scene.voiced_until_s, over=False)
            over, quiet_s = scene.over, 0.0
            speech = framed(scene.pcm)
            while speech or quiet_s < TAIL_S or not self._settled():
                yield await self._frame(scene, speech.pop(0) if speech else None)
                quiet_s = 0.0 if speech else quiet_s + FRAME_S
                audible_s = self._room.audible_for_s(self._next_s)
                if over is not None and not speech and audible_s > OVER_AFTER_S:
                    self._begins(scene, over.voiced_from_s, over.voiced_until_s, over=True)
                    speech, over = framed(over.pcm), None
                elif not speech and audible_s > HEARD_S:
                    self._room.heard_enough()

    def _begins(self, scene: Scene, from_s: float, until_s: float, *, over: bool) -> None:
        began_s = self._next_s
        self._room.begins(Said(scene, began_s, began_s + from_s, began_s + until_s, over))

    async def _frame(self, scene: Scene, speech: Pcm | None) -> AudioFrame:
        """What is heard in the next 20 ms, when they are over and have come through the buffer."""
        first = self._count * FRAME_SAMPLES
        self._count += 1
        sound = np.take(self._floor, range(first, first + FRAME_SAMPLES), mode="wrap")
        if speech is not None:
            sound = sound + speech
        if scene.noise is not None:
            sound = sound + np.take(scene.noise, range(first, first + FRAME_SAMPLES), mode="wrap")
        if (echo := self._room.echo()) is not None:
            sound = sound + echo
        self._next_s += FRAME_S
        await asyncio.sleep(max(0.0, self._next_s + self._latency_s - self._clock()))
        return AudioFrame(np.clip(np.rint(sound), -32768, 32767).astype(np.int16), self._next_s - FRAME_S)


def framed(pcm: Pcm) -> list[Pcm]:
    """Frames of FRAME_SAMPLES; the last one is filled up with silence."""
    whole = np.pad(pcm, (0, -len(pcm) % FRAME_SAMPLES))
    return list(whole.reshape(-1, FRAME_SAMPLES))
