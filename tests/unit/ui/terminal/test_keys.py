"""Keys: bytes to names, and a terminal that is left as it was found."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.ui.terminal.keys import Key, cbreak, decode, listen


@pytest.mark.parametrize(
    ("raw", "keys"),
    [
        (b" ", [" "]),
        (b"t", ["t"]),
        (b"\r", ["enter"]),
        (b"\n", ["enter"]),
        (b"\t", ["tab"]),
        (b"\x7f", ["backspace"]),
        (b"\x08", ["backspace"]),
        (b"\x15\x17\x04", ["ctrl-u", "ctrl-w", "ctrl-d"]),
        ("é漢😀".encode(), ["é", "漢", "😀"]),
        (b"\x1b[D", ["left"]),
        (b"\x1bOC", ["right"]),
        (b"\x1b[1;5D", ["left"]),
        (b"\x1b[3~", ["delete"]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~", ["home", "end", "home", "end"]),
        (b"\x1b[15~x", ["x"]),
        (b"\x1b[200~q\x1b[201~", ["paste", "q", "pasted"]),
        (b"\x1b[<0;3;4Mx", ["x"]),
        (b"\x1b[<64;3;4M\x1b[<65;3;4M\x1b[<68;3;4M", ["wheel-up", "wheel-down", "wheel-up"]),
        (b"\x1b[<?;3;4Mx\x1b[<64;3;4mx", ["x", "x"]),
        (b"\x1b]11;rgb:0/0/f\x1b\\x\x1b]4\x07x", ["reply 11;rgb:0/0/f", "x", "reply 4", "x"]),
        (b"\x1b]x", ["alt-]", "x"]),
        (b"\x1b[?64;1;2cx", ["x"]),
        (b"\x1b[Zx", ["x"]),
        (b"\x1b\x1b[A", ["esc", "up"]),
        (b"\x1bb", ["alt-b"]),
        (b"\x1b\x7f", ["alt-backspace"]),
        (b"\x1b\xffx", ["x"]),
        (b"\xffx\x80y", ["x", "y"]),
        ("\x9b2Jx".encode(), ["2", "J", "x"]),
    ],
)
def test_bytes_become_keys(raw: bytes, keys: list[Key]) -> None:
    assert decode(raw, complete=False) == (keys, b"")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x1b",
        b"\x1b[",
        b"\x1b[1;",
        b"\x1bO",
        b"\x1b]",
        b"\x1b]11;rgb:",
        b"\x1b]11;?\x1b",
        b"\xe6\xbc",
        b"\xf0",
        b"\x1b\xe6",
    ],
)
def test_fragments_wait_for_the_rest(raw: bytes) -> None:
    assert decode(raw, complete=False) == ([], raw)


def test_a_lone_escape_is_the_key_once_nothing_follows() -> None:
    assert decode(b"a\x1b", complete=False) == (["a"], b"\x1b")
    assert decode(b"\x1b", complete=True) == (["esc"], b"")


def test_other_fragments_are_dropped_once_nothing_follows() -> None:
    assert decode(b"\x1b[1;", complete=True) == ([], b"")


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cc", "Cs"])), st.data())
def test_text_survives_being_split_anywhere(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cut = data.draw(st.integers(0, len(raw)))
    first, rest = decode(raw[:cut], complete=False)
    second, rest = decode(rest + raw[cut:], complete=False)
    assert "".join(first + second) == text
    assert rest == b""


@given(st.binary(max_size=40))
def test_no_bytes_stall_the_decoder(raw: bytes) -> None:
    keys, rest = decode(raw, complete=True)
    assert rest == b""
    assert all(keys)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A pseudo-terminal: (the person's end, the program's end)."""
    person, program = os.openpty()
    yield person, program
    os.close(program)
    os.close(person)


def flags(fd: int) -> int:
    return int(termios.tcgetattr(fd)[3])


def test_the_terminal_is_restored(terminal: tuple[int, int]) -> None:
    _, program = terminal
    before = termios.tcgetattr(program)
    with cbreak(program):
        assert not flags(program) & (termios.ECHO | termios.ICANON)
        assert flags(program) & termios.ISIG, "Ctrl-C stays a signal"
    assert termios.tcgetattr(program) == before


def test_the_terminal_is_restored_after_an_error(terminal: tuple[int, int]) -> None:
    _, program = terminal
    before = termios.tcgetattr(program)
    with pytest.raises(KeyboardInterrupt), cbreak(program):
        raise KeyboardInterrupt
    assert termios.tcgetattr(program) == before


def pressed(terminal: tuple[int, int], *writes: bytes, until: Key) -> list[Key]:
    """Keys that arrive on a loop while `writes` are typed, up to the key `until`."""
    person, program = terminal
    keys: list[Key] = []

    async def main() -> None:
        last = asyncio.Event()

        def on_key(key: Key) -> None:
            keys.append(key)
            if key == until:
                last.set()

        with listen(program, on_key):
            for raw in writes:
                os.write(person, raw)
            await asyncio.wait_for(last.wait(), timeout=5)

    with cbreak(program):
        asyncio.run(main())
    return keys


def test_keys_arrive_on_the_loop(terminal: tuple[int, int]) -> None:
    assert pressed(terminal, b" t\x1b[D", "ü".encode(), b"q", until="q") == [" ", "t", "left", "ü", "q"]


def test_escape_arrives_without_a_key_after_it(terminal: tuple[int, int]) -> None:
    assert pressed(terminal, b"\x1b", until="esc") == ["esc"]


def test_leaving_with_half_a_sequence_leaves_nothing_behind(terminal: tuple[int, int]) -> None:
    assert pressed(terminal, b"q\x1b", until="q") == ["q"]


def test_a_terminal_that_goes_away_ends_the_input() -> None:
    person, program = os.openpty()
    keys: list[Key] = []

    async def main() -> None:
        gone = asyncio.Event()

        def on_key(key: Key) -> None:
            keys.append(key)
            gone.set()

        with listen(program, on_key):
            os.close(person)
            await asyncio.wait_for(gone.wait(), timeout=5)

    asyncio.run(main())
    os.close(program)
    assert keys == ["end of input"]
