"""Reuse an early decode of an utterance as its final text if no speech has followed."""

from __future__ import annotations

from dataclasses import replace

from voicecli.engines.base import SpeechToText
from voicecli.types import SpeechSegment, Transcript


class FinalCache:
    """A recognizer that decodes the same speech only once. Like any recognizer it belongs to one worker thread.

    An early decode is often still running when the final is requested. The worker then finishes it, and the final
    needs no decode of its own.
    """

    def __init__(self, recognizer: SpeechToText) -> None:
        self.name = recognizer.name
        self._recognizer = recognizer
        self._latest: tuple[tuple[float, float], Transcript] | None = None

    def draft(self, segment: SpeechSegment) -> Transcript:
        """Return the recognizer's draft and remember it."""
        return self._remember(segment, self._recognizer.draft(segment))

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """Return the latest decode if it was of the same speech and is not provisional, else decode."""
        if self._latest is not None:
            speech, transcript = self._latest
            if speech == _speech_of(segment) and not transcript.provisional:
                return replace(transcript, audio_s=segment.audio_s)
        return self._remember(segment, self._recognizer.transcribe(segment))

    def _remember(self, segment: SpeechSegment, transcript: Transcript) -> Transcript:
        self._latest = (_speech_of(segment), transcript)
        return transcript


def _speech_of(segment: SpeechSegment) -> tuple[float, float]:
    """Return the first and the last voiced moment: segments that share them differ only in silence."""
    return segment.started_at_s, segment.ended_at_s
