"""How long a silence has to be."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicecli.audio.files.wav import TAIL_S
from voicecli.turns.endpoint import (
    CLOSED,
    MODES,
    OPEN,
    UNMARKED,
    WENT_ON_S,
    EndpointBounds,
    PauseStatistics,
    text_odds,
    wait_ms,
)
from voicecli.types import Transcript

PROBABILITIES = st.floats(0, 1)
BOUNDS = st.sampled_from(list(MODES.values()))
PAUSES = st.lists(st.floats(0, 10_000), max_size=30)
TEXTS = st.one_of(st.none(), st.sampled_from(["Done.", "What now?", "I want the", "no mark", "and then...", ""]))


def said(text: str, language: str = "en") -> Transcript:
    return Transcript(text, language, 1.0)


def learnt(silences_ms: list[float]) -> PauseStatistics:
    pauses = PauseStatistics()
    for silence_ms in silences_ms:
        pauses = pauses.with_pause(silence_ms)
    return pauses


@example(EndpointBounds(300, 1000), 1.0, "I want the", [])  # the odds of a sure end once rounded to more than one
@given(BOUNDS, PROBABILITIES, TEXTS, PAUSES)
def test_a_wait_is_within_its_bounds(
    bounds: EndpointBounds, probability: float, text: str | None, silences_ms: list[float]
) -> None:
    transcript = None if text is None else said(text)
    wait = wait_ms(bounds, probability, transcript, learnt(silences_ms))
    assert bounds.shortest_ms <= wait <= bounds.longest_ms


@given(BOUNDS, PROBABILITIES, PROBABILITIES, TEXTS, PAUSES)
def test_the_surer_the_end_the_shorter_the_wait(
    bounds: EndpointBounds, one: float, other: float, text: str | None, silences_ms: list[float]
) -> None:
    transcript, pauses = None if text is None else said(text), learnt(silences_ms)
    surer, less_sure = max(one, other), min(one, other)
    assert wait_ms(bounds, surer, transcript, pauses) <= wait_ms(bounds, less_sure, transcript, pauses) + 1e-6


@given(BOUNDS, PROBABILITIES)
def test_an_open_end_waits_at_least_as_long_as_a_closed_one(bounds: EndpointBounds, probability: float) -> None:
    waits = [
        wait_ms(bounds, probability, said(text), PauseStatistics())
        for text in ("It is noon.", "it is noon", "it is the")
    ]
    assert waits == pytest.approx(sorted(waits))


@given(BOUNDS, PROBABILITIES, PAUSES, st.floats(0, 10_000))
def test_longer_pauses_never_shorten_the_wait(
    bounds: EndpointBounds, probability: float, silences_ms: list[float], silence_ms: float
) -> None:
    before = learnt(silences_ms)
    after = before.with_pause(max(silence_ms, before.mean_ms))
    assert wait_ms(bounds, probability, None, after) >= wait_ms(bounds, probability, None, before) - 1e-6


@given(PAUSES)
def test_learnt_pauses_are_bounded(silences_ms: list[float]) -> None:
    assert 0 <= learnt(silences_ms).mean_ms <= WENT_ON_S * 1000


def test_a_user_who_hardly_pauses_is_waited_for_less() -> None:
    bounds = MODES["balanced"]
    quick, slow = learnt([250.0] * 20), learnt([900.0] * 20)
    assert wait_ms(bounds, 0.0, None, quick) == (bounds.shortest_ms + bounds.longest_ms) / 2
    assert wait_ms(bounds, 0.0, None, slow) == bounds.longest_ms


def test_modes_differ_in_their_bounds_and_a_file_is_followed_by_silence_enough_for_each() -> None:
    fast, balanced, patient = MODES["fast"], MODES["balanced"], MODES["patient"]
    assert fast.shortest_ms < balanced.shortest_ms < patient.shortest_ms
    assert fast.longest_ms < balanced.longest_ms < patient.longest_ms < TAIL_S * 1000


@pytest.mark.parametrize(
    ("text", "odds"),
    [
        ("I would like a coffee.", CLOSED),
        ('He said "no."', CLOSED),
        ("Stop!", CLOSED),
        ("What is it made of?", CLOSED),
        ("Where is the?", OPEN),
        ("I would like to.", OPEN),
        ("Put milk and", OPEN),
        ("Well, um...", OPEN),
        ("Put milk, sugar,", OPEN),
        ("I would like…", OPEN),
        ("turn it on", UNMARKED),
        ("", OPEN),
        ("?", CLOSED),
    ],
)
def test_what_the_words_say(text: str, odds: float) -> None:
    assert text_odds(said(text)) == odds


def test_words_count_in_english_alone_and_marks_everywhere() -> None:
    assert text_odds(said("Er ist so.", "de")) == CLOSED
    assert text_odds(said("行きます。", "ja")) == CLOSED
    assert text_odds(said("Ich möchte...", "de")) == OPEN
