"""Report at once that a sound may be speech, long before enough of it makes an utterance. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.types import FRAME_S

QUIET_S = 0.3
"""After this long without a frame that may be speech it was none. A shorter time makes an answer's volume flutter."""


@dataclass(frozen=True, slots=True)
class PossibleSpeech:
    """The sound may be the start of speech."""


@dataclass(frozen=True, slots=True)
class PossibleSpeechEnded:
    """It was not speech, or it is over."""


class SpeechHint:
    """Turns a verdict a frame into PossibleSpeech and PossibleSpeechEnded, alternately."""

    def __init__(self) -> None:
        self._left_s = 0.0  # until it is over

    def push(self, may_be_speech: bool) -> list[PossibleSpeech | PossibleSpeechEnded]:
        """Add the verdict on one frame."""
        was_possible = self._left_s > 0
        self._left_s = QUIET_S if may_be_speech else max(0.0, self._left_s - FRAME_S)
        if was_possible == (self._left_s > 0):
            return []
        return [PossibleSpeechEnded() if was_possible else PossibleSpeech()]
