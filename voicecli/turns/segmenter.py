"""Frames and a verdict on each -> utterances. Pure: it counts frames and has no clock and no model."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from voicecli.settings.model import ListenSettings
from voicecli.types import FRAME_S, AudioFrame, SpeechSegment

CANDIDATE_SILENCE_S = 0.1
"""A silence this long before an utterance has begun restarts the count of voiced time."""

RESUME_S = 0.06
"""Voiced time that ends a pause; a single loud frame does not."""

LIMIT_SILENCE_S = 0.08
"""Past `max_utterance_s` an utterance ends at a silence this long, the default of `early_decode_ms`. A single silent
frame is not enough: one is often inside a word."""

OVERTIME_S = 5.0
"""This long after `max_utterance_s` it ends in any case. People breathe or hesitate sooner; noise that the detector
takes for speech does not."""


@dataclass(frozen=True, slots=True)
class Onset:
    """An utterance has begun: enough voiced time was heard."""

    started_at_s: float
    goes_on: bool = False  # it continues what the limit cut short
    answer_heard_s: float = 0.0  # how much of the answer the user had heard, where it began over one


@dataclass(frozen=True, slots=True)
class EarlyPause:
    """A silence that may become a pause; if it does, `segment` holds all that was said before it."""

    segment: SpeechSegment


@dataclass(frozen=True, slots=True)
class Pause:
    """A first short silence; `segment` is all that was said so far."""

    segment: SpeechSegment


@dataclass(frozen=True, slots=True)
class Resume:
    """The user continues after a pause."""

    silence_ms: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The user is done; always after a Pause, whose segment it closes."""

    ended_at_s: float
    limit_s: float = 0.0  # `max_utterance_s` where that was the end; 0: a silence was


@dataclass(frozen=True, slots=True)
class Dropped:
    """The utterance had too little voiced time to be one."""

    reason: str = "too short"


SegmenterEvent = Onset | EarlyPause | Pause | Resume | Endpoint | Dropped


class Segmenter:
    """Finds one utterance at a time. Pre-roll goes to the recognizer and never counts as speech."""

    def __init__(self, settings: ListenSettings) -> None:
        self._settings = settings
        self._early_pause_frames = (
            max(1, round(settings.early_decode_ms / 1000 / FRAME_S)) if settings.early_decode_ms else -1
        )
        self._before: deque[AudioFrame] = deque(maxlen=max(1, round(settings.pre_roll_ms / 1000 / FRAME_S)))
        self._cut_short_frames = 0  # for so long voice goes on with an utterance that the limit ended
        self._held = False  # no silence ends an utterance
        self._opens = False  # the next frame begins one, whatever it holds
        self.reset()

    def reset(self) -> None:
        """Forget the utterance under way, if any."""
        self._frames: list[AudioFrame] = []  # pre-roll and utterance
        self.is_open = False  # an onset was returned, its end was not
        self._paused = False
        self._started_at_s = 0.0
        self._voiced_frames = 0
        self._silent_frames = 0
        self._fresh_frames = 0  # voiced in a row since the last silence
        self._pause_frames = 0  # of silence in the pause under way or the last one
        self._end = 0  # length of _frames up to the last voiced one
        self._end_ms: float = self._settings.end_ms  # silence that ends the utterance; of this pause alone

    def hold(self) -> None:
        """Begin an utterance with the next frame, whatever it holds. Silence does not end it."""
        self._before.clear()
        self._held = self._opens = True

    def end_now(self) -> list[SegmenterEvent]:
        """End the utterance. Any voice in it makes it one, since it was begun on purpose."""
        self._held = self._opens = False
        heard: list[SegmenterEvent] = []
        if self.is_open and self._voiced_frames:
            if not self._paused:
                heard.append(Pause(self._segment(len(self._frames))))
            heard.append(Endpoint(self._ended_at_s))
        elif self.is_open:
            heard.append(Dropped("no voice"))
        self.reset()
        return heard

    @property
    def so_far(self) -> SpeechSegment | None:
        """What was said so far of the utterance under way; None between utterances and in a silence."""
        return self._segment(len(self._frames)) if self.is_open and not self._silent_frames else None

    @property
    def voiced_ms(self) -> float:
        """Voiced time of the utterance under way."""
        return self._voiced_frames * FRAME_S * 1000

    def wait_until(self, silence_ms: float) -> None:
        """End the turn when the pause under way has lasted `silence_ms`. Each pause begins with `end_ms`."""
        if self._paused:
            self._end_ms = silence_ms

    def push(self, frame: AudioFrame, is_speech: bool, start_ms: float) -> list[SegmenterEvent]:
        """Add one frame; `start_ms` is the voiced time that makes an utterance now.

        Who was cut short by the limit is no interrupter: what follows closely needs only the setting's `start_ms`.
        """
        heard: list[SegmenterEvent] = []
        if self._cut_short_frames:
            self._cut_short_frames -= not is_speech
            start_ms = min(start_ms, self._settings.start_ms)
        if not self._frames and not is_speech and not self._opens:
            self._before.append(frame)
            return heard
        if not self._frames:
            self._frames, self._started_at_s = list(self._before), frame.captured_at_s
            self._before.clear()
        self._frames.append(frame)
        self._count(is_speech)
        if self.is_open:
            heard += self._resume(is_speech) or self._close()
        elif self._opens or self._voiced_frames * FRAME_S * 1000 >= start_ms:
            self.is_open, self._opens = True, False
            heard.append(Onset(self._started_at_s, goes_on=self._cut_short_frames > 0))
            self._cut_short_frames = 0
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

    def _resume(self, is_speech: bool) -> list[SegmenterEvent]:
        if self._paused and is_speech and not self._silent_frames:
            self._paused = False
            return [Resume(self._pause_frames * FRAME_S * 1000)]
        return []

    def _close(self) -> list[SegmenterEvent]:
        heard: list[SegmenterEvent] = []
        silence_ms = self._silent_frames * FRAME_S * 1000
        full = self._is_full()
        if not self._voiced_frames and not full:
            return heard  # held, and nothing was said yet
        if not self._paused and self._silent_frames == self._early_pause_frames:
            heard.append(EarlyPause(self._segment(len(self._frames))))
        if not self._paused and (silence_ms >= self._settings.pause_ms or full):
            self._paused, self._end_ms = True, self._settings.end_ms
            heard.append(Pause(self._segment(len(self._frames))))
        goes_on = self._held or self._fresh_frames  # voice now may be the user going on
        if full or (silence_ms >= self._end_ms and not goes_on):
            heard.append(self._ending(self._settings.max_utterance_s if full else 0.0))
            if full:
                self._cut_short_frames = round(self._settings.end_ms / 1000 / FRAME_S)
                del self._frames[: self._end if self._silent_frames else 0]  # the next one shall not repeat a word
            self._abandon()
        return heard

    def _is_full(self) -> bool:
        """Return whether the limit is reached, outside a word or after waiting long enough for its end."""
        over_s = len(self._frames) * FRAME_S - self._settings.max_utterance_s
        between_words = self._silent_frames * FRAME_S >= LIMIT_SILENCE_S and not self._fresh_frames
        return over_s >= OVERTIME_S or (over_s >= 0 and between_words)

    def _ending(self, limit_s: float) -> SegmenterEvent:
        enough = self._voiced_frames * FRAME_S * 1000 >= self._settings.min_speech_ms
        return Endpoint(self._ended_at_s, limit_s) if enough else Dropped()

    def _abandon(self) -> None:
        self._before.extend(self._frames)
        self.reset()

    @property
    def _ended_at_s(self) -> float:
        return self._frames[self._end - 1].captured_at_s + FRAME_S

    def _segment(self, length: int) -> SpeechSegment:
        pcm = np.concatenate([frame.pcm for frame in self._frames[:length]])
        return SpeechSegment(pcm, self._started_at_s, self._ended_at_s)
