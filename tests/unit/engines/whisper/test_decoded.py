"""Which decodes are believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.engines.whisper.decoded import (
    LOOP_TOKENS,
    LOOP_TOKENS_PER_S,
    Decoded,
    rejection_reason,
    restarts,
    without_loops,
)

GOOD = Decoded("What time is it?", [1, 2, 3], "en", logprob=-0.2, no_speech=0.1, ended=True)


@pytest.mark.parametrize(
    ("decoded", "reason"),
    [
        (GOOD, ""),
        (replace(GOOD, no_speech=0.9), ""),
        (replace(GOOD, no_speech=0.9, logprob=-0.5), "no speech"),
        (replace(GOOD, logprob=-1.1), "low confidence"),
        (replace(GOOD, text="no no no " * 30), "repetition"),
        (replace(GOOD, text="..."), "no words"),
        (replace(GOOD, text=""), "no words"),
    ],
)
def test_a_text_is_withheld_for_a_reason(decoded: Decoded, reason: str) -> None:
    assert rejection_reason(decoded) == reason


def test_what_never_ended_or_began_again_is_misled() -> None:
    assert not GOOD.restarted
    assert replace(GOOD, ended=False).restarted
    assert replace(GOOD, text="What time is it? What time is it?").restarted
    assert restarts("turn on the light in the kitchen and then on the light in the hall")
    assert not restarts("turn on the light")


def test_an_unsure_text_is_read_again() -> None:
    assert not GOOD.unsure
    assert replace(GOOD, logprob=-0.31).unsure


ROUND = st.lists(st.integers(0, 9), min_size=LOOP_TOKENS, max_size=12)


@given(ROUND, st.integers(2, 4), st.integers(0, 12))
def test_a_loop_is_cut_after_its_first_round(said: list[int], rounds: int, cut: int) -> None:
    """That the decoder was stopped somewhere in a round changes nothing."""
    looped = (said * rounds)[: len(said) * rounds - min(cut, len(said) * (rounds - 1) - LOOP_TOKENS)]
    once = without_loops(looped, audio_s=0.0)
    assert looped == (once * len(looped))[: len(looped)]
    assert LOOP_TOKENS <= len(once) <= len(said)


@given(st.lists(st.integers(), unique=True, max_size=40))
def test_what_begins_nothing_anew_stays(said: list[int]) -> None:
    assert without_loops(said, audio_s=0.0) == said


def test_a_loop_of_few_words_in_much_sound_is_none_of_speech() -> None:
    thanks = [1, 2, 3] * 8
    assert without_loops(thanks, audio_s=3 / LOOP_TOKENS_PER_S) == [1, 2, 3]
    assert without_loops(thanks, audio_s=3 / LOOP_TOKENS_PER_S + 0.1) == thanks


def test_two_words_that_come_again_are_no_loop() -> None:
    assert without_loops([1, 2, 3, 4, 1, 2], audio_s=1.0) == [1, 2, 3, 4, 1, 2]
