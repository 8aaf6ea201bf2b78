"""What each turn of a conversation came to, then and now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.replay.stage import BEGAN_S, REPORTED, TURN
from voicecli import events
from voicecli.conversation.latency import PART_NAMES
from voicecli.events import Event
from voicecli.replay.compare import Row, as_json, pairs, rows
from voicecli.replay.turn_summary import TurnSummary, turn_summaries
from voicecli.types import TurnId

NEXT = TurnId(2)


def differing(reported: list[Row]) -> list[str]:
    return [row.name for row in reported if row.differs]


def test_a_turn_is_reported_by_its_events() -> None:
    (story,) = turn_summaries(REPORTED)
    assert (story.heard, story.answer, story.spoken, story.outcome) == (
        "Hello “you”\u2028there.",
        "Hi.",
        "Hi.",
        "answered",
    )
    assert (story.began_s, story.ended_s) == (BEGAN_S + 0.1, BEGAN_S + 1.0)
    assert story.wait_s == pytest.approx(0.5)
    assert story.voice_to_voice_s == pytest.approx(0.8)
    assert list(story.fields()["parts_s"]) == list(PART_NAMES)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (events.TurnInterrupted(at_s=1, turn=TURN, spoken="H", reopened=False), "interrupted"),
        (events.TurnInterrupted(at_s=1, turn=TURN, spoken="", reopened=True), "went on"),
        (events.TurnFailed(at_s=1, turn=TURN, stage="llm", message="gone", hint=""), "failed: gone"),
        (events.NothingHeard(at_s=1, turn=TURN, reason="too short"), "nothing heard: too short"),
        (events.Ducked(at_s=1, turn=TURN, volume="soft"), "unfinished"),
    ],
)
def test_a_turn_may_end_in_other_ways(event: Event, outcome: str) -> None:
    assert turn_summaries([*REPORTED[:-1], event])[0].outcome == outcome


def test_sounds_over_an_answer_and_gaps_in_it_are_counted() -> None:
    over = [
        events.FalseInterruption(at_s=1, turn=TURN, text="", reason="too short"),
        events.PlaybackUnderrun(at_s=1, turn=TURN, gap_s=0.2),
    ]
    (story,) = turn_summaries([*REPORTED, *over])
    assert (story.false_interruptions, story.underruns) == (1, 1)


def test_a_new_transcript_voids_the_answer_to_the_first() -> None:
    again = events.Transcribed(at_s=2, turn=TURN, text="Hello.", language="en", audio_s=1)
    assert turn_summaries([*REPORTED[:6], again])[0].answer == ""


def test_a_typed_question_is_a_turn_too_and_events_of_unknown_turns_are_none() -> None:
    stray = events.TokenArrived(at_s=1, turn=NEXT, text="x")
    (story,) = turn_summaries([stray, events.UserTyped(at_s=7.0, turn=TURN, text="What time is it?")])
    assert (story.heard, story.began_s, story.voice_to_voice_s, story.wait_s) == ("What time is it?", 7.0, None, None)
    assert story.fields()["ended_s"] is None
    assert story.fields()["endpoint_wait_s"] is None


def test_the_same_conversation_differs_in_nothing() -> None:
    (pair,) = pairs(turn_summaries(REPORTED), turn_summaries(REPORTED))
    assert differing(rows(pair)) == []
    assert as_json([pair])[0]["different"] == []


def test_a_frame_more_is_no_difference_and_two_are() -> None:
    (then,) = turn_summaries(REPORTED)
    assert differing(rows(pairs([then], [replace(then, wait_s=0.52)])[0])) == []
    assert differing(rows(pairs([then], [replace(then, wait_s=0.54)])[0])) == ["endpoint after"]


def test_marks_and_case_are_no_other_words() -> None:
    (then,) = turn_summaries(REPORTED)
    assert differing(rows(pairs([then], [replace(then, heard="hello you there")])[0])) == []
    assert differing(rows(pairs([then], [replace(then, heard="hello you")])[0])) == ["heard"]


def test_turns_are_the_same_where_their_voices_are() -> None:
    one, two = TurnSummary(1.0, 2.0, heard="one"), TurnSummary(5.0, 6.0, heard="two")
    split = TurnSummary(5.4, 6.0, heard="o")
    paired = pairs([one, two], [TurnSummary(1.2, 1.9, heard="one"), split, TurnSummary(9.0)])
    assert [(pair.then, pair.now) for pair in paired] == [(one, TurnSummary(1.2, 1.9, heard="one")), (two, split),
                                                          (None, TurnSummary(9.0))]  # fmt: skip
    assert all(row.differs for row in rows(paired[2]))


def test_a_turn_that_is_not_there_any_longer_differs_in_all() -> None:
    (pair,) = pairs([TurnSummary(1.0, 2.0, heard="one")], [])
    reported = rows(pair)
    assert all(row.differs for row in reported)
    assert {row.now for row in reported} == {""}
    assert as_json([pair])[0]["now"] is None


def test_nothing_is_reported_about_what_is_on_neither_side() -> None:
    names = [row.name for row in rows(pairs([TurnSummary(1.0)], [TurnSummary(1.0)])[0])]
    assert "endpoint after" not in names
    assert "outcome" in names
