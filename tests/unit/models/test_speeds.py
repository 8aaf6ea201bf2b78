"""What is kept of the speed of language models."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.engines.machine import processor
from voicecli.models import speeds
from voicecli.models.ladder import Speed
from voicecli.models.speeds import SPEEDS_FILE, KeptSpeed, load_kept, load_speeds, merged, recorder
from voicecli.types import Timings

TODAY = datetime.date(2026, 12, 1)
FIRST = Timings(100, 2.0, 40, 5.0, threads=2)


def kept(reading: float | None = 50.0, writing: float | None = 8.0, threads: int = 2) -> KeptSpeed:
    return KeptSpeed(reading_tps=reading, writing_tps=writing, threads=threads, processor="this", date=TODAY)


def test_an_answer_tells_both_speeds() -> None:
    found = merged(None, FIRST, "this", TODAY)
    assert found == kept()
    assert found
    assert found.speed == Speed(50.0, 8.0)


def test_few_tokens_tell_nothing() -> None:
    assert merged(None, Timings(3, 0.1, 2, 0.1, threads=2), "this", TODAY) is None
    half = merged(None, Timings(100, 2.0, 2, 0.1, threads=2), "this", TODAY)
    assert half == kept(writing=None)
    assert half
    assert half.speed is None
    assert merged(half, Timings(3, 0.1, 40, 5.0, threads=2), "this", TODAY) == kept()


def test_no_time_is_no_speed() -> None:
    assert merged(None, Timings(100, 0.0, 100, 0.0, threads=2), "this", TODAY) is None


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(1, 100)), min_size=1))
def test_the_fastest_counts(rates: list[tuple[float, float]]) -> None:
    now = None
    for reading, writing in rates:
        now = merged(now, Timings(1000, 1000 / reading, 1000, 1000 / writing, threads=2), "this", TODAY) or now
    assert now
    assert now.speed
    assert max(one for one, _ in rates) / 1.06 - 0.1 <= now.speed.reading_tps <= max(one for one, _ in rates) + 0.1
    assert max(one for _, one in rates) / 1.06 - 0.1 <= now.speed.writing_tps <= max(one for _, one in rates) + 0.1


def test_other_threads_and_old_speeds_count_anew() -> None:
    slower = Timings(100, 4.0, 40, 10.0, threads=1)
    assert merged(kept(), slower, "this", TODAY) == kept(25.0, 4.0, threads=1)
    later = TODAY + datetime.timedelta(days=31)
    again = merged(kept(), Timings(100, 4.0, 40, 10.0, threads=2), "this", later)
    assert again
    assert (again.speed, again.date) == (Speed(25.0, 4.0), later)
    assert merged(kept(), Timings(100, 4.0, 40, 10.0, threads=2), "this", TODAY) is None


def test_what_is_recorded_is_found_again(tmp_path: Path) -> None:
    recorder(tmp_path, "small")(FIRST)
    recorder(tmp_path, "large")(Timings(100, 4.0, 40, 10.0, threads=2))
    assert load_speeds(tmp_path) == {"small": Speed(50.0, 8.0), "large": Speed(25.0, 4.0)}
    assert [path.name for path in tmp_path.iterdir()] == [SPEEDS_FILE]


def test_speeds_of_another_processor_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder(tmp_path, "small")(FIRST)
    monkeypatch.setattr(speeds, "processor", lambda: "another")
    assert load_speeds(tmp_path) == {}


def test_an_old_speed_does_not_count(tmp_path: Path) -> None:
    old = {"processor": processor(), "date": datetime.date(2020, 1, 1)}
    speeds.write_kept(tmp_path, {"small": kept().model_copy(update=old)})
    assert load_speeds(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"small": {"reading_tps": -1}}'])
def test_a_damaged_file_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / SPEEDS_FILE).write_text(text)
    assert load_kept(tmp_path) == {}
    recorder(tmp_path, "small")(FIRST)
    assert load_speeds(tmp_path) == {"small": Speed(50.0, 8.0)}


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    recorder(tmp_path / "absent", "small")(FIRST)
    assert load_speeds(tmp_path / "absent") == {}
