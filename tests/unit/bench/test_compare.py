"""Comparison of two results: what is better, worse or the same, and how certain that is.

The requirements of the product are simulated: nothing is timed here.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.bench_results import METRICS, RECORDINGS, World, result, speech_to_text, voice_to_voice
from voicecli.bench.changes import DRIFT, Change, binomial, evidence, fisher, judge, judge_count, same_recordings
from voicecli.bench.compare import Comparison, compare
from voicecli.bench.result import PROCESS, Better, Count, Metric, Result
from voicecli.bench.summary import FEWEST
from voicecli.errors import SettingsError

ONE = ("quiet",)
WORDS = {"endpoint": "end of turn", "stt": "speech-to-text", "llm": "language model", "tts": "text-to-speech"}


@pytest.mark.parametrize("seed", range(10))
def test_an_unchanged_build_is_called_the_same(seed: int) -> None:
    drift = float(np.random.default_rng(seed).uniform(0.94, 1.06))
    old, new = voice_to_voice(World(seed=2 * seed)), voice_to_voice(World(seed=2 * seed + 1, drift=drift))
    found = compare(old, new)
    assert found.verdict == "same", found.sentence
    assert found.sentence.startswith("same")


@pytest.mark.parametrize("drift", [0.94, 1.0, 1.06])
@pytest.mark.parametrize("stage", METRICS)
def test_a_stage_that_got_slower_by_30_percent_is_named_alone(stage: str, drift: float) -> None:
    old = voice_to_voice(World(seed=101, scenarios=ONE))
    new = voice_to_voice(World(seed=102, scenarios=ONE, drift=drift, slow={stage: 1.3}))
    found = compare(old, new)
    assert found.sentence.startswith(f"worse: {WORDS[stage]} takes 1."), found.sentence
    assert {one.stage for one in found.changes if one.verdict == "worse" and one.stage} == {stage}
    worst = next(one for one in found.changes if one.stage == stage and one.verdict == "worse")
    assert worst.between is not None
    assert worst.between.low > 1.08
    assert 1.15 < worst.by < 1.45


def test_what_got_quicker_is_called_better() -> None:
    old = voice_to_voice(World(seed=1, scenarios=ONE))
    found = compare(old, voice_to_voice(World(seed=2, scenarios=ONE, slow={"tts": 0.7})))
    assert found.verdict == "better"
    assert found.sentence.startswith("better: text-to-speech takes 0.")


def test_one_stage_better_and_one_worse_is_worse_and_both_are_reported() -> None:
    old = voice_to_voice(World(seed=1, scenarios=ONE))
    found = compare(old, voice_to_voice(World(seed=2, scenarios=ONE, slow={"tts": 0.6, "stt": 1.5})))
    assert found.verdict == "worse"
    assert "worse: speech-to-text" in found.sentence
    assert "Better: text-to-speech" in found.sentence


def test_a_slower_machine_is_reported_and_not_attributed_to_the_build() -> None:
    old = voice_to_voice(World(seed=1, scenarios=ONE, noise=0.02))
    found = compare(old, voice_to_voice(World(seed=2, scenarios=ONE, noise=0.02, drift=1.06)))
    assert found.verdict == "same"
    assert "attributed to the machine" in found.sentence
    assert found.drift == pytest.approx(1.06, abs=0.02)


def test_a_drift_that_is_too_large_for_a_machine_is_a_change_of_everything() -> None:
    old = voice_to_voice(World(seed=1, scenarios=ONE))
    found = compare(old, voice_to_voice(World(seed=2, scenarios=ONE, drift=DRIFT * 1.3)))
    slower = {one.stage for one in found.changes if one.verdict == "worse"}
    assert slower >= set(METRICS)
    assert "times as long: too much to be attributed to the machine" in found.sentence
    assert all(one.by > 1.25 for one in found.changes if one.stage)


def test_a_bench_of_one_stage_has_no_machine_to_blame() -> None:
    found = compare(speech_to_text(0), speech_to_text(1))
    assert (found.verdict, found.drift) == ("same", None)


def test_different_benches_cannot_be_compared() -> None:
    with pytest.raises(SettingsError, match="is of the bench stt, this one of voice to voice"):
        compare(speech_to_text(), voice_to_voice())


def of(*metrics: Metric, counts: tuple[Count, ...] = ()) -> Result:
    return result("llm", list(metrics), list(counts), [])


def judged(
    old: tuple[float, ...], new: tuple[float, ...], unit: str = "s", better: Better = "lower", stage: str = ""
) -> Change:
    """Return the change of two sets of samples, paired if there is one for each recording."""
    names = RECORDINGS if len(old) == len(new) == len(RECORDINGS) else ()
    before, after = (Metric("a", "m", unit, samples, better, names, stage) for samples in (old, new))
    found = evidence(before, after)
    assert found is not None
    return judge(found, 1, None)


def samples(centre: float, seed: int, n: int = 16, noise: float = 0.05) -> tuple[float, ...]:
    return tuple(float(one) for one in centre * np.exp(np.random.default_rng(seed).normal(0, noise, n)))


def test_pairs_reveal_what_differences_between_recordings_would_hide() -> None:
    lengths = np.linspace(1, 10, 16)
    old = tuple(float(one) for one in lengths * samples(1.0, 1))
    new = tuple(float(one) for one in lengths * samples(1.3, 2))
    assert judged(old, new).verdict == "worse"
    unpaired = evidence(Metric("a", "m", "s", old), Metric("a", "m", "s", new))
    assert unpaired is not None
    assert judge(unpaired, 1, None).verdict == "unsure"


def test_recordings_are_paired_by_name_and_turn() -> None:
    assert same_recordings(("a", "b", "a"), ("b", "a", "c", "a", "a")) == [(1, 0), (0, 1), (2, 3)]


def test_many_pairs_are_judged_too() -> None:
    names = tuple(map(str, range(80)))
    found = evidence(
        Metric("a", "m", "s", samples(1, 1, 80), of=names), Metric("a", "m", "s", samples(1.3, 2, 80), of=names)
    )
    assert found is not None
    assert (found.n, judge(found, 1, None).verdict) == (80, "worse")


def test_more_is_worse_only_where_less_is_better() -> None:
    more, less = samples(1.4, 1), samples(1.0, 2)
    assert judged(less, more, unit="1/s", better="higher").verdict == "better"
    assert judged(more, less, unit="1/s", better="higher").verdict == "worse"
    assert judged(less, more, unit="1/s", better="neither").verdict == "same"
    assert judged(less[:3], more[:3], unit="1/s", better="neither").verdict == "same"


def test_a_rate_that_drifts_with_the_machine_is_set_right_the_other_way() -> None:
    found = evidence(
        Metric("a", "m", "1/s", samples(1.0, 1), "higher", RECORDINGS, "llm"),
        Metric("a", "m", "1/s", samples(1 / 1.07, 1), "higher", RECORDINGS, "llm"),
    )
    assert found is not None
    assert judge(found, 1, 1.07).by == pytest.approx(1.0)


def test_few_samples_are_never_sure() -> None:
    few = judged(samples(1.0, 1, FEWEST - 1, 0.001), samples(2.0, 2, FEWEST - 1, 0.001))
    assert (few.verdict, few.between) == ("unsure", None)


def test_too_noisy_samples_are_not_sure() -> None:
    assert judged(samples(1.0, 1, noise=0.8), samples(1.1, 2, noise=0.8)).verdict == "unsure"


def test_a_change_that_nobody_notices_is_no_change() -> None:
    assert judged(samples(0.010, 1), samples(0.013, 2)).verdict == "same"
    assert judged(samples(0.010, 1), samples(0.013, 2), stage="endpoint").verdict == "worse"
    assert judged(samples(10.0, 1, noise=0.01), samples(11.9, 2, noise=0.01), unit="%").verdict == "same"
    assert judged(samples(10.0, 1, noise=0.01), samples(13.0, 2, noise=0.01), unit="%").verdict == "worse"


def test_zeros_are_compared_by_difference() -> None:
    zeros = (0.0,) * 16
    assert judged(zeros, zeros).verdict == "same"
    slower = judged(zeros, samples(0.1, 1))
    assert (slower.verdict, slower.is_ratio) == ("worse", False)
    found = compare(of(Metric("a", "m", "s", zeros)), of(Metric("a", "m", "s", samples(0.1, 1))))
    assert found.sentence.startswith("worse: m is ")
    assert "ms more (" in found.sentence
    found = compare(of(Metric("a", "m", "s", samples(0.1, 1))), of(Metric("a", "m", "s", zeros)))
    assert "ms less (" in found.sentence


def test_a_part_of_the_wait_counts_by_what_it_does_to_the_whole() -> None:
    old, new = (Metric("a", "tts", "s", samples(centre, seed)) for centre, seed in ((0.04, 1), (0.07, 2)))
    waits = Metric("a", "voice to voice", "s", samples(1.0, 3, noise=0.01))
    part = next(one for one in compare(of(waits, old), of(waits, new)).changes if one.name == "tts")
    assert (part.verdict, part.is_ratio) == ("same", False)


def test_a_ratio_that_is_no_time_is_reported_as_an_amount() -> None:
    found = compare(of(Metric("a", "m", "", samples(1, 1))), of(Metric("a", "m", "", samples(2, 2))))
    assert "m is 2." in found.sentence or "m is 1.9" in found.sentence
    assert "times as much" in found.sentence


def test_metrics_without_samples_or_partner_are_left_out() -> None:
    found = compare(of(Metric("a", "m", "s", ()), Metric("a", "gone", "s", (1.0,))), of(Metric("a", "m", "s", (1.0,))))
    assert found.changes == ()
    assert found.verdict == "unsure"


def test_a_comparison_of_few_samples_is_unsure_as_a_whole() -> None:
    found = compare(of(Metric("a", "m", "s", (1.0, 1.1))), of(Metric("a", "m", "s", (1.0, 1.2))))
    assert found.sentence == "unsure: too few or too noisy samples"


def test_what_is_unsure_is_named_beside_what_is_the_same() -> None:
    sure = [Metric("a", name, "s", samples(1, 1)) for name in "xyz"]
    noisy = Metric("a", "n", "s", (1.0, 1.1))
    found = compare(of(*sure, noisy), of(*sure, noisy))
    assert (found.verdict, found.sentence) == ("same", "same. Too few or too noisy samples: n (a)")


def test_what_is_unsure_is_counted_where_it_is_much() -> None:
    sure = [Metric("quiet", name, "s", samples(1, 1)) for name in "tuvwxyz"]
    noisy = [Metric(group, name, "s", (1.0, 1.1)) for group in ("noise", "echo") for name in "lmn"]
    found = compare(of(*sure, *noisy), of(*sure, *noisy))
    assert found.sentence == "same. Too few or too noisy samples: 6 metrics of noise, echo"


def count(value: float, out_of: float | None = None, unit: str = "", better: Better = "lower") -> Count:
    return Count("a", "c", value, out_of, unit, better)


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (count(16, 16, better="higher"), count(6, 16, better="higher"), "worse"),
        (count(6, 16, better="higher"), count(16, 16, better="higher"), "better"),
        (count(16, 16, better="higher"), count(11, 16, better="higher"), "unsure"),
        (count(0, 16), count(1, 16), "same"),
        (count(0, 100), count(0, 10), "same"),
        (count(0), count(3), "same"),
        (count(0), count(30), "worse"),
        (count(812, unit="MB"), count(900, unit="MB"), "same"),
        (count(812, unit="MB"), count(1624, unit="MB"), "worse"),
        (count(1624, unit="MB"), count(812, unit="MB"), "better"),
        (count(0.5, unit="s"), count(1.2, unit="s"), "same"),
        (count(1.5), count(3.5), "worse"),
        (count(1, better="neither"), count(100, better="neither"), "same"),
    ],
)
def test_counts_are_judged_by_chance_and_totals_by_size(old: Count, new: Count, verdict: str) -> None:
    assert judge_count(old, new, 1).verdict == verdict


def test_a_count_that_changed_is_in_the_sentence() -> None:
    counts = (count(16, 16, better="higher"),), (count(4, 16, better="higher"),)
    found = compare(*(of(counts=one) for one in counts))
    assert found.sentence == "worse: c 16 of 16, now 4 of 16 (a)"


def test_totals_of_the_process_are_compared_only_where_the_same_was_measured() -> None:
    quiet, noisy = (Metric(group, "m", "s", samples(1.0, seed=1)) for group in ("quiet", "noisy"))
    both = of(quiet, noisy, counts=(Count(PROCESS, "CPU time", 400.0, unit="s"),))
    one = of(quiet, counts=(Count(PROCESS, "CPU time", 200.0, unit="s"),))
    assert compare(both, one).counts == ()
    (reported,) = compare(both, of(quiet, noisy, counts=one.counts)).counts
    assert reported.verdict == "better"


def test_a_stage_is_named_by_seconds_rather_than_by_what_is_made_of_them() -> None:
    def run(times: float, hidden: tuple[float, ...]) -> Result:
        factor = Metric("a", "factor", "", samples(2 * times, 1), of=RECORDINGS, stage="llm")
        took = Metric("a", "time", "s", samples(times, 1, noise=0.1), of=RECORDINGS, stage="llm")
        return of(factor, took, Metric("a", "hidden", "s", hidden, of=RECORDINGS, stage="llm"))

    found = compare(run(1.0, (0.0,) * 16), run(1.5, samples(0.2, 1)))
    assert {one.verdict for one in found.changes} == {"worse"}
    assert found.sentence == "worse: language model takes 1.50 times as long (1.50 to 1.50; time, a)"


def test_exact_tests_give_the_textbook_figures() -> None:
    """Fisher's lady tasting tea, 3 of 4 right: 34/70 on two sides; 8 heads of 9: 20/512."""
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert binomial(8, 1) == pytest.approx(20 / 512)
    assert binomial(0, 0) == 1.0


def test_different_conditions_are_listed() -> None:
    old = voice_to_voice(World(scenarios=ONE, recordings=RECORDINGS[:6]))
    machine = dataclasses.replace(old.machine, cores=8, libraries={"onnxruntime": "1.32"})
    new = dataclasses.replace(
        old,
        machine=machine,
        settings={**old.settings, "stt.model": "whisper-small"},
        models={"whisper-small": "cd" * 32},
        corpus="others",
    )
    found: Comparison = compare(old, new)
    assert found.differing == (
        "cores: 2, now 8",
        "corpus: 16 made-up questions, now others",
        "stt.model: whisper-base, now whisper-small",
        "model whisper-base: abababababab, now absent",
        "model whisper-small: absent, now cdcdcdcdcdcd",
        "onnxruntime: 1.31.1, now 1.32",
    )
    assert compare(old, old).differing == ()


@pytest.mark.parametrize("drift", [0.96, 1.0, 1.04])
def test_two_slow_stages_of_four_do_not_pass_for_a_slow_machine(drift: float) -> None:
    old = voice_to_voice(World(seed=1, scenarios=ONE))
    found = compare(old, voice_to_voice(World(seed=2, scenarios=ONE, drift=drift, slow={"stt": 1.35, "tts": 1.35})))
    assert {one.stage for one in found.changes if one.verdict == "worse" and one.stage} == {"stt", "tts"}


def test_a_longer_wait_is_reported_beside_the_stage_that_causes_it() -> None:
    old = voice_to_voice(World(seed=1, scenarios=ONE, noise=0.02))
    found = compare(old, voice_to_voice(World(seed=2, scenarios=ONE, noise=0.02, slow={"tts": 1.4})))
    assert "text-to-speech takes 1.4" in found.sentence
    assert "; voice to voice takes 1.1" in found.sentence
