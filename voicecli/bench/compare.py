"""Compare two results of the same measurement, in one sentence and metric by metric. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicecli.bench.changes import DRIFT, Change, CountChange, Verdict, drift, evidence, judge, judge_count
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
"""The most unsure metrics that a sentence names; the table has all of them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of `--compare`."""

    verdict: Verdict
    sentence: str
    changes: tuple[Change, ...]
    counts: tuple[CountChange, ...]
    differing: tuple[str, ...]  # conditions that were not the same
    drift: float | None  # ratio of all stages; None if unknown


def compare(old: Result, new: Result) -> Comparison:
    """Compare all metrics and counts that both results have. Raise SettingsError if they measure different things.

    Totals of the process cover everything that was measured, so they are compared only if both measured the same.
    """
    same_bench(old.bench, new.bench)
    before = {key_of(one): one for one in old.metrics}
    both = [(before[key_of(one)], one) for one in new.metrics if key_of(one) in before]
    found = [one for pair in both if (one := evidence(*pair, whole_s(old, pair[0]))) is not None]
    family = max(sum(one.new.better != "neither" for one in found), 1)
    machine = drift(found)
    changes = tuple(judge(one, family, machine) for one in found)
    old_counts = {(one.group, one.name): one for one in old.counts}
    alike = groups_of(old) == groups_of(new)
    pairs = [
        (old_counts[key], one)
        for one in new.counts
        if (key := (one.group, one.name)) in old_counts and (alike or one.group != PROCESS)
    ]
    counts = tuple(judge_count(*pair, len(pairs)) for pair in pairs)
    verdict = overall(changes, counts)
    sentence = summary_sentence(verdict, changes, counts, machine)
    return Comparison(verdict, sentence, changes, counts, tuple(differences(old, new)), machine)


def same_bench(old: str, new: str) -> None:
    """Raise SettingsError if two results are of different benches."""
    if old != new:
        raise SettingsError(
            f"the old result is of the bench {old}, this one of {new}", "compare results of the same bench"
        )


def groups_of(result: Result) -> set[str]:
    """Return what was measured: scenarios, models, modes."""
    return {metric.group for metric in result.metrics}


def key_of(metric: Metric) -> tuple[str, str, str]:
    """Return what identifies a metric; the stage, too, because its work may share the name of a part of the wait."""
    return metric.group, metric.name, metric.stage


def whole_s(result: Result, metric: Metric) -> float | None:
    """Return the median wait that the metric is a part of; None if it is not a part."""
    waits = result.samples(metric.group, VOICE_TO_VOICE)
    return statistics.median(waits) if waits and metric.name in PART_NAMES and not metric.stage else None


def overall(changes: Sequence[Change], counts: Sequence[CountChange]) -> Verdict:
    """Return worse if anything is worse, else better if anything is; unsure if half of the metrics or more are."""
    verdicts = [*(one.verdict for one in changes), *(one.verdict for one in counts)]
    for verdict in ("worse", "better"):
        if verdict in verdicts:
            return verdict
    doubtful = sum(one.verdict == "unsure" for one in changes)
    return "unsure" if not verdicts or (doubtful and 2 * doubtful >= len(changes)) else "same"


def summary_sentence(
    verdict: Verdict, changes: Sequence[Change], counts: Sequence[CountChange], machine: float | None
) -> str:
    """Return the comparison as one or more sentences."""
    sentences = []
    for one in ("worse", "better"):
        phrases = [*stage_phrases(changes, one), *(count_phrase(count) for count in counts if count.verdict == one)]
        if phrases:
            sentences.append(f"{one}: {'; '.join(phrases)}")
    if not sentences:
        sentences.append("same" if verdict == "same" else "unsure: too few or too noisy samples")
    if machine is not None:
        sentences += machine_sentence(machine)
    noisy = dict.fromkeys(f"{one.name} ({one.group})" for one in changes if one.verdict == "unsure")
    if noisy and verdict != "unsure":
        groups = dict.fromkeys(one.group for one in changes if one.verdict == "unsure")
        named = ", ".join(noisy) if len(noisy) <= MOST_NAMED else f"{len(noisy)} metrics of {', '.join(groups)}"
        sentences.append(f"too few or too noisy samples: {named}")
    first, *others = sentences
    return ". ".join([first, *(one[:1].upper() + one[1:] for one in others)])


def machine_sentence(machine: float) -> list[str]:
    """Return a sentence about the drift of the machine, if it is worth one."""
    as_long = f"{machine:.2f} times as long"
    if machine > DRIFT or machine < 1 / DRIFT:
        return [f"all stages together took {as_long}: too much to be attributed to the machine"]
    if machine > REPORTED_DRIFT or machine < 1 / REPORTED_DRIFT:
        return [f"all stages together took {as_long}: attributed to the machine and removed from each"]
    return []


def stage_phrases(changes: Sequence[Change], verdict: Verdict) -> Iterator[str]:
    """Yield each stage once, by its surest metric; then the wait; other metrics only if no stage explains them."""
    changed = [one for one in changes if one.verdict == verdict]
    stages = dict.fromkeys(one.stage for one in changed if one.stage)
    for stage in stages:
        yield phrase(max((one for one in changed if one.stage == stage), key=sureness))
    waits = [one for one in changed if one.name == VOICE_TO_VOICE]
    others = [] if stages or waits else [one for one in changed if not one.stage]
    for one in (*waits[:1], *others):
        yield phrase(one)


def sureness(one: Change) -> float:
    """Return how far the interval is from no change; seconds come before ratios derived from them."""
    if one.between is None or not one.is_ratio:
        return 0.0
    distance = max(one.between.low, 1 / one.between.high)
    return distance + (1000 if one.unit == "s" else 0)


def phrase(one: Change) -> str:
    """Return a phrase such as "speech-to-text takes 1.31 times as long (1.24 to 1.38; decode, quiet)"."""
    subject = STAGE_WORDS.get(one.stage, one.stage) or one.name
    where = f"{one.name}, {one.group}" if one.stage else one.group
    if one.is_ratio:
        verb = "takes {} times as long" if one.unit == "s" else "is {} times as much"
        between = one.between and f"{one.between.low:.2f} to {one.between.high:.2f}"
        return f"{subject} {verb.format(f'{one.by:.2f}')} ({between}; {where})"
    between = one.between and f"{quantity(one.between.low, one.unit)} to {quantity(one.between.high, one.unit)}"
    return f"{subject} is {quantity(abs(one.by), one.unit)} {'more' if one.by > 0 else 'less'} ({between}; {where})"


def count_phrase(one: CountChange) -> str:
    """Return a phrase such as "answered 12 of 12, now 6 of 12 (quiet)"."""
    return f"{one.new.name} {count_text(one.old.value, one.old.out_of, one.old.unit)}, now " + (
        f"{count_text(one.new.value, one.new.out_of, one.new.unit)} ({one.new.group})"
    )


def count_text(value: float, out_of: float | None, unit: str) -> str:
    """Return a count as text, such as "3 of 12" or "812 MB"."""
    return f"{number(value)} of {number(out_of)}" if out_of is not None else f"{number(value)} {unit}".rstrip()


def differences(old: Result, new: Result) -> Iterator[str]:
    """Yield the conditions that differ and make two results hard to compare, each as a line."""
    conditions: tuple[tuple[str, Callable[[Result], object]], ...] = (
        ("processor", lambda one: one.machine.processor),
        ("cores", lambda one: one.machine.cores),
        ("threads", lambda one: one.machine.threads),
        ("memory, GB", lambda one: one.machine.memory_gb),
        ("system", lambda one: one.machine.system),
        ("GPU", lambda one: one.machine.gpu or "none"),
        ("Python", lambda one: one.machine.python),
        ("device", lambda one: one.device),
        ("corpus", lambda one: one.corpus),
        ("seed", lambda one: one.seed),
    )
    for name, value in conditions:
        if value(old) != value(new):
            yield f"{name}: {value(old)}, now {value(new)}"
    yield from entries("", old.settings, new.settings)
    yield from entries("model ", shortened(old.models), shortened(new.models))
    yield from entries("", old.machine.libraries, new.machine.libraries)


def entries(kind: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    """Yield the entries that changed, appeared or disappeared."""
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield f"{kind}{name}: {old.get(name, 'absent')}, now {new.get(name, 'absent')}"


def shortened(hashes: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes, shortened to 12 digits."""
    return {name: value[:12] for name, value in hashes.items()}
