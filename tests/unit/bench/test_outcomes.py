"""Outcomes of utterances: the wait from the true end of the voice to the first audible sound."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from voicecli import events
from voicecli.bench.figures import found_by
from voicecli.bench.outcomes import (
    Outcome,
    audible_from,
    cuts_in,
    first_lasting,
    found_at_s,
    loud_times,
    outcomes,
    silent_after,
    voice_to_voice_s,
)
from voicecli.bench.result import VOICE_TO_VOICE
from voicecli.bench.room import STEP_S, Heard, Said
from voicecli.bench.scenes import Scene
from voicecli.bench.trace import TRACKS, trace
from voicecli.bench.voice_to_voice import Round
from voicecli.bench.watch import Call
from voicecli.conversation.latency import PART_NAMES
from voicecli.events import Event
from voicecli.turns.speculation import Speculation
from voicecli.types import LISTEN_RATE_HZ, Pcm, TurnId

TURN, NEXT = TurnId(1), TurnId(2)
SCENE = Scene("quiet", "one.wav", np.zeros(0, np.int16), 0.3, 2.0, slots=("capital", "france"))
SAID = Said(SCENE, began_s=10.0, voiced_from_s=10.3, voiced_until_s=12.0)
LOUD_S = [12.9 + index * STEP_S for index in range(100)]


def turn(turn: TurnId = TURN, end_s: float = 12.5, audible_s: float = 12.8) -> list[Event]:
    """Return the events of a turn that is heard from 10.4 s on, with an endpoint and an answer."""
    return [
        events.SpeechStarted(at_s=10.4, turn=turn, started_at_s=10.3),
        events.SpeechPaused(at_s=12.2, turn=turn, ended_at_s=11.9, preparing=True),
        events.Transcribed(at_s=12.3, turn=turn, text="The capital of France?", language="en", audio_s=2.0),
        events.TokenArrived(at_s=12.4, turn=turn, text="Paris"),
        events.TokenArrived(at_s=12.41, turn=turn, text="."),
        events.TextChunkReady(at_s=12.42, turn=turn, text="Paris.", source_end=6),
        events.SpeechEnded(at_s=end_s, turn=turn, ended_at_s=11.9),
        events.Synthesized(at_s=12.7, turn=turn, text="Paris.", audio_s=1.0, share=1.0),
        events.Audible(at_s=audible_s, turn=turn),
        events.PlaybackUnderrun(at_s=13.2, turn=turn, gap_s=0.1),
        events.TurnDone(at_s=14.0, turn=turn, spoken="Paris."),
    ]


CALLS = (
    Call("stt", "draft", 11.0, 11.1, 0.1, amount=1.0),
    Call("stt", "draft", 12.05, 12.25, 0.2, amount=2.0),
    Call("endpoint", "end of turn", 12.2, 12.23, 0.03),
    Call("stt", "final", 12.26, 12.261, 0.001, amount=2.0),
    Call("llm", "prefill", 12.27, 12.29, 0.02),
    Call("llm", "reply", 12.3, 12.8, 0.5, first_s=0.1, amount=9),
    Call("tts", "Paris.", 12.42, 12.7, 0.25, first_s=0.2, amount=1.0),
    Call("tts", "of another answer", 12.9, 13.0, 0.1, first_s=0.1, amount=1.0),
)


ALONE = (
    Call("stt", "final", 20.0, 20.15, 0.15, amount=2.0),
    Call("llm", "reply", 21.0, 21.5, 0.5, first_s=0.1, amount=9),
    Call("tts", "Paris.", 22.0, 22.25, 0.25, first_s=0.2, amount=1.0),
)


def outcomes_of(said: list[Said], happened: list[Event], loud_s: list[float] = LOUD_S) -> list[Outcome]:
    return outcomes(Heard(said, loud_s), happened, CALLS)


def test_the_wait_is_from_the_true_end_to_the_first_audible_sound() -> None:
    [one] = outcomes_of([SAID], turn())
    assert one.latency is not None
    assert one.latency.voice_to_voice_s == pytest.approx(0.9)  # 12.9, not 12.8; 12.0, not 11.9
    assert sum(one.latency.parts) == pytest.approx(0.9)
    assert one.latency.endpoint_s == pytest.approx(0.5)
    assert (one.answered, one.cut_off, one.gaps) == (True, False, 1)
    assert (one.heard, one.answer) == ("The capital of France?", "Paris.")


def test_a_click_is_no_beginning() -> None:
    assert audible_from([1.0, 1.01, 2.0, 2.01, 2.02], 0.9) == 2.0
    assert audible_from([1.0, 1.01], 0.9) == 0.9
    assert audible_from([], 0.9) == 0.9


def test_an_endpoint_before_the_true_end_cuts_off() -> None:
    [one] = outcomes_of([SAID], turn(end_s=11.5, audible_s=11.7))
    assert (one.answered, one.cut_off, one.latency) == (True, True, None)


def test_the_turn_that_went_on_counts_and_the_cut_is_reported() -> None:
    cut = [
        events.SpeechStarted(at_s=10.3, turn=TURN, started_at_s=10.2),
        events.SpeechEnded(at_s=11.0, turn=TURN, ended_at_s=10.8),
    ]
    [one] = outcomes_of([SAID], cut + turn(NEXT))
    assert one.cut_off
    assert one.latency is not None


def test_without_an_answer_there_is_no_wait() -> None:
    [one] = outcomes_of([SAID], turn()[:3])
    assert (one.answered, one.latency, one.calls, one.answer) == (False, None, (), "")


def test_the_calls_are_those_that_the_answer_was_made_by() -> None:
    [one] = outcomes_of([SAID], turn())
    assert [(call.stage, call.began_s) for call in one.calls] == [
        ("stt", 12.05),
        ("endpoint", 12.2),
        ("llm", 12.3),
        ("tts", 12.42),
    ]


def test_what_is_said_over_an_answer_softens_and_ends_it() -> None:
    over = Said(SCENE, began_s=13.0, voiced_from_s=13.3, voiced_until_s=15.0, over=True)
    loud_s = [12.9 + index * STEP_S for index in range(65)] + [14.5]  # until 13.55
    ducked = events.Ducked(at_s=13.39, turn=TURN, volume="soft")
    first, second = outcomes_of(
        [SAID, over], [*turn()[:-2], events.Ducked(at_s=13.1, turn=TURN, volume="soft"), ducked], loud_s
    )
    assert first.silent_s is None
    assert second.softer_s == pytest.approx(0.09)
    assert second.silent_s == pytest.approx(0.25)
    assert silent_after([], 1.0) == 0.0


def held(happened: list[Event], said: Said = SAID) -> Round:
    came = tuple(outcomes_of([said], happened))
    speculation = Speculation(hits=1, misses=1, wasted_s=0.2)
    alone = (("one.wav", ALONE),)
    return Round("quiet", came, tuple(happened), CALLS, 3.0, 4.0, 800.0, speculation, alone)


def test_figures_are_reported_by_scenario_with_what_they_were_taken_on() -> None:
    found = found_by([held(turn()), held(turn()[:3])])
    [whole] = [one for one in found.metrics if one.name == VOICE_TO_VOICE]
    assert (whole.group, whole.samples, whole.of) == ("quiet", (0.9,), ("one.wav",))
    assert {one.name for one in found.metrics} >= set(PART_NAMES)
    work = {one.name: one.samples[0] for one in found.metrics if one.group == "quiet" and one.better == "neither"}
    assert work == {
        "final decode": 0.2,
        "end-of-turn model": 0.03,
        "language model's first token": 0.1,
        "voice's first sound": 0.2,
        "real-time factor, stt": 0.1,
        "real-time factor, tts": 0.25,
    }
    alone = {one.name: (one.stage, one.samples) for one in found.metrics if one.group == "alone"}
    assert alone == {
        "decode": ("stt", (0.15, 0.15)),
        "first token": ("llm", (0.1, 0.1)),
        "tokens a second": ("llm", (20.0, 20.0)),
        "first sound": ("tts", (0.2, 0.2)),
        "real-time factor": ("tts", (0.25, 0.25)),
    }
    counts = {one.name: (one.value, one.out_of) for one in found.counts}
    assert counts == {
        "start": (3.0, None),
        "answered": (1, 2),
        "cut off before the end": (0, 2),
        "answers with a gap inside": (1, 1),
        "prepared answers used": (2, 4),
        "wasted on pauses": (0.4, None),
        "CPU seconds a turn": (4.0, None),
        "peak memory": (800, None),
        "phrases heard": (2, 4),
    }
    assert [record.parts_s for record in found.turns][0] == pytest.approx((0.5, 0, 0, 0, 0.2, 0.2))
    assert len(found.turns) == 1
    assert len(found.events) == len(turn()) + 3


def test_a_recording_without_phrases_counts_none() -> None:
    said = replace(SAID, scene=replace(SCENE, slots=()))
    assert "phrases heard" not in {one.name for one in found_by([held(turn(), said)]).counts}


def test_one_token_has_no_rate() -> None:
    calls = (Call("llm", "reply", 12.3, 12.4, 0.1, first_s=0.1, amount=1),)
    one = replace(outcomes_of([SAID], turn())[0], calls=calls)
    found = found_by([replace(held(turn()), outcomes=(one,), alone=(("one.wav", calls),))])
    names = {metric.name for metric in found.metrics}
    assert "first token" in names
    assert not names & {"tokens a second", "real-time factor, stt", "real-time factor"}


def test_a_trace_has_what_was_said_each_call_and_the_wait_by_its_parts() -> None:
    made = json.loads(json.dumps(trace([held(turn()), held(turn()[:3])])))["traceEvents"]
    spans = [(one["pid"], TRACKS[one["tid"]], one["name"], one["dur"]) for one in made if one["ph"] == "X"]
    assert (1, "said", "one.wav", 1_700_000) in spans
    assert (1, "llm", "reply", 500_000) in spans
    waited = [(name, length) for pid, track, name, length in spans if (pid, track) == (1, "the wait")]
    assert [name for name, _ in waited] == ["endpoint", "tts", "playout"]
    assert sum(length for _, length in waited) == pytest.approx(900_000, abs=2)
    assert (2, "the wait") not in {(pid, track) for pid, track, _, _ in spans}
    assert sum(one["ph"] == "i" for one in made) == len(turn()) + 3


def test_a_system_that_does_not_report_memory_has_no_figure_of_it() -> None:
    found = found_by([replace(held(turn()), peak_mb=None)])
    assert "peak memory" not in {one.name for one in found.counts}


def noise(seconds: float, level: float = 3000.0, seed: int = 0) -> Pcm:
    return np.random.default_rng(seed).normal(0, level, round(seconds * LISTEN_RATE_HZ)).astype(np.int16)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * LISTEN_RATE_HZ), np.int16)


@pytest.mark.parametrize("at_s", [0.0, 0.35, 1.2])
def test_what_was_played_is_found_to_the_millisecond_whatever_else_is_heard(at_s: float) -> None:
    played = noise(1.5)
    air = np.concatenate([silence(at_s), played, silence(0.5)]) + noise(at_s + 2.0, 1500.0, seed=1)
    assert found_at_s(air.astype(np.int16), played) == pytest.approx(at_s, abs=0.001)


def test_the_wait_ends_with_the_first_audible_sound_not_with_a_click_or_a_whisper() -> None:
    speaker = np.concatenate([silence(2.5), noise(0.01), silence(0.19), noise(0.3, 60.0), noise(1.0)])
    loud = loud_times(speaker, 100.0)
    assert voice_to_voice_s(loud, 101.9) == pytest.approx(1.1, abs=STEP_S)
    assert first_lasting(loud, 100.0, 102.9) is None


def test_without_an_audible_answer_there_is_no_wait() -> None:
    assert voice_to_voice_s(loud_times(silence(2.0), 0.0), 0.5) is None


def test_an_answer_into_the_last_words_cuts_in_and_one_just_behind_them_does_not() -> None:
    loud = loud_times(np.concatenate([silence(1.0), noise(1.0)]), 50.0)
    assert cuts_in(loud, 50.0, 51.5)
    assert not cuts_in(loud, 50.0, 51.02)


def test_the_end_of_the_last_answer_is_no_cut_in() -> None:
    assert not cuts_in(loud_times(np.concatenate([noise(0.15), silence(2.0)]), 50.0), 50.0, 52.0)
