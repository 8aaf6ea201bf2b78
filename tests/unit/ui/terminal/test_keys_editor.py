"""The typing line."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.ui.terminal.editor import Line
from voicecli.ui.terminal.keys import Key


def typed(*keys: Key, start: Line | None = None) -> Line:
    return reduce(Line.press, keys, start or Line())


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (["a", "b", " ", "ü"], Line("ab ü", 4)),
        (["a", "c", "left", "b"], Line("abc", 2)),
        (["a", "b", "home", "x"], Line("xab", 1)),
        (["a", "b", "ctrl-a", "end", "x"], Line("abx", 3)),
        (["a", "b", "backspace"], Line("a", 1)),
        (["backspace"], Line("", 0)),
        (["a", "b", "home", "delete"], Line("b", 0)),
        (["a", "b", "left", "ctrl-u"], Line("b", 0)),
        (["a", "b", "left", "ctrl-k"], Line("a", 1)),
        ([*"two words", "ctrl-w"], Line("two ", 4)),
        ([*"two words  ", "alt-backspace"], Line("two ", 4)),
        ([*"one", "ctrl-w", "ctrl-w"], Line("", 0)),
        (["a", "left", "left", "right", "right", "right"], Line("a", 1)),
        (["a", "ctrl-b", "ctrl-f", "ctrl-e", "up", "tab", "ctrl-x"], Line("a", 1)),
    ],
)
def test_keys_edit_the_line(keys: list[Key], line: Line) -> None:
    assert typed(*keys) == line


names = st.sampled_from(
    ["left", "right", "home", "end", "backspace", "delete", "ctrl-u", "ctrl-k", "ctrl-w", "up", "esc"]
)


@given(st.lists(st.one_of(names, st.characters(exclude_categories=["Cs"]))))
def test_the_cursor_stays_in_the_line(keys: list[Key]) -> None:
    line = typed(*keys)
    assert 0 <= line.cursor <= len(line.text)
