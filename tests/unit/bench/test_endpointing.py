"""Rules that listen to a recording with a pause in it, and pauses that are put into recordings."""

from __future__ import annotations

import numpy as np
import pytest

from tests.defaults import LISTEN
from voicecli.bench.endpointing import (
    RECORDING_SPACING_S,
    Clip,
    EndpointResult,
    Frames,
    Oracle,
    evaluate,
    framed,
    listen,
    ours,
    silence,
    true_end,
)
from voicecli.bench.hesitations import LONGER, PLACES, is_quiet, room_tone, with_hesitations
from voicecli.bench.result import Count, Metric
from voicecli.bench.stage_endpoint import Compared, unpaused
from voicecli.turns.endpoint import MODES, PauseStatistics
from voicecli.turns.segmenter import Endpoint
from voicecli.types import LISTEN_RATE_HZ, AudioFrame, Pcm, SpeechSegment, Transcript


class LoudnessDetector:
    """Take everything loud for speech."""

    may_be_speech = False

    def is_speech(self, frame: AudioFrame) -> bool:
        return bool(np.abs(frame.pcm).max() > 1000)


def said(*lengths_s: float) -> Pcm:
    """Voice and silence in turns."""
    parts = [
        np.full(round(length_s * LISTEN_RATE_HZ), 0 if number % 2 else 8000, np.int16)
        for number, length_s in enumerate(lengths_s)
    ]
    return np.concatenate([np.zeros(LISTEN_RATE_HZ // 4, np.int16), *parts])


PAUSING = said(1.0, 0.6, 0.8)
TRUE_END_S = 0.25 + 2.4


def frames_of(pcm: Pcm, began_s: float = 0.0) -> Frames:
    return framed(pcm, LoudnessDetector(), began_s)


def test_the_true_end_is_that_of_the_last_voice() -> None:
    end = true_end(frames_of(PAUSING), LISTEN)
    assert end is not None
    assert end.ended_at_s == pytest.approx(TRUE_END_S, abs=0.02)
    assert true_end(frames_of(said(0.04)), LISTEN) is None


@pytest.mark.parametrize(("silence_ms", "cut_off"), [(500, True), (700, False)])
def test_a_silence_shorter_than_the_pause_cuts_the_speaker_off(silence_ms: int, cut_off: bool) -> None:
    frames = frames_of(PAUSING, RECORDING_SPACING_S)
    end = true_end(frames, LISTEN)
    assert end is not None
    result = evaluate(list(listen(frames, LISTEN, None, silence(silence_ms))), end)
    assert result.cut_off == cut_off
    assert result.wait_s == pytest.approx(silence_ms / 1000, abs=0.03)


class ScriptedTurn:
    """Sure that a long utterance is over, and that a short one is not."""

    name = "scripted"

    def __init__(self) -> None:
        self.asked = 0

    def probability(self, segment: SpeechSegment) -> float:
        self.asked += 1
        return 0.99 if segment.ended_at_s - segment.started_at_s > 2 else 0.01


class ScriptedStt:
    name = "scripted"

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        whole = segment.ended_at_s - segment.started_at_s > 2
        return Transcript("How far is the moon?" if whole else "How far is the", "en", segment.audio_s)

    def draft(self, segment: SpeechSegment) -> Transcript:
        raise AssertionError("nobody asks for a draft")


def test_a_mode_waits_through_the_pause_and_the_engines_are_asked_once_for_all_rules() -> None:
    frames = frames_of(PAUSING)
    end = true_end(frames, LISTEN)
    assert end is not None
    turn = ScriptedTurn()
    oracle = Oracle(turn, ScriptedStt())
    balanced, patient = (
        evaluate(list(listen(frames, LISTEN, oracle.ask, ours(MODES[mode]))), end) for mode in ("balanced", "patient")
    )
    assert not balanced.cut_off
    assert not patient.cut_off
    assert balanced.wait_s is not None
    assert patient.wait_s is not None
    assert balanced.wait_s < patient.wait_s
    assert turn.asked == 2


def test_a_speaker_who_goes_on_after_a_cut_teaches_that_pauses_are_long() -> None:
    frames = frames_of(said(0.8, 0.9, 0.8, 0.9, 0.8))
    means: list[float] = []

    def rule(probability: float, transcript: Transcript | None, pauses: PauseStatistics) -> float:
        means.append(pauses.mean_ms)
        return 500

    ends = list(listen(frames, LISTEN, None, rule))
    assert len(ends) == 3
    assert means == [600, pytest.approx(660, abs=10), pytest.approx(708, abs=10)]


def test_who_is_never_answered_is_cut_off_too() -> None:
    assert evaluate([], Endpoint(1.0)) == EndpointResult(cut_off=True, wait_s=None)


def test_waits_are_those_of_recordings_that_were_heard_to_their_ends() -> None:
    clips = [Clip("a.wav", [], Endpoint(1.0)), Clip("b.wav", [], Endpoint(1.0))]
    found = Compared("fast", ", paused", clips, [EndpointResult(False, 0.4), EndpointResult(True, None)])
    assert found.waits == Metric(
        "fast", "wait after the end of speech, paused", "s", (0.4,), of=("a.wav",), stage="endpoint"
    )
    assert found.cut_off == Count("fast", "cut off, paused", 1, 2)
    assert list(found.events())[1] == {"group": "fast, paused", "of": "b.wav", "cut_off": True, "wait_s": None}
    assert unpaused(0) == ()
    assert unpaused(2)[0].startswith("2 recordings got no pause")


def voice_in_a_room(seconds: float) -> Pcm:
    noise = np.random.default_rng(0)
    room, voice = noise.normal(0, 30, LISTEN_RATE_HZ // 2), noise.normal(0, 3000, round(seconds * LISTEN_RATE_HZ))
    return np.concatenate([room, voice]).astype(np.int16)


def test_each_recording_gets_two_pauses_as_long_as_people_pause() -> None:
    clips = [voice_in_a_room(2.0)] * 20
    paused = with_hesitations(clips, lambda pcm: [0.9, 1.3, 1.7])
    assert [index for index, _ in paused] == [index for index in range(20) for _ in PLACES]
    lengths_s = [(len(pcm) - len(clips[0])) / LISTEN_RATE_HZ for _, pcm in paused]
    longest = LONGER[-1][1]
    assert all(LONGER[0][1] <= length_s <= longest for length_s in lengths_s)
    for share, longer_s in LONGER[1:-1]:
        assert sum(length_s > longer_s for length_s in lengths_s) / len(lengths_s) == pytest.approx(share, abs=0.05)
    _, first = paused[0]
    inside = first[round(0.95 * LISTEN_RATE_HZ) : round(1.15 * LISTEN_RATE_HZ)]
    assert np.abs(inside.astype(float)).mean() < 100


def test_what_is_never_quiet_or_has_no_words_gets_no_pause() -> None:
    loud = np.random.default_rng(1).normal(0, 3000, 2 * LISTEN_RATE_HZ).astype(np.int16)
    assert not is_quiet(room_tone(loud), loud)
    assert with_hesitations([loud], lambda pcm: [0.5, 1.0]) == []
    assert with_hesitations([voice_in_a_room(1.0)], lambda pcm: []) == []
