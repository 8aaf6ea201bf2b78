"""Utterances of minutes: each part is decoded once, as a final, and no word is lost or doubled at a cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecli.engines.whisper.final_cache import FinalCache
from voicecli.engines.whisper.long_audio import LongSpeech
from voicecli.errors import EngineError
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm, SpeechSegment, Transcript, Word

LONGEST_S = 2.0
WORD, GAP = 0.3, 0.08  # seconds
START_S = 7.0


class Reader:
    """Words are levels in the sound, silence is 0; a word that is cut in two is read twice."""

    name = "reader"

    def __init__(self) -> None:
        self.finals: list[bytes] = []
        self.drafts: list[bytes] = []
        self.script: list[Transcript | Exception] = []  # of the next decodes; then it reads

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        self.finals.append(segment.pcm.tobytes())
        return self._read(segment)

    def draft(self, segment: SpeechSegment) -> Transcript:
        self.drafts.append(segment.pcm.tobytes())
        return self._read(segment)

    def _read(self, segment: SpeechSegment) -> Transcript:
        assert segment.audio_s <= LONGEST_S
        if self.script:
            scripted = self.script.pop(0)
            if isinstance(scripted, Exception):
                raise scripted
            return scripted
        levels = segment.pcm[::FRAME_SAMPLES].tolist()
        words = [level for level, before in zip(levels, [0, *levels], strict=False) if level and level != before]
        return Transcript(" ".join(map(str, words)), "en", segment.audio_s, "" if words else "no speech")


def monologue(words: int, word_s: float = WORD, gap_s: float = GAP) -> Pcm:
    """Words 1000, 1001, ... with gaps between them, whole frames."""

    def frames(level: int, seconds: float) -> Pcm:
        return np.full(round(seconds * LISTEN_RATE_HZ / FRAME_SAMPLES) * FRAME_SAMPLES, level, np.int16)

    return np.concatenate([part for n in range(words) for part in (frames(1000 + n, word_s), frames(0, gap_s))])


def segment(pcm: Pcm, started_at_s: float = START_S) -> SpeechSegment:
    return SpeechSegment(pcm, started_at_s, started_at_s + len(pcm) / LISTEN_RATE_HZ)


def text(words: int) -> str:
    return " ".join(str(1000 + n) for n in range(words))


def test_what_fits_is_passed_on_as_it_is() -> None:
    long = LongSpeech(reader := Reader(), LONGEST_S)
    whole = segment(monologue(5))
    assert long.transcribe(whole) == Transcript(text(5), "en", whole.audio_s)
    assert long.draft(whole) == Transcript(text(5), "en", whole.audio_s)
    assert (len(reader.finals), len(reader.drafts), long.name) == (1, 1, "reader")


def test_the_parts_are_cut_in_gaps_and_the_transcript_is_of_the_whole() -> None:
    whole = segment(monologue(40))
    transcript = LongSpeech(Reader(), LONGEST_S).transcribe(whole)
    assert (transcript.text, transcript.audio_s) == (text(40), whole.audio_s)
    assert 30 < transcript.settled < 40
    assert not transcript.provisional


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=20), st.integers(1, 60))
def test_however_it_grows_each_word_is_read_once(grown: list[tuple[int, bool]], words: int) -> None:
    pcm, end, frozen = monologue(words), 0, list[bytes]()
    long = LongSpeech(reader := Reader(), LONGEST_S)
    for frames, final in grown:
        end = min(end + frames * FRAME_SAMPLES, len(pcm))
        before = len(reader.finals)
        (long.transcribe if final else long.draft)(segment(pcm[:end]))
        frozen += reader.finals[before : len(reader.finals) - final]  # but the last part, which may still grow
    assert long.transcribe(segment(pcm)).text == text(words)
    assert LongSpeech(Reader(), LONGEST_S).transcribe(segment(pcm)).text == text(words)
    assert frozen == list(dict.fromkeys(frozen))
    assert pcm.tobytes().startswith(b"".join(frozen))


def test_a_growing_utterance_has_its_frozen_parts_decoded_once_as_finals() -> None:
    pcm = monologue(40)
    long = LongSpeech(reader := Reader(), LONGEST_S)
    for end in range(FRAME_SAMPLES, len(pcm), 5 * FRAME_SAMPLES):
        long.draft(segment(pcm[:end]))
    frozen = len(reader.finals)
    assert b"".join(reader.finals) == pcm.tobytes()[: sum(map(len, reader.finals))]
    assert len(set(reader.finals)) == frozen > 5
    last = long.transcribe(segment(pcm))
    assert last.text == text(40)
    assert len(reader.finals) == frozen + 1


def test_another_utterance_begins_anew_and_a_shorter_one_is_cut_alike() -> None:
    pcm = monologue(30)
    long = LongSpeech(Reader(), LONGEST_S)
    long.transcribe(segment(pcm))
    assert long.transcribe(segment(monologue(12))).text == text(12)
    other = np.where(pcm == 0, 0, pcm + 500).astype(np.int16)
    assert long.transcribe(segment(other, START_S + 50)).text.startswith("1500 1501")


def test_a_part_that_failed_is_tried_again() -> None:
    long = LongSpeech(reader := Reader(), LONGEST_S)
    reader.script.append(EngineError("out of memory"))
    whole = segment(monologue(20))
    with pytest.raises(EngineError):
        long.draft(whole)
    assert long.transcribe(whole).text == text(20)


def test_what_is_reported_of_the_parts_is_reported_of_the_whole() -> None:
    whole = segment(monologue(6))
    long = LongSpeech(reader := Reader(), LONGEST_S)
    reader.script += [Transcript("", "en", 1.0, "repetition"), Transcript("", "en", 1.0, "no speech", redecoded=True)]
    assert long.transcribe(whole) == Transcript("", "en", whole.audio_s, "repetition", redecoded=True)
    reader.script.append(Transcript("oui", "fr", 1.0))
    assert long.transcribe(whole) == Transcript("oui", "fr", whole.audio_s)


def test_words_of_later_parts_are_later_and_a_draft_has_none() -> None:
    one, two = Word("one", 0.25, 0.5, 0.9), Word("two", 0.0, 0.125, 0.8)
    long = LongSpeech(reader := Reader(), LONGEST_S)
    reader.script += [Transcript("one", "en", 1.0, words=(one,)), Transcript("two", "en", 1.0, words=(two,))]
    whole = segment(monologue(6))
    first, second = long.transcribe(whole).words
    begin_s = len(reader.finals[0]) / 2 / LISTEN_RATE_HZ
    assert first == one
    assert second == Word("two", begin_s, begin_s + 0.125, 0.8)
    assert long.draft(whole).words == ()


def test_silence_after_settled_words_leaves_them() -> None:
    pcm = np.concatenate([monologue(5), np.zeros(2 * LISTEN_RATE_HZ, np.int16)])
    transcript = LongSpeech(Reader(), LONGEST_S).draft(segment(pcm))
    assert (transcript.text, transcript.settled, transcript.reason) == (text(5), 5, "")


def test_a_draft_whose_end_is_withheld_has_no_words_and_is_no_final() -> None:
    whole = segment(monologue(9))
    stt = FinalCache(LongSpeech(reader := Reader(), LONGEST_S))
    stt.draft(whole)
    reader.script.append(Transcript("", "en", 1.0, "restart", provisional=True))
    assert stt.draft(whole) == Transcript("", "en", whole.audio_s, "restart", provisional=True)
    assert stt.transcribe(whole).text == text(9)
