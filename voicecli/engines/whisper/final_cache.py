"""What was decoded of an utterance in its first silence is its final, where nothing voiced has followed."""

from __future__ import annotations

from dataclasses import replace

from voicecli.engines.base import SpeechToText
from voicecli.types import SpeechSegment, Transcript


class FinalCache:
    """A recognizer that decodes the same speech once. Like any recognizer it belongs to one worker thread.

    A decode that was begun in the first silence is often under way when the final is asked for. The worker then
    finishes it, and the final is there at once instead of behind it.
    """

    def __init__(self, recognizer: SpeechToText) -> None:
        self.name = recognizer.name
        self._recognizer = recognizer
        self._latest: tuple[tuple[float, float], Transcript] | None = None

    def draft(self, segment: SpeechSegment) -> Transcript:
        """As the recognizer does."""
        return self._remember(segment, self._recognizer.draft(segment))

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """The latest decode if it was of the same speech and may stand, else one of its own."""
        if self._latest is not None:
            speech, transcript = self._latest
            if speech == _speech_of(segment) and not transcript.provisional:
                return replace(transcript, audio_s=segment.audio_s)
        return self._remember(segment, self._recognizer.transcribe(segment))

    def _remember(self, segment: SpeechSegment, transcript: Transcript) -> Transcript:
        self._latest = (_speech_of(segment), transcript)
        return transcript


def _speech_of(segment: SpeechSegment) -> tuple[float, float]:
    """First and last voiced moment: segments that share them differ in silence alone."""
    return segment.started_at_s, segment.ended_at_s
