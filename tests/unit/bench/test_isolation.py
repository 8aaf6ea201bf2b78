"""Work in a subprocess."""

from __future__ import annotations

import os

import pytest

from voicecli.bench.isolation import Report, run_in_subprocess
from voicecli.errors import EngineError, SettingsError


def add(report: Report, one: int, other: int) -> tuple[int, int]:
    report("adding")
    report(one)
    return one + other, os.getpid()


def fail(report: Report) -> None:
    raise SettingsError("wanted a number", "give one")


def die(report: Report) -> None:
    os._exit(9)


def test_result_and_reports_come_from_another_process() -> None:
    reports: list[object] = []
    total, pid = run_in_subprocess(add, reports.append, 1, other=2)
    assert (total, reports) == (3, ["adding", 1])
    assert pid != os.getpid()


def test_an_error_is_raised_here_with_its_hint() -> None:
    with pytest.raises(SettingsError, match="wanted a number") as failure:
        run_in_subprocess(fail, print)
    assert failure.value.hint == "give one"


def test_a_process_that_ends_without_a_result_is_an_error() -> None:
    with pytest.raises(EngineError, match="ended with exit code 9"):
        run_in_subprocess(die, print)
