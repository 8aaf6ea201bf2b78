"""Which value is taken, and what is said of it."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tune.stage import WAITS, answered, ended, heard, trial
from voicecli.tune.choose import ERROR_POINTS, LEAST_PAIRS, MOST_WAIT_S, choose, gains_s, shorter, wait_s
from voicecli.tune.values import Choice, Samples, Trial, Value, Waits, cut_offs, error_rate


def chosen(key: str, default: Value, *trials: Trial, waits: Waits = WAITS) -> Choice:
    return choose(key, default, default, trials, waits, {})


def test_a_quicker_model_that_hears_as_well_is_taken() -> None:
    choice = chosen("stt.model", "base", trial("stt.model", "tiny", heard([0.3] * 8), heard([0.2] * 8)))
    assert choice.value == "tiny"
    assert choice.reason == "100 ms sooner than base (8 of 8 times), word errors 0.0 against 0.0 %"


def test_the_quickest_of_several_is_taken() -> None:
    slow, quick = (trial("stt.model", name, heard([0.3] * 8), heard([s] * 8)) for name, s in (("a", 0.25), ("b", 0.15)))
    assert chosen("stt.model", "base", slow, quick).value == "b"
    assert chosen("stt.model", "base", quick, slow).value == "b"


def test_a_quicker_model_that_hears_worse_is_not_taken() -> None:
    worse = heard([0.1] * 8, [1, 0, 1, 0, 0, 1, 0, 0])
    choice = chosen("stt.model", "base", trial("stt.model", "tiny", heard([0.3] * 8), worse))
    assert (choice.value, choice.default) == ("base", "base")
    assert choice.reason == "no better: tiny: 180 ms sooner than base (8 of 8 times), word errors 3.8 against 0.0 %"


def test_a_slower_model_is_taken_where_it_surely_hears_better() -> None:
    better = trial("stt.model", "small", heard([0.3] * 8, [2, 1, 2, 3, 2, 1, 2, 2]), heard([0.8] * 8))
    assert chosen("stt.model", "base", better).value == "small"


def test_of_two_models_that_hear_better_the_quicker_one_is_taken() -> None:
    base = heard([0.3] * 8, [2, 1, 2, 3, 2, 1, 2, 2])
    small, medium = (trial("stt.model", name, base, heard([s] * 8)) for name, s in (("small", 0.6), ("medium", 0.7)))
    assert chosen("stt.model", "base", medium, small).value == "small"


def test_nobody_waits_too_long_for_better_words() -> None:
    better = trial("stt.model", "large", heard([0.3] * 8, [2, 1, 2, 3, 2, 1, 2, 2]), heard([MOST_WAIT_S] * 8))
    assert chosen("stt.model", "base", better).value == "base"


def test_a_few_words_may_be_chance() -> None:
    lucky = trial("stt.model", "small", heard([0.3] * 8, [6, 0, 0, 0, 0, 0, 0, 0]), heard([0.8] * 8))
    assert chosen("stt.model", "base", lucky).value == "base"


def test_where_nobody_knows_what_was_said_speed_alone_decides() -> None:
    before, after = heard([0.3] * 8, words=0), heard([0.2] * 8, words=0)
    choice = chosen("stt.model", "base", trial("stt.model", "tiny", before, after))
    assert choice.value == "tiny"
    assert choice.reason == "100 ms sooner than base (8 of 8 times)"


def test_where_the_words_of_few_recordings_are_known_none_hears_surely_better() -> None:
    before = (*heard([0.3] * 4, [5, 5, 5, 5]), *heard([0.3] * 4, words=0))
    after = (*heard([0.8] * 4), *heard([0.8] * 4, words=0))
    assert chosen("stt.model", "base", trial("stt.model", "small", before, after)).value == "base"


def test_what_is_over_before_the_silence_gains_nothing() -> None:
    quick = Waits(0.08, 0.2, 0.0, hearing_s=0.1, answering_s=0.1, ending_s=0.45)
    choice = chosen("stt.model", "base", trial("stt.model", "tiny", heard([0.1] * 8), heard([0.05] * 8)), waits=quick)
    assert choice.value == "base"
    assert "as soon as base" in choice.reason


def test_a_held_value_is_measured_and_not_taken() -> None:
    tiny = trial("stt.model", "tiny", heard([0.3] * 8), heard([0.2] * 8))
    choice = choose("stt.model", "base", "base", [tiny], WAITS, {"tiny": "nobody spoke"})
    assert choice.value == "base"
    assert choice.reason.endswith("word errors 0.0 against 0.0 %, but nobody spoke")


def test_too_few_pairs_decide_nothing() -> None:
    few = trial("stt.model", "tiny", heard([0.3] * (LEAST_PAIRS - 1)), heard([0.1] * (LEAST_PAIRS - 1)))
    assert chosen("stt.model", "base", few) == Choice(
        "stt.model", "base", "base", "nothing else was tried", measured=False
    )
    assert chosen("stt.model", "base").value == "base"


def test_threads_are_taken_by_the_first_sound() -> None:
    quicker = trial("llm.threads", 2, answered([0.5] * 8, 0.61), answered([0.4] * 8, 0.7))
    choice = chosen("llm.threads", 1, quicker)
    assert choice.value == 2
    assert choice.reason.endswith("voice 0.70 s per second of audio against 0.61")


def test_a_voice_that_does_not_keep_up_is_not_taken() -> None:
    assert chosen("llm.threads", 1, trial("llm.threads", 2, answered([0.5] * 8), answered([0.3] * 8, 1.1))).value == 1


def test_where_the_voice_does_not_keep_up_the_quickest_one_is_taken() -> None:
    slow = answered([0.5] * 8, 1.3)
    some, most = (trial("tts.threads", n, slow, answered([0.6] * 8, f)) for n, f in ((4, 1.0), (8, 0.8)))
    assert chosen("tts.threads", 2, some, most).value == 8
    assert chosen("tts.threads", 2, trial("tts.threads", 4, slow, answered([0.2] * 8, 1.25))).value == 2
    once = (*answered([0.5] * 6, 1.3), *answered([0.5] * 2, 0.1))
    assert chosen("tts.threads", 2, trial("tts.threads", 4, slow, once)).value == 2


@pytest.mark.parametrize(("cost_s", "value"), [(0.0, 80), (0.04, 80), (0.06, 16)])
def test_the_first_chunk_is_as_long_as_nobody_feels(cost_s: float, value: int) -> None:
    before, after = answered([0.5] * 8), answered([0.5 + cost_s] * 8)
    trials = [trial("tts.first_chunk_chars", chars, before, after) for chars in (40, 80)]
    assert chosen("tts.first_chunk_chars", 16, *trials).value == value


def test_a_patient_end_costs_nothing_where_the_answer_is_not_ready_sooner() -> None:
    slow = Waits(0.08, 0.2, 0.0, hearing_s=0.5, answering_s=0.6, ending_s=0.45)
    patient = trial("listen.endpoint", "patient", ended([0.45] * 10, cut=4), ended([0.8] * 10, cut=1))
    choice = chosen("listen.endpoint", "balanced", patient, waits=slow)
    assert choice.value == "patient"
    assert choice.reason == "as soon as balanced, 1 against 4 of 10 cut off"


def test_a_patient_end_that_keeps_everybody_waiting_is_not_taken() -> None:
    patient = trial("listen.endpoint", "patient", ended([0.45] * 10, cut=4), ended([1.4] * 10, cut=1))
    assert chosen("listen.endpoint", "balanced", patient).value == "balanced"


def test_a_fast_end_is_taken_where_it_cuts_nobody_off() -> None:
    quick = Waits(0.08, 0.2, 0.0, hearing_s=0.05, answering_s=0.05, ending_s=0.45)
    fast = trial("listen.endpoint", "fast", ended([0.45] * 10, cut=2), ended([0.3] * 10, cut=2))
    rash = trial("listen.endpoint", "silence", ended([0.45] * 10, cut=2), ended([0.25] * 10, cut=3))
    assert chosen("listen.endpoint", "balanced", fast, rash, waits=quick).value == "fast"


def test_one_speaker_less_is_no_difference() -> None:
    patient = trial("listen.endpoint", "patient", ended([0.45] * 10, cut=4), ended([0.45] * 10, cut=3))
    assert chosen("listen.endpoint", "balanced", patient).value == "balanced"


SECONDS = st.floats(0.01, 3.0)
PAIRS = st.lists(
    st.tuples(SECONDS, SECONDS, st.integers(0, 10), st.integers(0, 10), st.booleans(), st.booleans()),
    min_size=LEAST_PAIRS,
    max_size=12,
)
SOME_WAITS = st.builds(Waits, st.just(0.08), st.just(0.2), st.just(0.0), SECONDS, SECONDS, SECONDS)


@given(st.lists(PAIRS, min_size=1, max_size=4), SOME_WAITS)
def test_a_model_that_is_worse_in_both_is_never_taken(tried: list[list[tuple[float, ...]]], waits: Waits) -> None:
    trials = [
        trial("stt.model", f"m{n}", heard([p[0] for p in one], [int(p[2]) for p in one]),
              heard([p[1] for p in one], [int(p[3]) for p in one]))
        for n, one in enumerate(tried)
    ]  # fmt: skip
    choice = chosen("stt.model", "base", *trials, waits=waits)
    taken = next((one for one in trials if one.value == choice.value), None)
    if taken is None:
        return
    before, after = rate(taken.before), rate(taken.after)
    assert shorter(gains_s(taken, waits)) or after < before
    assert after <= min([before, *(rate(one.after) for one in trials)]) + ERROR_POINTS
    for other in trials:
        if rate(other.after) <= after and shorter(gains_s(other, waits)):
            assert wait_s(taken, waits) <= wait_s(other, waits)


def rate(samples: Samples) -> float:
    found = error_rate(samples)
    assert found is not None
    return found


@given(PAIRS, SOME_WAITS)
def test_an_end_that_loses_in_anything_is_never_taken(pairs: list[tuple[float, ...]], waits: Waits) -> None:
    before = tuple(one for p, i in zip(pairs, range(99), strict=False) for one in ended([p[0]], int(bool(p[4]))))
    after = tuple(one for p, i in zip(pairs, range(99), strict=False) for one in ended([p[1]], int(bool(p[5]))))
    fast = trial("listen.endpoint", "fast", before, after)
    if chosen("listen.endpoint", "balanced", fast, waits=waits).value == "fast":
        assert cut_offs(after) <= cut_offs(before)
        assert statistics.median(gains_s(fast, waits)) > -0.02 or not shorter([-g for g in gains_s(fast, waits)])


@given(PAIRS, SOME_WAITS)
def test_equal_arms_keep_the_default(pairs: list[tuple[float, ...]], waits: Waits) -> None:
    same = [p[0] for p in pairs]
    assert chosen("stt.threads", 2, trial("stt.threads", 1, heard(same), heard(same)), waits=waits).value == 2
    assert chosen("llm.threads", 1, trial("llm.threads", 2, answered(same), answered(same)), waits=waits).value == 1
    assert chosen("listen.endpoint", "balanced", trial("listen.endpoint", "fast", ended(same), ended(same)),
                  waits=waits).value == "balanced"  # fmt: skip
