"""A simulated room: recordings are spoken at real pace, and the loudspeaker is observed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

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
"""How much of an answer is played before the room ends it, as a user does who has heard enough."""

OVER_AFTER_S = 1.5
"""Delay from the start of an answer to the speech that interrupts it."""

AUDIBLE_DB = -45.0
"""Level over full scale below which playback counts as silence; speech from a loudspeaker is above it."""

STEP_S = 0.01

ECHO_DB, ECHO_DELAY_S = -20.0, 0.12
"""Echo of open loudspeakers beside a laptop's microphone."""


@dataclass(frozen=True, slots=True)
class Said:
    """Speech, with its times on the conversation's clock."""

    scene: Scene
    began_s: float  # of the scene
    voiced_from_s: float
    voiced_until_s: float
    over: bool = False  # speech over an answer

    @property
    def name(self) -> str:
        """Return the name of the recording."""
        return self.scene.over.name if self.over and self.scene.over is not None else self.scene.name


@dataclass(slots=True)
class RoomLog:
    """What happened in the room."""

    said: list[Said] = field(default_factory=list)
    loud_s: list[float] = field(default_factory=list)  # start of each 10 ms in which the loudspeaker was audible


class BenchRoom:
    """A room whose scenes each begin once the conversation is idle.

    Input and output have the latency of the buffers that are requested from a sound card, and the echo canceller runs
    as it does there; with `echo` the microphone picks up the loudspeaker. The caller sets `interrupt`, which ends an
    answer, and `restart`, which makes the conversation forget earlier questions, so that an answer depends on its
    question only.
    """

    echoes = True

    def __init__(self, scenes: Sequence[Scene], clock: Clock, audio: AudioSettings, *, echo: bool = False) -> None:
        self._has_echo = echo
        self._audio = audio
        self.log = RoomLog()
        self.interrupt: Callable[[], None] = lambda: None
        self.restart: Callable[[], None] = lambda: None
        self._scenes = scenes
        self._clock = clock
        self._audible_s: float | None = None
        self._echo = Framer(SPEAKER_HZ)
        self._echoes: list[Pcm] = [np.zeros(FRAME_SAMPLES, np.int16)] * round(ECHO_DELAY_S / FRAME_S)

    def observe(self, event: Event) -> None:
        """Note the start of an answer's playback."""
        if isinstance(event, Audible):
            self._audible_s = event.at_s

    def microphone(self, settled: Callable[[], bool], publish: Publish) -> Microphone:
        return BenchMicrophone(self, self._scenes, settled, self._clock, self._audio.input_latency_s)

    def speaker(self, publish: Publish, played: Played | None) -> Speaker:
        def sounds(block: PlayedBlock) -> None:
            self._record_playback(block)
            if played is not None:
                played(block)

        return WavSpeaker(None, self._clock, publish, played=sounds, latency_s=self._audio.output_latency_s)

    def audible_for_s(self, now_s: float) -> float:
        """Return how long the answer has been playing; zero without one."""
        return now_s - self._audible_s if self._audible_s is not None else 0.0

    def begin_speech(self, said: Said) -> None:
        """Record that speech begins."""
        if not said.over:
            self.restart()
        self.log.said.append(said)
        self._audible_s = None

    def stop_answer(self) -> None:
        """End the answer."""
        self._audible_s = None
        self.interrupt()

    def next_echo(self) -> Pcm | None:
        """Return the echo in the microphone's next frame; None without echo."""
        return self._echoes.pop(0) if self._has_echo and self._echoes else None

    def _record_playback(self, block: PlayedBlock) -> None:
        if self._has_echo:
            gain = 10 ** (ECHO_DB / 20)
            self._echoes += [(frame * gain).astype(np.int16) for frame in self._echo.push(block.pcm)]
        if block.pcm.any():
            self.log.loud_s += loud_steps_s(block)


def loud_steps_s(block: PlayedBlock) -> Iterator[float]:
    """Yield the start of each audible 10 ms of a block."""
    size = round(STEP_S * block.rate_hz)
    steps = block.pcm[: len(block.pcm) // size * size].reshape(-1, size).astype(np.float64)
    levels_db = 10 * np.log10(np.mean(steps**2, axis=1) / 32768**2 + 1e-12)
    return (block.sounds_at_s + index * STEP_S for index in np.flatnonzero(levels_db > AUDIBLE_DB))


class BenchMicrophone:
    """Frames at real pace; between utterances a quiet room, or the scene's noise."""

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
        """Do nothing: there is no device."""

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yield frames until the last scene is over."""
        self._next_s = self._clock()
        for scene in self._scenes:
            self._begin_speech(scene, scene.voiced_from_s, scene.voiced_until_s, over=False)
            over, quiet_s = scene.over, 0.0
            speech = framed(scene.pcm)
            while speech or quiet_s < TAIL_S or not self._settled():
                yield await self._frame(scene, speech.pop(0) if speech else None)
                quiet_s = 0.0 if speech else quiet_s + FRAME_S
                audible_s = self._room.audible_for_s(self._next_s)
                if over is not None and not speech and audible_s > OVER_AFTER_S:
                    self._begin_speech(scene, over.voiced_from_s, over.voiced_until_s, over=True)
                    speech, over = framed(over.pcm), None
                elif not speech and audible_s > HEARD_S:
                    self._room.stop_answer()

    def _begin_speech(self, scene: Scene, from_s: float, until_s: float, *, over: bool) -> None:
        began_s = self._next_s
        self._room.begin_speech(Said(scene, began_s, began_s + from_s, began_s + until_s, over))

    async def _frame(self, scene: Scene, speech: Pcm | None) -> AudioFrame:
        """Return the next 20 ms once they are over and have passed the buffer."""
        first = self._count * FRAME_SAMPLES
        self._count += 1
        sound = wrapped(self._floor, first)
        if speech is not None:
            sound = sound + speech
        if scene.noise is not None:
            sound = sound + wrapped(scene.noise, first)
        if (echo := self._room.next_echo()) is not None:
            sound = sound + echo
        self._next_s += FRAME_S
        await asyncio.sleep(max(0.0, self._next_s + self._latency_s - self._clock()))
        return AudioFrame(np.clip(np.rint(sound), -32768, 32767).astype(np.int16), self._next_s - FRAME_S)


def wrapped(sound: NDArray[Any], first: int) -> NDArray[Any]:
    """Return the frame that starts at sample `first` of an endless repetition of a sound."""
    return sound[np.arange(first, first + FRAME_SAMPLES) % len(sound)]


def framed(pcm: Pcm) -> list[Pcm]:
    """Split into frames of FRAME_SAMPLES, padding the last one with silence."""
    whole = np.pad(pcm, (0, -len(pcm) % FRAME_SAMPLES))
    return list(whole.reshape(-1, FRAME_SAMPLES))
