"""Work in a process of its own."""

from __future__ import annotations

import os

import pytest

from voicecli.bench.isolation import Note, apart
from voicecli.errors import EngineError, SettingsError


def add(note: Note, one: int, other: int) -> tuple[int, int]:
    note("adding")
    note(one)
    return one + other, os.getpid()


def fail(note: Note) -> None:
    raise SettingsError("wanted a number", "give one")


def die(note: Note) -> None:
    os._exit(9)


def test_what_it_returns_and_notes_comes_from_another_process() -> None:
    notes: list[object] = []
    total, pid = apart(add, notes.append, 1, other=2)
    assert (total, notes) == (3, ["adding", 1])
    assert pid != os.getpid()


def test_what_it_raises_is_raised_here_with_its_hint() -> None:
    with pytest.raises(SettingsError, match="wanted a number") as failure:
        apart(fail, print)
    assert failure.value.hint == "give one"


def test_a_process_that_ends_without_a_word_is_an_error() -> None:
    with pytest.raises(EngineError, match="ended with 9"):
        apart(die, print)
