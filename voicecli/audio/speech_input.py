"""From microphone frames through voice activity detection to the segmenter's events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

import numpy as np

from voicecli.audio.device import Microphone
from voicecli.events import Clock, HoldChanged, LevelMeasured, MuteChanged, Publish
from voicecli.turns.push_to_talk import PushToTalkKey
from voicecli.turns.segmenter import Dropped, Segmenter, SegmenterEvent
from voicecli.turns.speech_hint import PossibleSpeech, PossibleSpeechEnded, SpeechHint
from voicecli.types import FRAME_S, AudioFrame, Pcm, SpeechSegment

LEVEL_EVERY_FRAMES = round(0.1 / FRAME_S)
FLOOR_DB = -90.0


class VoiceActivityDetector(Protocol):
    """Classifies one frame after the other."""

    may_be_speech: bool
    """Whether the last frame may be speech: sooner than `is_speech`, and more often wrong."""

    def is_speech(self, frame: AudioFrame) -> bool:
        """Return whether a frame of 20 ms at 16 kHz is speech, and set `may_be_speech`."""
        ...


class SpeechInput:
    """Listens until the microphone ends. While muted it hears nothing, and it drops an utterance under way."""

    def __init__(
        self,
        microphone: Microphone,
        vad: VoiceActivityDetector,
        segmenter: Segmenter,
        clock: Clock,
        publish: Publish,
        talk_key: PushToTalkKey | None = None,
    ) -> None:
        """Listen only while `talk_key` is held, if there is one."""
        self._microphone = microphone
        self._vad = vad
        self._segmenter = segmenter
        self._clock = clock
        self._publish = publish
        self._speech_hint = SpeechHint()
        self._muted = False
        self._talk_key = talk_key
        self._pending: list[SegmenterEvent | PossibleSpeechEnded] = []  # the key was released, not yielded yet

    @property
    def microphone_name(self) -> str:
        """Name of the microphone; empty if there is none."""
        return self._microphone.name

    def mute(self, muted: bool) -> None:
        """Stop listening, or listen again."""
        self._muted = muted
        self._publish(MuteChanged(at_s=self._clock(), muted=muted))

    def hold(self, held: bool, *, pre_roll: bool = True) -> None:
        """Press or release the push-to-talk key.

        An utterance begins at once, with a little of what came before unless `pre_roll` is off, and ends at once.
        """
        if self._talk_key is None or held == self._talk_key.held:
            return
        self._talk_key.hold(held, pre_roll=pre_roll)
        if held:
            self._segmenter.hold()
        else:
            self._pending += [*self._segmenter.end_now(), PossibleSpeechEnded()]
        self._publish(HoldChanged(at_s=self._clock(), held=held))

    def so_far(self) -> SpeechSegment | None:
        """Return what has been said of the utterance under way; None between utterances and in a silence."""
        return self._segmenter.so_far

    @property
    def voiced_ms(self) -> float:
        """Voiced time of the utterance under way."""
        return self._segmenter.voiced_ms

    def wait_until(self, silence_ms: float) -> None:
        """End the utterance once the pause under way is `silence_ms` long. Do nothing outside a pause."""
        self._segmenter.wait_until(silence_ms)

    async def discard_input(self) -> None:
        """Read frames and drop them, until cancelled."""
        async for _ in self._microphone.frames():
            pass

    async def events(
        self, start_ms: Callable[[], float]
    ) -> AsyncIterator[SegmenterEvent | PossibleSpeech | PossibleSpeechEnded]:
        """Yield hints of possible speech, and utterances as they unfold.

        `start_ms` returns how much voiced time starts an utterance at the moment.
        """
        count, peak_db = 0, FLOOR_DB
        async for frame in self._microphone.frames():
            ignored = self._muted or not (self._talk_key is None or self._talk_key.held)
            peak_db = max(peak_db, FLOOR_DB if ignored else level_db(frame.pcm))
            count += 1
            if count % LEVEL_EVERY_FRAMES == 0:
                self._publish(LevelMeasured(at_s=self._clock(), level_db=peak_db))
                peak_db = FLOOR_DB
            pending, self._pending = self._pending, []
            for event in pending:
                yield event
            for admitted in (frame,) if self._talk_key is None else self._talk_key.push(frame):
                for one in self._process(admitted, start_ms()):
                    yield one

    def _process(
        self, frame: AudioFrame, start_ms: float
    ) -> Iterator[SegmenterEvent | PossibleSpeech | PossibleSpeechEnded]:
        is_speech = not self._muted and self._vad.is_speech(frame)
        yield from self._speech_hint.push(not self._muted and self._vad.may_be_speech)
        if not self._muted:
            yield from self._segmenter.push(frame, is_speech, start_ms)
        elif self._segmenter.is_open:
            self._segmenter.reset()
            yield Dropped()


def level_db(pcm: Pcm) -> float:
    """Return the RMS level in dB relative to full scale, at least `FLOOR_DB`."""
    rms = float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64)))) / 32768
    return max(FLOOR_DB, 20 * np.log10(rms)) if rms > 0 else FLOOR_DB
