"""The whole program through a virtual sound card: real models, real pace, nothing faked."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.card.program import Program
from tests.defaults import LANGUAGE_MODEL, SETTINGS
from tests.speech import NOISE
from tests.words import word_error_rate
from voicecli.bench.virtual_card import VirtualCard
from voicecli.engines.whisper.engine import Whisper
from voicecli.types import Pcm, SpeechSegment

pytestmark = [pytest.mark.card, pytest.mark.model, pytest.mark.timeout(180)]


@pytest.fixture
def plain(card: VirtualCard) -> Iterator[Program]:
    with Program(card.env, "--ui", "plain", "--llm", "embedded", "--model", LANGUAGE_MODEL, "--offline") as program:
        program.await_text("^Listening")
        yield program


@pytest.fixture(scope="module")
def transcribed(model_folder: Callable[[str], Path]) -> Callable[[Pcm], str]:
    whisper = Whisper.load(model_folder("whisper-base"), SETTINGS.stt)
    return lambda pcm: whisper.transcribe(SpeechSegment(pcm[: 28 * 16_000], 0.0, 0.0)).text


def test_a_spoken_question_is_answered_aloud(
    card: VirtualCard, plain: Program, spoken: Callable[[str], Path], transcribed: Callable[[Pcm], str]
) -> None:
    began_s, _ = card.say(spoken("What is the capital of France?"))
    asked = plain.await_text(r"^You: .*capital of France")
    card.speaker.await_sound(began_s, 15)
    plain.await_text(r"^Assistant: .*\w", after=asked)
    answer = re.findall(r"^Assistant: (.*)$", plain.text, re.MULTILINE)[-1]
    heard = transcribed(card.speaker.since(began_s))
    assert word_error_rate(answer, heard) < 0.35, f"written {answer!r}, heard {heard!r}"
    assert "gap" not in plain.text


def test_speech_stops_the_answer(card: VirtualCard, plain: Program, spoken: Callable[[str], Path]) -> None:
    card.say(spoken("Please tell me a very long story about a king and his three daughters."))
    asked = plain.await_text("^You: ")
    sounded_s = card.speaker.await_sound(time.monotonic(), 15)
    card.say(spoken("Stop it now, please."))
    plain.await_text(r"\[interrupted\]|\(you went on\)", after=asked)
    card.speaker.await_quiet(sounded_s, 0.3, 15)


def test_noise_starts_no_turn(card: VirtualCard, plain: Program) -> None:
    for path in NOISE[:2]:
        card.say(path)
    assert "You:" not in plain.text


def test_ctrl_c_ends_it_at_once_with_its_code(plain: Program) -> None:
    code, took_s = plain.interrupt()
    assert code == 130
    assert took_s < 1.0


def test_ctrl_c_in_the_middle_of_an_answer(card: VirtualCard, plain: Program, spoken: Callable[[str], Path]) -> None:
    card.say(spoken("Please tell me a very long story about a king."))
    plain.await_text("^You: ")
    code, took_s = plain.interrupt()
    assert code == 130
    assert took_s < 1.0


def test_the_live_screen_shows_the_words_and_gives_the_terminal_back(
    card: VirtualCard, spoken: Callable[[str], Path]
) -> None:
    with Program(card.env, "--ui", "live", "--llm", "embedded", "--model", LANGUAGE_MODEL, "--offline") as program:
        program.await_text("Listening")
        card.say(spoken("What is the capital of France?"))
        program.await_text("capital of France")
        program.await_text("Speaking")
        code, _ = program.interrupt()
        assert code == 130
        program.await_text(r"capital of France[\s\S]*capital of France")


def test_silence_between_answers_is_digital(card: VirtualCard, plain: Program) -> None:
    now_s = time.monotonic()
    plain.await_text("Listening")
    assert not np.any(np.abs(card.speaker.since(now_s)) > 1)
