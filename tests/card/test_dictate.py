"""`voicecli dictate` and `voicecli ask --speak` through a virtual sound card."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.card.program import Program
from tests.defaults import LANGUAGE_MODEL
from voicecli.bench.virtual_card import VirtualCard

pytestmark = [pytest.mark.card, pytest.mark.model, pytest.mark.timeout(120)]


@pytest.fixture
def dictation(card: VirtualCard) -> Iterator[Program]:
    with Program(card.env, "--offline", command="dictate") as program:
        program.await_text("^Listening")
        yield program


def test_words_are_shown_while_they_are_said_and_written_when_they_are_final(
    card: VirtualCard, dictation: Program, spoken: Callable[[str], Path]
) -> None:
    card.say(spoken("What is the capital of France?"))
    dictation.await_text(r"What .*…")
    dictation.await_text(r"^.*capital of France\?$")
    assert dictation.interrupt()[0] == 0


def test_ctrl_c_in_the_middle_of_a_sentence_keeps_what_was_said(
    card: VirtualCard, dictation: Program, spoken: Callable[[str], Path]
) -> None:
    card.say(spoken("Two children ran along the wall and counted the boats and then they went home."))
    shown = dictation.await_text("children .*…")
    assert dictation.interrupt()[0] == 0
    dictation.await_text("Two children", after=shown)


def test_ctrl_c_before_anything_was_said_is_an_interruption(dictation: Program) -> None:
    assert dictation.interrupt()[0] == 130


def test_an_answer_sounds(card: VirtualCard) -> None:
    began_s = time.monotonic()
    arguments = (
        "Tell me about rivers.",
        "--speak",
        "--llm",
        "embedded",
        "--model",
        LANGUAGE_MODEL,
        "--max-tokens",
        "30",
        "--offline",
    )
    with Program(card.env, *arguments, command="ask") as program:
        card.speaker.await_sound(began_s, 30)
        assert program.text
