"""Microphone -> gate -> segmenter: what was heard, as the conversation wants to know it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

import numpy as np

from voicecli.audio.attention import Attention, Calm, Stir
from voicecli.audio.device import Microphone
from voicecli.audio.segmenter import Dropped, Heard, Segmenter
from voicecli.events import Clock, LevelMeasured, MuteChanged, Publish
from voicecli.types import FRAME_S, AudioFrame, Pcm, SpeechSegment

LEVEL_EVERY_FRAMES = round(0.1 / FRAME_S)
FLOOR_DB = -90.0


class SpeechGate(Protocol):
    """Verdict on one frame after the other."""

    suspects: bool
    """The last frame may be speech. Sooner than `is_speech`, and more often wrong."""

    def is_speech(self, frame: AudioFrame) -> bool: ...


class Ear:
    """Listens until the microphone ends. While muted nothing is heard and an utterance under way is forgotten."""

    def __init__(
        self, microphone: Microphone, gate: SpeechGate, segmenter: Segmenter, clock: Clock, publish: Publish
    ) -> None:
        self._microphone = microphone
        self._gate = gate
        self._segmenter = segmenter
        self._clock = clock
        self._publish = publish
        self._attention = Attention()
        self._muted = False

    @property
    def microphone_name(self) -> str:
        """Empty when there is none."""
        return self._microphone.name

    def mute(self, muted: bool) -> None:
        """Stop or go on listening."""
        self._muted = muted
        self._publish(MuteChanged(at_s=self._clock(), muted=muted))

    def so_far(self) -> SpeechSegment | None:
        """What has been said of an utterance under way; None between utterances and in a silence."""
        return self._segmenter.so_far

    @property
    def voiced_ms(self) -> float:
        """Voiced time of the utterance under way."""
        return self._segmenter.voiced_ms

    def wait_until(self, silence_ms: float) -> None:
        """The pause under way is the end after so much silence; nothing outside a pause."""
        self._segmenter.wait_until(silence_ms)

    async def hear(self, start_ms: Callable[[], float]) -> AsyncIterator[Heard | Stir | Calm]:
        """What may become an utterance, and utterances as they unfold.

        `start_ms` is asked for the voiced time that makes one just now.
        """
        count, peak_db = 0, FLOOR_DB
        async for frame in self._microphone.frames():
            peak_db = max(peak_db, FLOOR_DB if self._muted else level_db(frame.pcm))
            count += 1
            if count % LEVEL_EVERY_FRAMES == 0:
                self._publish(LevelMeasured(at_s=self._clock(), level_db=peak_db))
                peak_db = FLOOR_DB
            is_speech = not self._muted and self._gate.is_speech(frame)
            for stir in self._attention.push(not self._muted and self._gate.suspects):
                yield stir
            if not self._muted:
                for heard in self._segmenter.push(frame, is_speech, start_ms()):
                    yield heard
            elif self._segmenter.is_open:
                self._segmenter.reset()
                yield Dropped()


def level_db(pcm: Pcm) -> float:
    """RMS in dB relative to full scale, at least `FLOOR_DB`."""
    rms = float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64)))) / 32768
    return max(FLOOR_DB, 20 * np.log10(rms)) if rms > 0 else FLOOR_DB
