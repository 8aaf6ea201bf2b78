from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicecli.speech_text.pacing import FIRST_GUESS_S_PER_CHAR, MOST_LEAD_S, SAFETY, Pace


def test_without_lead_the_next_text_chunk_is_as_short_as_can_be() -> None:
    assert Pace().budget_chars(0.0) == 0


def test_a_slow_machine_gets_shorter_text_chunks() -> None:
    slow = Pace()
    for _ in range(20):
        slow.took(chars=20, seconds=4.0)
    assert slow.budget_chars(2.0) < Pace().budget_chars(2.0)


def test_an_empty_text_chunk_teaches_nothing() -> None:
    pace = Pace()
    pace.took(chars=0, seconds=1.0)
    assert pace.budget_chars(1.0) == int(SAFETY / FIRST_GUESS_S_PER_CHAR)


def test_sound_is_not_made_far_ahead() -> None:
    assert Pace.rest_s(MOST_LEAD_S - 1) == 0
    assert Pace.rest_s(MOST_LEAD_S + 1) == 1


@given(st.lists(st.tuples(st.integers(1, 200), st.floats(0.01, 20)), max_size=20), st.floats(0, 30))
def test_at_the_learnt_pace_the_next_text_chunk_is_ready_before_the_sound_ends(
    syntheses: list[tuple[int, float]], lead_s: float
) -> None:
    pace = Pace()
    for chars, seconds in syntheses:
        pace.took(chars, seconds)
    slowest = max([FIRST_GUESS_S_PER_CHAR, *(seconds / chars for chars, seconds in syntheses)])
    fastest = min([FIRST_GUESS_S_PER_CHAR, *(seconds / chars for chars, seconds in syntheses)])
    assert SAFETY * lead_s / slowest - 1 <= pace.budget_chars(lead_s) <= SAFETY * lead_s / fastest + 1
