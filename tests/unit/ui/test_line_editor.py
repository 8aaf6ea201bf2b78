"""The typing line and its completions."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.slash.complete import Offer, offers
from voicecli.ui.line_editor import MARK, MAX_LINES, Line, Palette, palette_lines
from voicecli.ui.terminal.keys import Key

MUTE, VOICE = Offer("/mute", "/mute", "stop"), Offer("/voice ", "/voice [NAME]", "speak")


def many(count: int) -> tuple[Offer, ...]:
    return tuple(Offer(f"/x {number}", str(number), "") for number in range(count))


def test_arrows_go_round() -> None:
    palette = Palette((MUTE, VOICE))
    assert palette.selection() is None
    assert palette.moved("down").selection() == MUTE
    assert palette.moved("up").selection() == VOICE
    assert palette.moved("down").moved("down").moved("down").selection() == MUTE
    assert Palette().moved("down") == Palette()


def test_the_selection_stays_while_the_offers_are_the_same() -> None:
    chosen = Palette((MUTE, VOICE)).moved("down")
    assert chosen.with_offers((MUTE, VOICE)) == chosen
    assert chosen.with_offers((MUTE,)).selection() is None


@pytest.mark.parametrize(
    ("typed", "after"),
    [("/v", "/voice "), ("/", "/"), ("/voice ", "/voice "), ("/voice b", "/voice bm_"), ("why", "why")],
)
def test_tab_writes_as_much_as_is_certain(typed: str, after: str) -> None:
    from voicecli.slash.complete import Value

    voices = [Value("bm_george"), Value("bm_lewis"), Value("af_heart")]
    palette = Palette(offers(typed, lambda name: voices))
    assert palette.completed(Line(typed, len(typed))) == Line(after, len(after))


def test_tab_takes_the_chosen_one() -> None:
    assert Palette((MUTE, VOICE)).moved("up").completed(Line("/", 1)) == Line("/voice ", 7)


def test_a_short_list_is_shown_whole_with_its_help() -> None:
    lines = [line.plain for line in palette_lines(Palette((MUTE, VOICE), 1), 24)]
    assert lines == ["  /mute          stop", f"{MARK}/voice [NAME]  speak"]
    assert palette_lines(Palette(), 24) == []


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_the_chosen_one_is_in_sight_and_the_rest_is_counted(count: int, chosen: int, height: int) -> None:
    palette = Palette(many(count), chosen % count)
    lines = [line.plain for line in palette_lines(palette, height)]
    assert len(lines) <= min(MAX_LINES, height // 3)
    if lines:
        assert sum(line.startswith(MARK) for line in lines) == 1
        shown = [line for line in lines if "more" not in line]
        if len(lines) > 1 and len(shown) < count:
            assert lines[-1].endswith(f"… {count - len(shown)} more")


def typed(*keys: Key, start: Line | None = None) -> Line:
    return reduce(Line.handle_key, keys, start or Line())


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
