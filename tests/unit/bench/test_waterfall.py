"""Waterfalls as text."""

from __future__ import annotations

from voicecli.bench.waterfall import ADDED, HIDDEN, bar, cells_per_s, lanes, record, waterfall
from voicecli.conversation.latency import Span, TurnLatency

WORK = (Span(0.0, 0.7), Span(0.2, 0.4), Span(0.4, 0.6), Span(0.6, 0.65), Span(0.65, 0.9), Span(0.9, 0.95))
TURN = record("quiet", "a.wav", TurnLatency(None, False, 0.7, 0.0, 0.0, 0.0, 0.2, 0.05, 0.95, WORK))


def test_hidden_work_is_light_and_waiting_is_dark() -> None:
    assert bar(Span(0.2, 0.4), Span(0.4, 0.5)) == "    " + HIDDEN * 4 + ADDED * 2
    assert bar(Span(0.2, 0.5), Span(0.4, 0.5)) == "    " + HIDDEN * 4 + ADDED * 2
    assert bar(Span(0.2, 0.4), Span(0.4, 0.5), 10, "#-") == "  --#"


def test_a_waterfall_has_a_line_for_each_stage_and_the_median_of_the_whole() -> None:
    drawn = waterfall("product", [TURN]).splitlines()
    assert drawn[0] == "product: 0.95 s"
    assert [line.split()[-1] for line in drawn[1:7]] == ["700", "0", "0", "0", "200", "50"]


def test_each_lane_waits_where_the_one_before_ended() -> None:
    found = lanes([TURN, TURN])
    assert found[4].worked == Span(0.65, 0.9)
    assert [round(lane.waited.end_s, 2) for lane in found] == [0.7, 0.7, 0.7, 0.7, 0.9, 0.95]


def test_the_scale_is_a_round_one_that_fits() -> None:
    assert cells_per_s([TURN], 60) == 50
    assert cells_per_s([TURN], 40) == 20
    assert cells_per_s([TURN], 1) == 1
