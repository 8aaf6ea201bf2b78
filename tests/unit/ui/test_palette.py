"""The list under the typing line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.slash.complete import Offer, offers
from voicecli.ui.palette import MARK, MOST_LINES, Palette, palette_lines
from voicecli.ui.terminal.editor import Line

MUTE, VOICE = Offer("/mute", "/mute", "stop"), Offer("/voice ", "/voice [NAME]", "speak")


def many(count: int) -> tuple[Offer, ...]:
    return tuple(Offer(f"/x {number}", str(number), "") for number in range(count))


def test_arrows_go_round() -> None:
    palette = Palette((MUTE, VOICE))
    assert palette.picked() is None
    assert palette.moved("down").picked() == MUTE
    assert palette.moved("up").picked() == VOICE
    assert palette.moved("down").moved("down").moved("down").picked() == MUTE
    assert Palette().moved("down") == Palette()


def test_what_is_chosen_stays_while_the_same_is_offered() -> None:
    chosen = Palette((MUTE, VOICE)).moved("down")
    assert chosen.with_offers((MUTE, VOICE)) == chosen
    assert chosen.with_offers((MUTE,)).picked() is None


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
    assert len(lines) <= min(MOST_LINES, height // 3)
    if lines:
        assert sum(line.startswith(MARK) for line in lines) == 1
        shown = [line for line in lines if "more" not in line]
        if len(lines) > 1 and len(shown) < count:
            assert lines[-1].endswith(f"… {count - len(shown)} more")
