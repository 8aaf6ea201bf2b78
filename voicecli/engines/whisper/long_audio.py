"""Transcribe speech that is longer than a recognizer's window, in parts that are each decoded once."""

from __future__ import annotations

from dataclasses import replace

from voicecli.audio.files.cutting import first_part
from voicecli.engines.base import SpeechToText
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, SpeechSegment, Transcript

LONGEST_S = 25.0
"""Longest last part of an utterance; a longer one is divided at a quiet moment. Below DECODE_WINDOW_S, so parts fit in
the short window."""


class LongSpeech:
    """A recognizer for utterances of minutes. Like any recognizer it belongs to one worker thread.

    The parts of a growing utterance before the last one are final: they are decoded once and remembered until another
    utterance comes. So a draft or a final costs at most a decode of `longest_s`. The ends of the parts depend only on
    their own sound, so all decodes of an utterance agree on them.
    """

    def __init__(self, recognizer: SpeechToText, longest_s: float = LONGEST_S) -> None:
        self.name = recognizer.name
        self._recognizer = recognizer
        self._longest_samples = round(longest_s * LISTEN_RATE_HZ / FRAME_SAMPLES) * FRAME_SAMPLES
        self._started_at_s: float | None = None  # of the utterance whose parts these are
        self._parts: list[tuple[int, Transcript]] = []  # where each ends, in samples of the whole, and its words

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """Return the final text of all parts. Raise EngineError on failure."""
        settled, rest = self._settle(segment)
        begin = len(segment.pcm) - len(rest.pcm)
        return _join(settled, _shift(self._recognizer.transcribe(rest), begin), segment)

    def draft(self, segment: SpeechSegment) -> Transcript:
        """Return the final text of all parts but the last, and a draft of that one. Raise EngineError on failure.

        If the last draft has no text, return none at all: without its last part the utterance would seem to shrink.
        """
        settled, rest = self._settle(segment)
        last = self._recognizer.draft(rest)
        joined = _join([] if last.provisional and not last.text else settled, last, segment)
        return replace(joined, words=())  # the last part has none yet

    def _settle(self, segment: SpeechSegment) -> tuple[list[Transcript], SpeechSegment]:
        """Return the transcripts of all parts before the last, and the segment of the last part."""
        if segment.started_at_s != self._started_at_s:
            self._started_at_s, self._parts = segment.started_at_s, []
        parts = [part for part in self._parts if part[0] < len(segment.pcm)]
        begin = parts[-1][0] if parts else 0
        while len(segment.pcm) - begin > self._longest_samples:
            end = begin + first_part(segment.pcm[begin : begin + self._longest_samples])
            part = self._recognizer.transcribe(_audio_chunk(segment, begin, end))
            parts.append((end, _shift(part, begin)))
            self._parts = parts
            begin = end
        return [transcript for _, transcript in parts], _audio_chunk(segment, begin, len(segment.pcm))


def _audio_chunk(segment: SpeechSegment, begin: int, end: int) -> SpeechSegment:
    """Return samples `begin` to `end` as a segment. Times inside the original are late by its pre-roll."""
    started_at_s = segment.started_at_s + begin / LISTEN_RATE_HZ
    whole = end == len(segment.pcm)
    ended_at_s = segment.ended_at_s if whole else segment.started_at_s + end / LISTEN_RATE_HZ
    return SpeechSegment(segment.pcm[begin:end], started_at_s, ended_at_s)


def _shift(part: Transcript, begin: int) -> Transcript:
    """Shift the words of a part that begins at sample `begin` to times of the whole."""
    by_s = begin / LISTEN_RATE_HZ
    words = [replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s) for word in part.words]
    return replace(part, words=tuple(words))


def _join(settled: list[Transcript], last: Transcript, segment: SpeechSegment) -> Transcript:
    """Return one transcript of the whole. It is rejected only if all parts are, for the first reason given."""
    parts = [*settled, last]
    front = " ".join(part.text for part in settled if part.text)
    text = " ".join(part.text for part in parts if part.text)
    telling = next((part for part in parts if part.text), last)
    return Transcript(
        text,
        telling.language,
        segment.audio_s,
        "" if text else next((part.reason for part in parts if part.reason), ""),
        provisional=last.provisional,
        settled=len(front.split()),
        redecoded=any(part.redecoded for part in parts),
        words=tuple(word for part in parts for word in part.words),
        language_probability=telling.language_probability,
    )
