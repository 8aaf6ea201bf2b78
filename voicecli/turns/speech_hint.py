"""Something may be speech: told at once, long before enough of it was heard to be an utterance. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.types import FRAME_S

POSSIBLE_SPEECH_ENDED_S = 0.3
"""Without a suspicious frame for this long it was nothing. Shorter, and the volume of an answer flutters."""


@dataclass(frozen=True, slots=True)
class PossibleSpeech:
    """What is heard may be the start of speech."""


@dataclass(frozen=True, slots=True)
class PossibleSpeechEnded:
    """It was not, or it is over."""


class SpeechHint:
    """A Stir and a Calm by turns."""

    def __init__(self) -> None:
        self._left_s = 0.0  # until calm

    def push(self, may_be_speech: bool) -> list[PossibleSpeech | PossibleSpeechEnded]:
        """Take one frame's verdict."""
        was_possible = self._left_s > 0
        self._left_s = POSSIBLE_SPEECH_ENDED_S if may_be_speech else max(0.0, self._left_s - FRAME_S)
        if was_possible == (self._left_s > 0):
            return []
        return [PossibleSpeechEnded() if was_possible else PossibleSpeech()]
