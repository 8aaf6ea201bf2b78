"""A space bar that is held, on both kinds of terminal, while somebody speaks into the virtual sound card."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.card.program import Program
from tests.defaults import LANGUAGE_MODEL
from voicecli.bench.virtual_card import VirtualCard
from voicecli.ui.terminal.kitty import POP, PUSH, QUERY

pytestmark = [pytest.mark.card, pytest.mark.model, pytest.mark.timeout(180)]

OPTIONS = (
    "--ui",
    "live",
    "--mode",
    "push-to-talk",
    "--llm",
    "embedded",
    "--model",
    LANGUAGE_MODEL,
    "--offline",
    "--no-history",
)
DELAY_S, INTERVAL_S = 0.4, 0.03


@contextmanager
def kitty_hold(program: Program) -> Iterator[None]:
    """As a terminal that tells of releases."""
    program.press("\x1b[32;1:1;32u")
    yield
    program.press("\x1b[32;1:3u")


@contextmanager
def repeated_hold(program: Program) -> Iterator[None]:
    """As one that repeats the character."""
    up = threading.Event()

    def repeat() -> None:
        program.press(" ")
        up.wait(DELAY_S)
        while not up.wait(INTERVAL_S):
            program.press(" ")

    thread = threading.Thread(target=repeat)
    thread.start()
    yield
    up.set()
    thread.join()


@pytest.mark.parametrize("tells", [True, False], ids=["kitty", "repeats"])
def test_what_is_said_while_the_key_is_held_is_answered(
    card: VirtualCard, spoken: Callable[[str], Path], tells: bool
) -> None:
    with Program(card.env, *OPTIONS) as program:
        program.await_text("hold space")
        if tells:
            program.press("\x1b[?0u")
            program.await_raw(PUSH + QUERY)
            program.press("\x1b[?27u")
        card.say(spoken("We should really buy some bread."))
        with (kitty_hold if tells else repeated_hold)(program):
            program.await_text("release space")
            time.sleep(0.3)  # as people do
            card.say(spoken("What is the capital of France?"))
        asked = program.await_text("capital of France")
        program.await_text("Speaking", after=asked)
        program.interrupt()
        program.await_raw(POP if tells else "\x1b[?1049l")
        assert "bread" not in program.text
        assert program.text.count("you went on") == 0
