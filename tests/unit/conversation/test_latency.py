"""Where the time of a turn went: laws of the fold, and turns like those in the docs."""

from __future__ import annotations

from dataclasses import fields
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.conversation.latency import PART_NAMES, LatencyFold, Span, TurnLatency, latencies, percentile
from voicecli.events import (
    Audible,
    Event,
    LevelMeasured,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    Synthesized,
    TextChunkReady,
    TokenArrived,
    Transcribed,
    UserTyped,
)
from voicecli.types import TurnId

TURN = TurnId(1)


def answer(transcribed: float, token: float, text_chunk: float, audio: float) -> list[Event]:
    return [
        Transcribed(at_s=transcribed, turn=TURN, text="Hi.", language="en", audio_s=1.0),
        TokenArrived(at_s=token, turn=TURN, text="Hel"),
        TokenArrived(at_s=token + 0.001, turn=TURN, text="lo."),
        TextChunkReady(at_s=text_chunk, turn=TURN, text="Hello.", source_end=6),
        Synthesized(at_s=audio, turn=TURN, text="Hello.", audio_s=0.5, share=1.0),
        Synthesized(at_s=audio + 5, turn=TURN, text="Again.", audio_s=0.5, share=1.0),
    ]


def spoken(released: float = 10.6) -> list[Event]:
    """A turn whose last voiced sample is at 10.0 s."""
    return [
        SpeechStarted(at_s=8.0, turn=TURN, started_at_s=7.9),
        SpeechPaused(at_s=10.2, turn=TURN, ended_at_s=10.0, preparing=True),
        SpeechEnded(at_s=released, turn=TURN, ended_at_s=10.0),
    ]


def only(events: list[Event]) -> TurnLatency:
    (latency,) = latencies(events)
    return latency


def test_work_behind_the_endpoint_adds_nothing_to_the_wait() -> None:
    latency = only([*spoken(10.6), *answer(10.4, 10.5, 10.7, 10.9), Audible(at_s=11.0, turn=TURN)])
    assert latency.parts == pytest.approx((0.6, 0.0, 0.0, 0.1, 0.2, 0.1))
    assert latency.voice_to_voice_s == pytest.approx(1.0)


def test_work_spans_show_when_each_stage_really_worked() -> None:
    latency = only([*spoken(10.6), *answer(10.4, 10.5, 10.7, 10.9), Audible(at_s=11.0, turn=TURN)])
    ends = [(round(span.start_s, 6), round(span.end_s, 6)) for span in latency.work]
    assert ends == [(0.0, 0.6), (0.2, 0.4), (0.4, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.0)]
    assert len(ends) == len(PART_NAMES)


def test_an_answer_that_waits_for_the_endpoint_plays_out_from_the_release() -> None:
    latency = only([*spoken(11.0), *answer(10.3, 10.4, 10.5, 10.6), Audible(at_s=11.05, turn=TURN)])
    assert latency.parts == pytest.approx((1.0, 0.0, 0.0, 0.0, 0.0, 0.05))
    assert latency.work[-1].start_s == latency.released_s == pytest.approx(1.0)


def test_a_resumed_utterance_voids_what_was_prepared() -> None:
    began_in_vain = [*spoken()[:2], *answer(10.3, 10.4, 10.5, 10.6)]
    resumed = [
        SpeechResumed(at_s=11.0, turn=TURN),
        SpeechPaused(at_s=20.2, turn=TURN, ended_at_s=20.0, preparing=True),
        *answer(20.4, 20.5, 20.6, 20.7),
        SpeechEnded(at_s=20.3, turn=TURN, ended_at_s=20.0),
        Audible(at_s=20.8, turn=TURN),
    ]
    assert only([*began_in_vain, *resumed]).parts == pytest.approx((0.3, 0.1, 0.1, 0.1, 0.1, 0.1))
    assert reduce(LatencyFold.apply, [*began_in_vain, resumed[0]], LatencyFold()) == LatencyFold()


def test_a_second_transcript_voids_the_answer_to_the_first() -> None:
    events = [*spoken(10.2), *answer(10.3, 10.4, 10.5, 10.6), *answer(11.3, 11.4, 11.5, 11.6)]
    assert only([*events, Audible(at_s=12.0, turn=TURN)]).first_token_s == pytest.approx(0.1)


def test_a_typed_turn_starts_at_the_keyboard() -> None:
    typed: list[Event] = [UserTyped(at_s=5.0, turn=TURN, text="Hi.")]
    latency = only([*typed, *answer(5.05, 5.2, 5.3, 5.5), Audible(at_s=5.6, turn=TURN)])
    assert latency.typed
    assert latency.parts == pytest.approx((0.0, 0.0, 0.2, 0.1, 0.2, 0.1))


def test_a_stage_without_a_mark_costs_nothing() -> None:
    latency = only([SpeechEnded(at_s=10.5, turn=TURN, ended_at_s=10.0), Audible(at_s=11.0, turn=TURN)])
    assert latency.parts == pytest.approx((0.5, 0.0, 0.0, 0.0, 0.0, 0.5))
    assert latency.work[1] == Span(0.5, 0.5)


def test_a_turn_that_was_not_prepared_begins_at_the_endpoint() -> None:
    latency = only(
        [
            SpeechPaused(at_s=10.2, turn=TURN, ended_at_s=10.0, preparing=False),
            SpeechEnded(at_s=10.7, turn=TURN, ended_at_s=10.0),
            Transcribed(at_s=11.0, turn=TURN, text="Hi.", language="en", audio_s=1.0),
            Audible(at_s=12.0, turn=TURN),
        ]
    )
    assert latency.parts == pytest.approx((0.7, 0.3, 0.0, 0.0, 0.0, 1.0))
    assert latency.work[1].start_s == pytest.approx(0.7)


def test_a_turn_that_was_never_audible_has_no_latency() -> None:
    assert latencies([*spoken(), *answer(10.3, 10.4, 10.5, 10.6)]) == ()
    assert LatencyFold().latency() is None


def test_turns_are_kept_apart_and_events_without_a_turn_are_left_out() -> None:
    other = TurnId(2)
    events: list[Event] = [
        UserTyped(at_s=1.0, turn=TURN, text="a"),
        LevelMeasured(at_s=1.1, level_db=-30),
        UserTyped(at_s=2.0, turn=other, text="b"),
        Audible(at_s=3.0, turn=TURN),
        Audible(at_s=3.0, turn=other),
        Audible(at_s=4.0, turn=other),
    ]
    assert [(one.turn, one.voice_to_voice_s) for one in latencies(events)] == [(TURN, 2.0), (other, 1.0)]


times = st.floats(min_value=-5, max_value=60, allow_nan=False)
any_event = st.one_of(
    st.builds(SpeechStarted, at_s=times, turn=st.just(TURN), started_at_s=times),
    st.builds(SpeechPaused, at_s=times, turn=st.just(TURN), ended_at_s=times),
    st.builds(SpeechResumed, at_s=times, turn=st.just(TURN)),
    st.builds(SpeechEnded, at_s=times, turn=st.just(TURN), ended_at_s=times),
    st.builds(Transcribed, at_s=times, turn=st.just(TURN), text=st.just("a"), language=st.just("en"), audio_s=times),
    st.builds(TokenArrived, at_s=times, turn=st.just(TURN), text=st.just("a")),
    st.builds(TextChunkReady, at_s=times, turn=st.just(TURN), text=st.just("a"), source_end=st.just(1)),
    st.builds(Synthesized, at_s=times, turn=st.just(TURN), text=st.just("a"), audio_s=times),
    st.builds(Audible, at_s=times, turn=st.just(TURN)),
    st.builds(UserTyped, at_s=times, turn=st.just(TURN), text=st.just("a")),
)


@given(st.lists(any_event, max_size=12), st.lists(any_event, max_size=6), times, times)
def test_parts_are_never_negative_and_sum_to_the_whole(
    before: list[Event], between: list[Event], ended: float, audible: float
) -> None:
    fold = LatencyFold()
    events = [*before, SpeechEnded(at_s=ended, turn=TURN, ended_at_s=ended), *between, Audible(at_s=audible, turn=TURN)]
    for event in events:
        fold = fold.apply(event)
    latency = fold.latency()
    if latency is None:  # the last events voided the end of speech
        assert fold.speech_end_s is None
        return
    assert all(part >= 0 for part in latency.parts)
    assert sum(latency.parts) == pytest.approx(latency.voice_to_voice_s, abs=1e-9)
    assert all(0 <= span.start_s <= span.end_s <= latency.voice_to_voice_s for span in latency.work)


@given(ended=times, gaps=st.lists(st.floats(min_value=0, max_value=3), min_size=6, max_size=6))
def test_voice_to_voice_is_audible_minus_the_last_voiced_sample(ended: float, gaps: list[float]) -> None:
    released, transcribed, token, text_chunk, audio, audible = (ended + sum(gaps[: n + 1]) for n in range(6))
    end = SpeechEnded(at_s=released, turn=TURN, ended_at_s=ended)
    latency = only([end, *answer(transcribed, token, text_chunk, audio), Audible(at_s=audible, turn=TURN)])
    assert latency.voice_to_voice_s == pytest.approx(audible - ended, abs=1e-9)
    assert latency.parts == pytest.approx(gaps, abs=1e-9)


def test_every_part_has_a_name() -> None:
    names = [field.name for field in fields(TurnLatency) if field.name.endswith("_s")][: len(PART_NAMES)]
    assert [name.removesuffix("_s").replace("_", " ") for name in names] == list(PART_NAMES)


@pytest.mark.parametrize(("q", "expected"), [(0, 1), (50, 2), (75, 3), (95, 4), (100, 4)])
def test_percentile_is_a_measured_value(q: float, expected: float) -> None:
    assert percentile([4, 2, 1, 3], q) == expected


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


@given(st.lists(times, min_size=1), st.floats(min_value=0, max_value=100))
def test_percentile_rises_with_q_and_stays_in_the_sample(values: list[float], q: float) -> None:
    assert percentile(values, q) in values
    assert min(values) <= percentile(values, q) <= percentile(values, 100) == max(values)
