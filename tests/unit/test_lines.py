"""What is printed where nobody reads any more."""

from __future__ import annotations

import os

import pytest

from voicecli.ui.lines import print_line


def test_a_terminal_that_has_closed_fails_nobody() -> None:
    person, program = os.openpty()
    with os.fdopen(program, "w") as out:
        print_line(out, "one")
        assert os.read(person, 100) == b"one\r\n"
        os.close(person)
        print_line(out, "two")
        print_line(out, "three")


def test_a_reader_that_has_gone_is_told_of() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    out = os.fdopen(writer, "w")
    with pytest.raises(BrokenPipeError):
        print_line(out, "one")
    with pytest.raises(BrokenPipeError):
        out.close()
