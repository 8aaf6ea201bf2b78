"""The last draft of an utterance is its final, where the draft has already heard all of the speech."""

from __future__ import annotations

from dataclasses import replace

from voicecli.engines.base import SpeechToText
from voicecli.types import SpeechSegment, Transcript


class DraftsAsFinals:
    """A recogniser that remembers its last draft. Like any recogniser it belongs to one worker thread.

    A draft that was begun in the first silence is often under way when the final is asked for. The worker then finishes
    it, and the final is there at once instead of behind it.
    """

    def __init__(self, recogniser: SpeechToText) -> None:
        self.name = recogniser.name
        self._recogniser = recogniser
        self._drafted: tuple[tuple[float, float], Transcript] | None = None

    def draft(self, segment: SpeechSegment) -> Transcript:
        """As the recogniser does."""
        transcript = self._recogniser.draft(segment)
        self._drafted = (_speech_of(segment), transcript)
        return transcript

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """The last draft if it covers the same speech and may stand, else a decode of its own."""
        drafted, self._drafted = self._drafted, None
        if drafted is not None and drafted[0] == _speech_of(segment) and not drafted[1].provisional:
            return replace(drafted[1], audio_s=segment.audio_s)
        return self._recogniser.transcribe(segment)


def _speech_of(segment: SpeechSegment) -> tuple[float, float]:
    """First and last voiced moment: segments that share them differ in silence alone."""
    return segment.started_at_s, segment.ended_at_s
