"""A draft is the final only when it heard all of the speech and may stand."""

from __future__ import annotations

import numpy as np
import pytest

from voicecli.engines.whisper.final_cache import FinalCache
from voicecli.types import SpeechSegment, Transcript, Word


class Counting:
    """Tells drafts from finals."""

    name = "counting"

    def __init__(self, *, provisional: bool = False) -> None:
        self.provisional = provisional
        self.finals = 0

    def draft(self, segment: SpeechSegment) -> Transcript:
        return Transcript("draft", "en", segment.audio_s, provisional=self.provisional)

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        self.finals += 1
        return Transcript("final", "en", segment.audio_s, words=(Word("final", 0.1, 0.4, 0.9),))


def segment(ended_at_s: float, audio_s: float, started_at_s: float = 0.5) -> SpeechSegment:
    return SpeechSegment(np.zeros(round(16_000 * audio_s), np.int16), started_at_s, ended_at_s)


def test_a_draft_with_all_of_the_speech_is_the_final() -> None:
    stt = FinalCache(Counting())
    stt.draft(segment(1.0, 1.1))
    assert stt.transcribe(segment(1.0, 1.2)) == Transcript("draft", "en", 1.2)


@pytest.mark.parametrize("wanted", [segment(1.4, 1.6), segment(1.0, 1.2, started_at_s=0.7)])
def test_a_draft_of_other_speech_is_not(wanted: SpeechSegment) -> None:
    stt = FinalCache(Counting())
    stt.draft(segment(1.0, 1.1))
    assert stt.transcribe(wanted).text == "final"


def test_a_provisional_draft_is_not() -> None:
    stt = FinalCache(Counting(provisional=True))
    stt.draft(segment(1.0, 1.1))
    assert stt.transcribe(segment(1.0, 1.2)).text == "final"


def test_only_the_latest_decode_is_remembered() -> None:
    stt = FinalCache(Counting())
    stt.draft(segment(1.0, 1.1))
    stt.draft(segment(2.0, 2.1))
    assert stt.transcribe(segment(1.0, 1.2)).text == "final"
    assert stt.transcribe(segment(2.0, 2.2)).text == "final"


def test_a_final_is_decoded_once() -> None:
    stt = FinalCache(inner := Counting())
    words = (Word("final", 0.1, 0.4, 0.9),)
    assert stt.transcribe(segment(1.0, 1.1)) == Transcript("final", "en", 1.1, words=words)
    assert stt.transcribe(segment(1.0, 1.2)) == Transcript("final", "en", 1.2, words=words)
    assert inner.finals == 1
    assert stt.name == "counting"
