"""Two results of the same measurement: what changed, in one sentence and metric by metric. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicecli.bench.changes import DRIFT, Change, Verdict, drift, evidence, judge
from voicecli.bench.count_changes import CountChange, judge_count
from voicecli.bench.result import PROCESS, VOICE_TO_VOICE, Metric, Result
from voicecli.bench.summary import number, quantity
from voicecli.conversation.latency import PART_NAMES
from voicecli.errors import SettingsError

STAGE_WORDS = {
    "endpoint": "end of turn",
    "stt": "speech-to-text",
    "llm": "language model",
    "tts": "text-to-speech",
}
REPORTED_DRIFT = 1.02

MOST_NAMED = 4
"""Measures of which nothing can be said, in a sentence; the table has each of them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `--compare` found."""

    verdict: Verdict
    sentence: str
    changes: tuple[Change, ...]
    counts: tuple[CountChange, ...]
    differing: tuple[str, ...]  # conditions that were not the same
    drift: float | None  # times as long, all stages; None where it cannot be known


def compare(old: Result, new: Result) -> Comparison:
    """All metrics and counts that both have. Raises SettingsError where they measure different things.

    Totals of the process are of all that was measured, so they say something only where that was the same.
    """
    same_bench(old.bench, new.bench)
    before = {key_of(one): one for one in old.metrics}
    both = [(before[key_of(one)], one) for one in new.metrics if key_of(one) in before]
    found = [one for pair in both if (one := evidence(*pair, whole_s(old, pair[0]))) is not None]
    family = max(sum(one.new.better != "neither" for one in found), 1)
    machine = drift(found)
    changes = tuple(judge(one, family, machine) for one in found)
    counted = {(one.group, one.name): one for one in old.counts}
    alike = groups_of(old) == groups_of(new)
    pairs = [
        (counted[key], one)
        for one in new.counts
        if (key := (one.group, one.name)) in counted and (alike or one.group != PROCESS)
    ]
    counts = tuple(judge_count(*pair, len(pairs)) for pair in pairs)
    verdict = overall(changes, counts)
    sentence = reported(verdict, changes, counts, machine)
    return Comparison(verdict, sentence, changes, counts, tuple(differences(old, new)), machine)


def same_bench(old: str, new: str) -> None:
    """Raises SettingsError where they are not."""
    if old != new:
        raise SettingsError(
            f"the result to compare with is of {old}, this one of {new}", "compare results of the same bench"
        )


def groups_of(result: Result) -> set[str]:
    """What was measured: scenarios, models, modes."""
    return {metric.group for metric in result.metrics}


def key_of(metric: Metric) -> tuple[str, str, str]:
    """A stage's work may bear the name of a part of the wait."""
    return metric.group, metric.name, metric.stage


def whole_s(result: Result, metric: Metric) -> float | None:
    """The median wait of which the metric is a part; None where it is none."""
    waits = result.samples(metric.group, VOICE_TO_VOICE)
    return statistics.median(waits) if waits and metric.name in PART_NAMES and not metric.stage else None


def overall(changes: Sequence[Change], counts: Sequence[CountChange]) -> Verdict:
    """Worse as soon as anything is; unsure where half of the metrics or more are."""
    verdicts = [*(one.verdict for one in changes), *(one.verdict for one in counts)]
    for verdict in ("worse", "better"):
        if verdict in verdicts:
            return verdict
    doubtful = sum(one.verdict == "unsure" for one in changes)
    return "unsure" if not verdicts or (doubtful and 2 * doubtful >= len(changes)) else "same"


def reported(verdict: Verdict, changes: Sequence[Change], counts: Sequence[CountChange], machine: float | None) -> str:
    """The sentence."""
    sentences = []
    for one in ("worse", "better"):
        phrases = [*stage_phrases(changes, one), *(count_phrase(count) for count in counts if count.verdict == one)]
        if phrases:
            sentences.append(f"{one}: {'; '.join(phrases)}")
    if not sentences:
        sentences.append("same" if verdict == "same" else "unsure: too few samples, or too noisy ones, to say")
    if machine is not None:
        sentences += machine_sentence(machine)
    noisy = dict.fromkeys(f"{one.name} ({one.group})" for one in changes if one.verdict == "unsure")
    if noisy and verdict != "unsure":
        groups = dict.fromkeys(one.group for one in changes if one.verdict == "unsure")
        named = ", ".join(noisy) if len(noisy) <= MOST_NAMED else f"{len(noisy)} measures of {', '.join(groups)}"
        sentences.append(f"too few samples, or too noisy ones, to say: {named}")
    first, *others = sentences
    return ". ".join([first, *(one[:1].upper() + one[1:] for one in others)])


def machine_sentence(machine: float) -> list[str]:
    """What all stages have in common, where that is worth a word."""
    as_long = f"{machine:.2f} times as long"
    if machine > DRIFT or machine < 1 / DRIFT:
        return [f"all stages together took {as_long}: too much to be put down to the machine"]
    if machine > REPORTED_DRIFT or machine < 1 / REPORTED_DRIFT:
        return [f"all stages together took {as_long}: put down to the machine, and taken out of each"]
    return []


def stage_phrases(changes: Sequence[Change], verdict: Verdict) -> Iterator[str]:
    """Each stage once, by its surest metric; then the wait; other metrics only where no stage explains them."""
    changed = [one for one in changes if one.verdict == verdict]
    stages = dict.fromkeys(one.stage for one in changed if one.stage)
    for stage in stages:
        yield phrase(max((one for one in changed if one.stage == stage), key=sureness))
    waits = [one for one in changed if one.name == VOICE_TO_VOICE]
    others = [] if stages or waits else [one for one in changed if not one.stage]
    for one in (*waits[:1], *others):
        yield phrase(one)


def sureness(one: Change) -> float:
    """How far the interval keeps from no change; seconds before ratios that are made of them."""
    if one.between is None or not one.is_ratio:
        return 0.0
    kept = max(one.between.low, 1 / one.between.high)
    return kept + (1000 if one.unit == "s" else 0)


def phrase(one: Change) -> str:
    """Such as "speech-to-text takes 1.31 times as long (1.24 to 1.38; decode, quiet)"."""
    who = STAGE_WORDS.get(one.stage, one.stage) or one.name
    where = f"{one.name}, {one.group}" if one.stage else one.group
    if one.is_ratio:
        verb = "takes {} times as long" if one.unit == "s" else "is {} times as much"
        between = one.between and f"{one.between.low:.2f} to {one.between.high:.2f}"
        return f"{who} {verb.format(f'{one.by:.2f}')} ({between}; {where})"
    between = one.between and f"{quantity(one.between.low, one.unit)} to {quantity(one.between.high, one.unit)}"
    return f"{who} is {quantity(abs(one.by), one.unit)} {'more' if one.by > 0 else 'less'} ({between}; {where})"


def count_phrase(one: CountChange) -> str:
    """Such as "answered 12 of 12, now 6 of 12 (quiet)"."""
    return f"{one.new.name} {counted(one.old.value, one.old.out_of, one.old.unit)}, now " + (
        f"{counted(one.new.value, one.new.out_of, one.new.unit)} ({one.new.group})"
    )


def counted(value: float, out_of: float | None, unit: str) -> str:
    """A count as it is written everywhere."""
    return f"{number(value)} of {number(out_of)}" if out_of is not None else f"{number(value)} {unit}".rstrip()


def differences(old: Result, new: Result) -> Iterator[str]:
    """Conditions that make two results hard to compare, each in a line."""
    conditions: tuple[tuple[str, Callable[[Result], object]], ...] = (
        ("processor", lambda one: one.machine.processor),
        ("cores", lambda one: one.machine.cores),
        ("threads", lambda one: one.machine.threads),
        ("memory, GB", lambda one: one.machine.memory_gb),
        ("system", lambda one: one.machine.system),
        ("GPU", lambda one: one.machine.gpu or "none"),
        ("Python", lambda one: one.machine.python),
        ("device", lambda one: one.device),
        ("what was said", lambda one: one.corpus),
        ("seed", lambda one: one.seed),
    )
    for name, value in conditions:
        if value(old) != value(new):
            yield f"{name}: {value(old)}, now {value(new)}"
    yield from entries("", old.settings, new.settings)
    yield from entries("model ", shortened(old.models), shortened(new.models))
    yield from entries("", old.machine.libraries, new.machine.libraries)


def entries(kind: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    """Those that changed, came or went."""
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield f"{kind}{name}: {old.get(name, 'absent')}, now {new.get(name, 'absent')}"


def shortened(hashes: Mapping[str, str]) -> dict[str, str]:
    """As long as one needs to tell them apart."""
    return {name: value[:12] for name, value in hashes.items()}
