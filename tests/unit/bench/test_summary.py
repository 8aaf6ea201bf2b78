"""Summaries of samples, and the format of figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.bench.summary import FEWEST, cell, median_interval, number, quantity, span, summarize, unit_name

times = st.lists(st.floats(0.001, 100), min_size=FEWEST, max_size=40)


def test_percentiles_are_values_that_were_measured() -> None:
    found = summarize([float(one) for one in range(1, 101)])
    assert found is not None
    assert (found.n, found.p50, found.p90, found.p95, found.p99, found.worst) == (100, 50, 90, 95, 99, 100)
    assert found.mean == pytest.approx(50.5)


def test_if_higher_is_better_the_worst_is_the_lowest() -> None:
    found = summarize([1.0, 2.0, 3.0, 4.0], higher_is_better=True)
    assert found is not None
    assert (found.p50, found.p95, found.worst) == (3.0, 1.0, 1.0)


def test_no_samples_have_no_summary_and_few_no_interval() -> None:
    assert summarize([]) is None
    assert median_interval([1.0] * (FEWEST - 1)) is None
    assert span(None, "s") == "–"


@given(times)
def test_the_interval_of_the_median_lies_within_the_samples_and_is_the_same_each_time(samples: list[float]) -> None:
    found = median_interval(samples)
    assert found is not None
    assert min(samples) <= found.low <= found.high <= max(samples)
    assert median_interval(samples) == found


def test_nineteen_of_twenty_intervals_hold_the_true_median() -> None:
    """With 300 draws the bootstrap's own error allows a few more or less."""
    chance = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        found = median_interval([float(one) for one in chance.normal(1.0, 0.2, 20)])
        assert found is not None
        held += found.low <= 1.0 <= found.high
    assert 0.90 <= held / 300 <= 0.99


@pytest.mark.parametrize(
    ("value", "unit", "in_table", "in_sentence"),
    [
        (0.8123, "s", "812", "812 ms"),
        (0.00421, "s", "4.2", "4.2 ms"),
        (0.0, "s", "0", "0 ms"),
        (1.2345, "s", "1234", "1234 ms"),
        (12.34, "s", "12340", "12.3 s"),
        (5.44, "%", "5.4", "5.4 %"),
        (812.4, "MB", "812", "812 MB"),
        (0.08412, "", "0.0841", "0.0841"),
        (1234.5, "words", "1234", "1234 words"),
        (0.25, "", "0.250", "0.250"),
        (16.0, "", "16", "16"),
    ],
)
def test_a_figure_is_written_one_way(value: float, unit: str, in_table: str, in_sentence: str) -> None:
    assert cell(value, unit) == in_table
    assert quantity(value, unit) == in_sentence


def test_tables_name_the_unit_that_they_write() -> None:
    assert (unit_name("s"), unit_name("%")) == ("ms", "%")


@given(st.floats(-1e6, 1e6))
def test_three_figures_are_right_to_half_of_the_last(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=5e-3, abs=1e-9 if abs(value) > 1e-6 else 1e-6)
