"""The space bar of push-to-talk, through a pseudo-terminal: held with the kitty protocol, and by its repeats."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable, Coroutine, Iterator

import pytest

from voicecli.replay import virtual_time
from voicecli.ui.terminal.keys import cbreak, listen
from voicecli.ui.terminal.kitty import POP, PUSH, QUERY
from voicecli.ui.terminal.space_bar import SpaceBar

REPEATS, ALL = b"\x1b[?0u", b"\x1b[?27u"


def void(_: object) -> None: ...


def phase(bar: SpaceBar) -> str:
    return bar.hold.phase


def tells(bar: SpaceBar) -> bool:
    return bar.hold.reports_releases


class Terminal:
    """What was written to it and what came of what it sends."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.pushed: list[tuple[bool, float]] = []
        self.person, self.program = os.openpty()

    def holding(self, person: Callable[[SpaceBar], Coroutine[None, None, None]]) -> None:
        """Somebody types, on a clock that jumps."""

        async def main() -> None:
            loop = asyncio.get_running_loop()
            bar = SpaceBar(loop.time, self.written.append)
            bar.start()
            push = lambda held: self.pushed.append((held, round(loop.time() - 1000, 2)))  # noqa: E731
            with listen(self.program, lambda key: void(bar.handle_key(key, push))):
                await person(bar)
            bar.close()

        with cbreak(self.program):
            virtual_time.run(main())

    async def types(self, raw: bytes, after_s: float = 0.0) -> None:
        os.write(self.person, raw)
        select.select([self.program], [], [], 5)  # the kernel takes its real time
        for _ in range(3):  # the loop has to read it before time goes on
            await asyncio.sleep(0)
        await asyncio.sleep(after_s)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    os.close(terminal.program)
    os.close(terminal.person)


def test_a_terminal_with_the_protocol_reports_the_release(terminal: Terminal) -> None:
    async def person(bar: SpaceBar) -> None:
        await terminal.types(REPEATS, 0.1)
        await terminal.types(ALL, 0.1)
        await terminal.types(b"\x1b[32;1:1;32u", 0.5)
        for _ in range(10):
            await terminal.types(b"\x1b[32;1:2;32u", 0.05)
        await terminal.types(b"\x1b[32;1:3u", 1.0)

    terminal.holding(person)
    assert terminal.pushed == [(True, 0.2), (False, 1.2)]
    assert "".join(terminal.written) == QUERY + PUSH + QUERY + POP


def test_another_one_repeats_the_character(terminal: Terminal) -> None:
    async def person(bar: SpaceBar) -> None:
        await terminal.types(b" ", 0.5)
        for _ in range(20):
            await terminal.types(b" ", 0.03)
        await asyncio.sleep(2.0)

    terminal.holding(person)
    (begun, _), (over, over_s) = terminal.pushed
    assert (begun, over) == (True, False)
    assert over_s == pytest.approx(0.5 + 0.57 + 0.18, abs=0.02)
    assert terminal.written == [QUERY]


def test_a_tap_begins_and_the_next_one_ends(terminal: Terminal) -> None:
    async def person(bar: SpaceBar) -> None:
        await terminal.types(b" ", 2.0)
        assert phase(bar) == "tapped"
        await terminal.types(b" ", 2.0)
        assert phase(bar) == "up"

    terminal.holding(person)
    assert terminal.pushed == [(True, 0.0), (False, 2.0)]


def test_a_terminal_without_the_needed_flags_is_used_without_the_protocol(terminal: Terminal) -> None:
    async def person(bar: SpaceBar) -> None:
        await terminal.types(REPEATS)
        await terminal.types(b"\x1b[?1u")
        await terminal.types(b"\x1b[?0u")
        assert not tells(bar)

    terminal.holding(person)
    assert "".join(terminal.written) == QUERY + PUSH + QUERY + POP


def test_other_keys_are_not_its_own(terminal: Terminal) -> None:
    bar = SpaceBar(lambda: 0.0, terminal.written.append)
    assert not bar.handle_key("q", lambda held: None)


def test_after_the_protocol_is_given_back_it_may_be_asked_for_again(terminal: Terminal) -> None:
    async def person(bar: SpaceBar) -> None:
        for _ in range(2):
            await terminal.types(REPEATS)
            await terminal.types(ALL)
            assert tells(bar)
            bar.close()
            assert not tells(bar)
            bar.start()

    terminal.holding(person)
    assert "".join(terminal.written) == (QUERY + PUSH + QUERY + POP) * 2 + QUERY
