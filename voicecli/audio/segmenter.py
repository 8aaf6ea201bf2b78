"""Frames and a verdict on each -> utterances. Pure: it counts frames, it has no clock and no model."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from voicecli.settings import ListenSettings
from voicecli.types import FRAME_S, AudioFrame, SpeechSegment

CANDIDATE_SILENCE_S = 0.1
"""A silence this long inside what is not yet an utterance makes the count of voiced time begin anew."""

RESUME_S = 0.06
"""Voiced time that ends a pause; a single loud frame does not."""


@dataclass(frozen=True, slots=True)
class Onset:
    """An utterance has begun: enough voiced time was heard."""

    started_at_s: float


@dataclass(frozen=True, slots=True)
class Lull:
    """A silence that may become a pause; if it does, `segment` holds all that was said before it."""

    segment: SpeechSegment


@dataclass(frozen=True, slots=True)
class Pause:
    """A first short silence; `segment` is all that was said so far."""

    segment: SpeechSegment


@dataclass(frozen=True, slots=True)
class Resume:
    """The user goes on after a pause."""

    silence_ms: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The user is done; always after a Pause, whose segment it closes."""

    ended_at_s: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """The utterance held too little voiced time to be one."""


Heard = Onset | Lull | Pause | Resume | Endpoint | Dropped


class Segmenter:
    """One utterance at a time. Pre-roll goes to the recogniser and is never counted as speech."""

    def __init__(self, settings: ListenSettings) -> None:
        self._settings = settings
        self._lull_frames = max(1, round(settings.lull_ms / 1000 / FRAME_S)) if settings.lull_ms else -1
        self._before: deque[AudioFrame] = deque(maxlen=max(1, round(settings.pre_roll_ms / 1000 / FRAME_S)))
        self.reset()

    def reset(self) -> None:
        """Forget the utterance under way, if any."""
        self._frames: list[AudioFrame] = []  # pre-roll and utterance
        self.is_open = False  # an onset was told, its end was not
        self._paused = False
        self._started_at_s = 0.0
        self._voiced_frames = 0
        self._silent_frames = 0
        self._fresh_frames = 0  # voiced in a row since the last silence
        self._pause_frames = 0  # of silence in the pause under way or the last one
        self._end = 0  # length of _frames up to the last voiced one
        self._end_ms: float = self._settings.end_ms  # silence that ends the utterance; of this pause alone

    @property
    def so_far(self) -> SpeechSegment | None:
        """What has been said of an utterance under way; None between utterances and in a silence."""
        return self._segment(len(self._frames)) if self.is_open and not self._silent_frames else None

    @property
    def voiced_ms(self) -> float:
        """Voiced time of the utterance under way."""
        return self._voiced_frames * FRAME_S * 1000

    def wait_until(self, silence_ms: float) -> None:
        """The pause under way is the end after so much silence. Each pause begins with `end_ms`."""
        if self._paused:
            self._end_ms = silence_ms

    def push(self, frame: AudioFrame, is_speech: bool, start_ms: float) -> list[Heard]:
        """Take one frame; `start_ms` is the voiced time that makes an utterance just now."""
        heard: list[Heard] = []
        if not self._frames and not is_speech:
            self._before.append(frame)
            return heard
        if not self._frames:
            self._frames, self._started_at_s = list(self._before), frame.captured_at_s
            self._before.clear()
        self._frames.append(frame)
        self._count(is_speech)
        if self.is_open:
            heard += self._resume(is_speech) or self._close()
        elif self._voiced_frames * FRAME_S * 1000 >= start_ms:
            self.is_open = True
            heard.append(Onset(self._started_at_s))
        elif self._silent_frames * FRAME_S >= CANDIDATE_SILENCE_S:
            self._abandon()
        return heard

    def _count(self, is_speech: bool) -> None:
        if not is_speech:
            self._silent_frames += 1
            self._pause_frames = self._silent_frames
            self._fresh_frames = 0
            return
        self._voiced_frames += 1
        self._fresh_frames += 1
        if not self._paused or self._fresh_frames * FRAME_S >= RESUME_S:
            self._silent_frames = 0
            self._end = len(self._frames)

    def _resume(self, is_speech: bool) -> list[Heard]:
        if self._paused and is_speech and not self._silent_frames:
            self._paused = False
            return [Resume(self._pause_frames * FRAME_S * 1000)]
        return []

    def _close(self) -> list[Heard]:
        heard: list[Heard] = []
        silence_ms = self._silent_frames * FRAME_S * 1000
        full = len(self._frames) * FRAME_S >= self._settings.max_utterance_s
        if not self._paused and self._silent_frames == self._lull_frames:
            heard.append(Lull(self._segment(len(self._frames))))
        if not self._paused and (silence_ms >= self._settings.pause_ms or full):
            self._paused, self._end_ms = True, self._settings.end_ms
            heard.append(Pause(self._segment(len(self._frames))))
        if full or (silence_ms >= self._end_ms and not self._fresh_frames):  # voice now may be the user going on
            enough = self._voiced_frames * FRAME_S * 1000 >= self._settings.min_speech_ms
            heard.append(Endpoint(self._segment(self._end).ended_at_s) if enough else Dropped())
            self._abandon()
        return heard

    def _abandon(self) -> None:
        self._before.extend(self._frames)
        self.reset()

    def _segment(self, length: int) -> SpeechSegment:
        pcm = np.concatenate([frame.pcm for frame in self._frames[:length]])
        ended_at_s = self._frames[self._end - 1].captured_at_s + FRAME_S
        return SpeechSegment(pcm, self._started_at_s, ended_at_s)
