"""Keys of the kitty keyboard protocol: what terminals send for them, as names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.ui.terminal.keys import Key, decode
from voicecli.ui.terminal.kitty import RELEASED, REPEATED


@pytest.mark.parametrize(
    ("raw", "keys"),
    [
        (b"\x1b[32;1:1;32u", [" "]),
        (b"\x1b[32;;32u", [" "]),
        (b"\x1b[32u", [" "]),
        (b"\x1b[32;1:2;32u", [REPEATED]),
        (b"\x1b[32;1:3u", [RELEASED]),
        (b"\x1b[32;2:3u", [RELEASED]),
        (b"\x1b[97;;97u\x1b[97;1:3u", ["a"]),
        (b"\x1b[97:65;2;65u", ["A"]),
        (b"\x1b[49;2;33u", ["!"]),
        (b"\x1b[97;2u", ["A"]),
        (b"\x1b[49:33;2u", ["!"]),
        (b"\x1b[97;1:2;97u", ["a"]),
        (b"\x1b[0;;233:28450u", ["é", "漢"]),
        (b"\x1b[13u\x1b[9u\x1b[127u\x1b[27u", ["enter", "tab", "backspace", "esc"]),
        (b"\x1b[13;1:3u\x1b[27;1:3u", []),
        (b"\x1b[57414u\x1b[57417u\x1b[57400;;49u", ["enter", "left", "1"]),
        (b"\x1b[99;5u", ["ctrl-c"]),
        (b"\x1b[99;69u\x1b[99;133u", ["ctrl-c", "ctrl-c"]),
        (b"\x1b[32;5u", []),
        (b"\x1b[98;3u\x1b[127;3u", ["alt-b", "alt-backspace"]),
        (b"\x1b[97;9u", []),
        (b"\x1b[57441;2u\x1b[57441;1:3u", []),
        (b"\x1b[1;1:1D\x1b[1;1:3D", ["left"]),
        (b"\x1b[5;1:1~\x1b[5;1:3~", ["page-up"]),
        (b"\x1b[?27u", ["kitty flags 27"]),
        (b"\x1b[99999999u", []),
        (b"\x1b[97;;7u", []),
    ],
)
def test_sequences_become_keys(raw: bytes, keys: list[Key]) -> None:
    assert decode(raw, complete=False) == (keys, b"")


def test_a_sequence_may_come_in_two_reads() -> None:
    raw = b"\x1b[32;1:3u"
    for cut in range(1, len(raw)):
        first, rest = decode(raw[:cut], complete=False)
        assert first == []
        assert decode(rest + raw[cut:], complete=False) == ([RELEASED], b"")


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=["C", "Z"]), min_size=1, max_size=5))
def test_any_text_is_decoded_unchanged(text: str) -> None:
    codes = ":".join(str(ord(character)) for character in text)
    assert decode(f"\x1b[0;;{codes}u".encode(), complete=False) == (list(text), b"")


@given(st.text("0123456789:;?u", max_size=30))
def test_nothing_of_the_kind_stalls_or_breaks(parameters: str) -> None:
    keys, rest = decode(f"\x1b[{parameters}u".encode(), complete=True)
    assert rest == b""
    assert all(keys)
