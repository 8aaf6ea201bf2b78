"""Rounds, their budget, and a whole search without engines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tune.stage import DEFAULTS, answered, ended, heard
from voicecli.errors import EngineError, SettingsError
from voicecli.tune.rounds import LEAST_WORDS, SYNTHETIC, Machine, Round, default_arms, doubt_of, rounds, thread_counts
from voicecli.tune.search import TIME_IS_OVER, Found, Search
from voicecli.tune.trials import side_by_side
from voicecli.tune.values import TRIAL_SHARE, Arm, Budget, Sample, Samples, Waits

MACHINE = Machine("cpu", 4, ("tiny", "base", "small"), ("kokoro-int8", "kokoro-fp32"), {"int8", "float32"}, True)
MODES = ("fast", "balanced", "patient", "silence")
NO_WAITS = Waits(0.08, 0.2, 0.025)


MAKE: dict[str, Callable[[Sequence[float]], Samples]] = {"hearing": heard, "answering": answered, "ending": ended}


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Notes:
    def __init__(self) -> None:
        self.began: list[str] = []
        self.lines: list[str] = []

    def doing(self, text: str) -> None:
        self.began.append(text)

    def done(self, text: str) -> None:
        self.lines.append(text)


class FakeBench:
    """Each arm takes what `seconds` says for a sample; a trial of it costs `cost_s`."""

    def __init__(self, clock: Clock, seconds: Callable[[Arm], float], cost_s: Callable[[], float]) -> None:
        self.measured: list[tuple[Arm, ...]] = []
        self.stops_s: list[float] = []
        self.pairs = 8
        self._clock = clock
        self._seconds = seconds
        self._cost_s = cost_s

    async def measure(self, arms: Sequence[Arm], stop_s: float) -> list[Samples]:
        self.measured.append(tuple(arms))
        self.stops_s.append(stop_s)
        self._clock.now_s += self._cost_s()
        make: Callable[[Sequence[float]], Samples] = MAKE[arms[0].part]
        return [make([self._seconds(arm)] * self.pairs) for arm in arms]


def search(
    seconds: Callable[[Arm], float] = lambda arm: 0.3,
    cost_s: Callable[[], float] = lambda: 1.0,
    limit_s: float = 600.0,
    machine: Machine = MACHINE,
) -> tuple[Search, FakeBench, Notes]:
    clock, notes = Clock(), Notes()
    bench = FakeBench(clock, seconds, cost_s)
    tried = rounds(machine, DEFAULTS, MODES)
    return Search(bench, tried, Found(default_arms(DEFAULTS), NO_WAITS), Budget(limit_s), clock, notes), bench, notes


def test_what_there_is_to_try_in_order_of_promise() -> None:
    assert [(one.key, one.values) for one in rounds(MACHINE, DEFAULTS, MODES)] == [
        ("stt.model", ("tiny", "small")),
        ("stt.compute_type", ("float32",)),
        ("llm.threads", (2, 3, 4)),
        ("tts.first_chunk_chars", (40, 80)),
        ("tts.model", ("kokoro-fp32",)),
        ("stt.threads", (3, 1, 4)),
        ("tts.threads", (3, 1, 4)),
        ("tts.streaming", (False,)),
        ("listen.endpoint", ("fast", "patient", "silence")),
    ]


def test_on_a_gpu_no_threads_of_the_processor_are_tried() -> None:
    machine = Machine("gpu", 8, ("base",), ("kokoro-int8",), {"float16", "int8_float16", "float32"}, embedded=False)
    found = {one.key: one.values for one in rounds(machine, DEFAULTS | {"stt.compute_type": "float16"}, MODES)}
    assert found["stt.compute_type"] == ("int8_float16", "float32")
    assert not {"stt.threads", "tts.threads", "llm.threads", "stt.model", "tts.model"} & found.keys()


def test_synthetic_speech_holds_smaller_models_and_no_larger_ones() -> None:
    machine = Machine("cpu", 4, MACHINE.stt_models, ("kokoro-int8",), {"int8"}, True, SYNTHETIC)
    assert rounds(machine, DEFAULTS, MODES)[0] == Round("stt.model", ("tiny", "small"), {"tiny": SYNTHETIC})
    assert rounds(MACHINE, DEFAULTS, MODES)[0].held == {}


def test_few_known_words_do_not_vouch_for_a_smaller_model_either() -> None:
    assert doubt_of(synthetic=True, words=500) == SYNTHETIC
    assert doubt_of(synthetic=False, words=LEAST_WORDS) == ""
    assert doubt_of(synthetic=False, words=LEAST_WORDS - 1).startswith("49 known words are too few")


@given(st.integers(1, 64), st.integers(1, 128))
def test_thread_counts_fit_the_machine(default: int, cores: int) -> None:
    counts = thread_counts(default, cores)
    assert default not in counts
    assert len(set(counts)) == len(counts) <= 3
    assert all(1 <= one <= cores for one in counts)


def test_a_single_core_leaves_nothing_to_try() -> None:
    assert thread_counts(1, 1) == []
    assert thread_counts(2, 2) == [1]


def test_a_budget_counts_a_pair_of_arms() -> None:
    budget = Budget(100.0).charged(10.0).charged(8.0, "hearing", arms=1)
    assert (budget.spent_s, budget.left_s) == (18.0, 82.0)
    assert budget.longest_s == {"hearing": 16.0}
    assert budget.allowance_s("hearing") == TRIAL_SHARE * 100
    assert budget.charged(66.0).allowance_s("hearing") == 16.0
    assert not budget.charged(67.0).fits("hearing")
    assert budget.charged(67.0).fits("answering")
    assert not budget.charged(90.0).fits("answering")


def test_the_defaults_are_measured_first_and_a_gain_is_taken() -> None:
    run, bench, notes = search(lambda arm: 0.1 if arm.part == "hearing" and arm["stt.model"] == "tiny" else 0.4)
    found = asyncio.run(run.run())
    assert [arms[0] for arms in bench.measured[:3]] == list(default_arms(DEFAULTS).values())
    assert len(bench.measured[2]) == len(MODES)
    assert found.arms["hearing"]["stt.model"] == "tiny"
    assert found.first_waits is not None
    assert found.waits.hearing_s == pytest.approx(0.1)
    assert found.waits.voice_to_voice_s < found.first_waits.voice_to_voice_s
    assert [one.key for one in found.choices] == [one.key for one in rounds(MACHINE, DEFAULTS, MODES)]
    assert notes.began[:3] == ["hearing: the defaults", "answering: the defaults", "ending: the defaults"]
    assert notes.lines[0].startswith("stt.model = tiny: ")
    # what was taken is what the next settings are tried with
    assert all(arms[0]["stt.model"] == "tiny" for arms in bench.measured[5:] if arms[0].part == "hearing")


def test_without_any_gain_all_stays_as_it_is() -> None:
    run, _, _ = search()
    found = asyncio.run(run.run())
    kept = {key: value for arm in found.arms.values() for key, value in arm.values}
    assert kept == DEFAULTS | {"tts.first_chunk_chars": 80}  # which costs nothing here
    assert not found.untried


def test_what_does_not_run_is_reported_and_the_search_goes_on() -> None:
    def seconds(arm: Arm) -> float:
        if ("stt.compute_type", "float32") in arm.values:
            raise EngineError("Whisper cannot run as float32", "")
        return 0.3

    run, _, _ = search(seconds)
    found = asyncio.run(run.run())
    assert [(one.key, one.value, one.reason) for one in found.untried] == [
        ("stt.compute_type", "float32", "Whisper cannot run as float32")
    ]
    assert len(found.choices) == len(rounds(MACHINE, DEFAULTS, MODES))


def test_what_is_too_slow_for_its_share_is_reported() -> None:
    run, bench, _ = search()

    def seconds(arm: Arm) -> float:
        bench.pairs = 3 if ("stt.model", "small") in arm.values else 8
        return 0.3

    bench._seconds = seconds
    found = asyncio.run(run.run())
    assert ("small", "too slow: only 3 measurements in its share of the time") in [
        (one.value, one.reason) for one in found.untried
    ]


def test_a_limit_that_is_too_short_for_the_defaults_is_an_error() -> None:
    run, bench, _ = search(limit_s=60.0)
    bench.pairs = 4
    with pytest.raises(SettingsError, match=r"1 min is too short to measure the defaults \(hearing\)"):
        asyncio.run(run.run())


def test_a_trial_that_hangs_is_left_when_the_time_is_over() -> None:
    class Hanging(FakeBench):
        async def measure(self, arms: Sequence[Arm], stop_s: float) -> list[Samples]:
            if len(self.measured) >= 3:
                await asyncio.Event().wait()
            return await super().measure(arms, stop_s)

    clock = Clock()
    bench = Hanging(clock, lambda arm: 0.3, lambda: 0.0)
    tried = [Round("stt.model", ("tiny",))]
    run = Search(bench, tried, Found(default_arms(DEFAULTS), NO_WAITS), Budget(0.05), clock, Notes())
    found = asyncio.run(run.run())
    assert [(one.value, one.reason) for one in found.untried] == [("tiny", TIME_IS_OVER)]


@given(st.lists(st.floats(0.1, 50.0), min_size=40, max_size=40), st.floats(200.0, 500.0))
def test_the_limit_is_never_exceeded_by_more_than_one_trial(costs: list[float], limit_s: float) -> None:
    rest = iter(costs)
    spent: list[float] = []

    def cost_s() -> float:
        spent.append(next(rest))
        return spent[-1]

    run, bench, _ = search(cost_s=cost_s, limit_s=limit_s)
    found = asyncio.run(run.run())
    assert sum(spent[:-1]) < limit_s
    assert run.budget.spent_s == pytest.approx(sum(spent))
    assert all(stop_s <= 100.0 + limit_s + 1e-6 for stop_s in bench.stops_s)
    values = sum(len(one.values) for one in rounds(MACHINE, DEFAULTS, MODES))
    assert len(found.trials) + len(found.untried) == values
    assert {one.reason for one in found.untried} <= {TIME_IS_OVER}


def test_arms_take_turns_and_a_thing_that_one_cannot_do_counts_for_none() -> None:
    one, other = default_arms(DEFAULTS)["hearing"], default_arms(DEFAULTS)["hearing"].having("stt.threads", 1)
    order: list[tuple[str, object]] = []

    async def once(arm: Arm, thing: str) -> Sample | None:
        order.append((thing, arm["stt.threads"]))
        return None if (thing, arm) == ("b", other) else Sample(thing, 1.0)

    clock = Clock()
    found = asyncio.run(side_by_side([one, other], ["a", "b", "c"], once, clock, clock.now_s + 1))
    assert [[sample.of for sample in samples] for samples in found] == [["a", "c"], ["a", "c"]]
    assert order == [("a", 2), ("a", 1), ("b", 1), ("b", 2), ("c", 2), ("c", 1)]
    assert asyncio.run(side_by_side([one, other], ["a"], once, clock, clock.now_s)) == [(), ()]
