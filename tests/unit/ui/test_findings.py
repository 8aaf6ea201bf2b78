"""How findings look."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from voicecli.doctor.finding import Finding, Group
from voicecli.ui.findings import ASCII_MARKS, UNICODE_MARKS, closing_lines, group_lines, marks_for

GROUP = Group(
    "Sound",
    [
        Finding("microphone", "passed", "USB (ALSA), 48000 Hz"),
        Finding(
            "level", "failed", "nothing but exact zeros for 2.1 s: no microphone sounds like that", "allow it " * 9
        ),
        Finding("a-model-with-quite-a-name.gguf", "warned", "is " + "long " * 12, "take a shorter one"),
        Finding("echo", "skipped", "音" * 50),
    ],
)


def console(width: int) -> Console:
    return Console(file=io.StringIO(), width=width)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    one = console(width)
    lines = group_lines(GROUP, one, UNICODE_MARKS) + closing_lines([GROUP], one, UNICODE_MARKS)
    wide = [line.plain for line in lines if cell_len(line.plain) > max(width, 56)]
    assert not wide, "a column of names and 24 cells of text is the least"


def test_the_report_reads_like_this() -> None:
    lines = group_lines(Group("Sound", GROUP.findings[:2]), console(60), ASCII_MARKS)
    assert [line.plain.rstrip() for line in lines] == [
        "Sound",
        "  + microphone       USB (ALSA), 48000 Hz",
        "  x level            nothing but exact zeros for 2.1 s: no",
        "                     microphone sounds like that",
        "                     > allow it allow it allow it allow it",
        "                       allow it allow it allow it allow it",
        "                       allow it",
        "",
    ]


def test_the_end_says_where_to_begin() -> None:
    lines = closing_lines([GROUP], console(80), UNICODE_MARKS)
    assert lines[0].plain == "1 passed, 1 warned, 1 failed, 1 skipped"
    assert lines[1].plain.startswith("Begin with level: allow it")


def test_when_all_is_well_there_is_nothing_to_begin_with() -> None:
    lines = closing_lines([Group("Sound", GROUP.findings[:1])], console(80), UNICODE_MARKS)
    assert [line.plain for line in lines] == ["1 passed"]


def test_an_empty_group_has_its_title() -> None:
    assert group_lines(Group("Sound", []), console(80), UNICODE_MARKS)[0].plain == "Sound"


def test_an_empty_text_is_a_line() -> None:
    lines = group_lines(Group("Sound", [Finding("a", "passed", "")]), console(80), UNICODE_MARKS)
    assert lines[1].plain.rstrip() == "  ✓ a"


@pytest.mark.parametrize(
    ("encoding", "term", "unicode"),
    [("utf-8", "xterm", True), ("UTF8", "dumb", True), ("ascii", "xterm", False), ("utf-8", "linux", False)],
)
def test_marks_are_those_that_the_terminal_has(encoding: str, term: str, unicode: bool) -> None:
    assert marks_for(encoding, term) == (UNICODE_MARKS if unicode else ASCII_MARKS)
