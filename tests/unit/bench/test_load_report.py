"""Figures of `voicecli bench serve-stt` from what its clients lived through."""

from __future__ import annotations

import dataclasses

import pytest

from voicecli.bench.load_report import (
    ResourceUse,
    Row,
    Session,
    TimedText,
    UtteranceResult,
    quantile,
    sort_known,
    summarize,
    table_lines,
)

ORDER = UtteranceResult(
    name="order.wav",
    voiced_s=2.0,
    audio_s=5.0,
    partials=(
        TimedText(-1.5, ""),
        TimedText(-1.2, "A large"),
        TimedText(-0.4, "A large latte"),
        TimedText(0.3, "a large latte."),
    ),
    finals=(TimedText(0.6, "A large latte."),),
    answered=True,
    slots=("large", "latte"),
)
UNANSWERED = dataclasses.replace(ORDER, finals=(), answered=False)


def test_times_count_from_the_true_end_of_speech_and_partials_from_its_start() -> None:
    assert ORDER.final_s == 0.6
    assert ORDER.first_partial_s == pytest.approx(0.8)
    assert ORDER.partials_in_time == 3


def test_words_have_settled_when_a_reader_sees_no_other_ones_any_more() -> None:
    assert ORDER.settled_s == -0.4
    other = dataclasses.replace(ORDER, finals=(TimedText(0.6, "A large water."),))
    assert other.settled_s == 0.6
    assert UtteranceResult("nothing", 1.0, 2.0).settled_s is None


def test_an_utterance_in_two_parts_has_its_end_with_the_second() -> None:
    parts = dataclasses.replace(ORDER, finals=(TimedText(-0.9, "A large"), TimedText(0.7, "latte.")))
    assert parts.final_s == 0.7
    assert parts.text == "A large latte."


def test_without_a_final_in_time_the_words_are_those_shown_last() -> None:
    assert UNANSWERED.final_s is None
    assert UNANSWERED.text == "a large latte."
    assert UtteranceResult("nothing", 1.0, 2.0).text == ""
    assert UtteranceResult("nothing", 1.0, 2.0).first_partial_s is None


def test_a_row_sums_up_all_clients() -> None:
    late = dataclasses.replace(ORDER, finals=(TimedText(1.4, "A large tea."),), late_s=0.2)
    sessions = (Session((ORDER, UNANSWERED)), Session((late,), lost="1006"), Session(refused="1013 full"))
    found = summarize(
        sessions, ResourceUse(cpu_s=3.0, wall_s=6.0, rss_start_mb=400.0, rss_peak_mb=450.4, others_cpu_s=0.6)
    )
    expected = {
        "clients": 3,
        "utterances": 3,
        "refused": 1,
        "no_final": 1,
        "lost": 1,
        "final_p50_s": 0.6,
        "final_p95_s": 1.4,
        "settled_p50_s": -0.4,
        "settled_p95_s": 1.4,
        "first_partial_p50_s": 0.8,
        "partials_per_s": 1.5,
        "slots_found": 5 / 6,
        "late_s": 0.2,
        "cpu_s_per_audio_s": 0.2,
        "cores": 0.5,
        "other_cores": 0.1,
        "rss_start_mb": 400.0,
        "rss_peak_mb": 450.4,
    }
    assert dataclasses.asdict(found) == pytest.approx(expected)


def test_nothing_is_made_up_where_everybody_was_refused_and_the_process_is_unknown() -> None:
    found = summarize([Session(refused="1013 full")] * 2, None)
    assert (found.clients, found.refused, found.utterances) == (2, 2, 0)
    assert dict(zip(*columns(found), strict=True)) | {"clients": "2"} == {
        "clients": "2",
        "utterances": "0",
        "clients refused": "2",
        "no final": "0",
        "final, p50 / p95 s": "–",
        "words settled, p50 / p95 s": "–",
        "first partial, p50 s": "–",
        "partials per second": "–",
        "slots found": "–",
        "CPU s per second of audio": "–",
        "cores": "–",
        "RSS start → peak, MB": "–",
    }
    assert summarize([], ResourceUse(0.0, 1.0, 1.0, 1.0, 0.0)).cpu_s_per_audio_s is None


def test_the_table_has_a_column_for_each_run() -> None:
    one = summarize([Session((ORDER,))], ResourceUse(1.0, 5.0, 400.0, 450.4, 0.0))
    table = {line[0]: line[1:] for line in table_lines([one, one])}
    assert table["clients"] == ("1", "1")
    assert table["final, p50 / p95 s"] == ("0.60 / 0.60", "0.60 / 0.60")
    assert table["slots found"][0] == "1.000"
    assert table["CPU s per second of audio"][0] == "0.200"
    assert table["RSS start → peak, MB"][0] == "400 → 450"


def test_a_quantile_is_a_value_that_was_measured() -> None:
    twenty = [float(value) for value in range(1, 21)]
    assert (quantile(twenty, 0.5), quantile(twenty, 0.95), quantile(twenty, 1.0)) == (10.0, 19.0, 20.0)
    assert quantile([], 0.5) is None
    assert sort_known([2.0, None, 1.0]) == [1.0, 2.0]


def columns(found: Row) -> tuple[list[str], list[str]]:
    table = table_lines([found])
    return [line[0] for line in table], [line[1] for line in table]
