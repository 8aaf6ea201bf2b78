"""Which decodes are believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voicecli.engines.whisper_decoded import Decoded, restarts, withheld

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
    assert withheld(decoded) == reason


def test_what_never_ended_or_began_again_is_misled() -> None:
    assert not GOOD.misled
    assert replace(GOOD, ended=False).misled
    assert replace(GOOD, text="What time is it? What time is it?").misled
    assert restarts("turn on the light in the kitchen and then on the light in the hall")
    assert not restarts("turn on the light")


def test_an_unsure_text_is_read_again() -> None:
    assert not GOOD.unsure
    assert replace(GOOD, logprob=-0.31).unsure
