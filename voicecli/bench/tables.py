"""Result -> the cells of its tables, for screen, Markdown and HTML alike. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from voicecli.bench.changes import Change
from voicecli.bench.compare import STAGE_WORDS, Comparison, counted
from voicecli.bench.result import VOICE_TO_VOICE, Metric, Result
from voicecli.bench.summary import cell, span, summarize, unit_name
from voicecli.conversation.latency import PART_NAMES, percentile

Rows = tuple[tuple[str, ...], ...]
LEGEND = "p50 to p99 by nearest rank; ± is the 95 % interval of p50, by bootstrap."


@dataclass(frozen=True, slots=True)
class Table:
    """Text in the first column, figures in the others."""

    title: str
    head: tuple[str, ...]
    rows: Rows


HEAD = ("n", "p50", "±", "p90", "p95", "p99", "worst", "mean")


def title(result: Result) -> str:
    """What was measured, as a heading."""
    name = STAGE_WORDS.get(result.bench, result.bench)
    return name[:1].upper() + name[1:]


def when(result: Result) -> str:
    """When it was taken; as it stands in the file where that is no time."""
    try:
        return datetime.fromisoformat(result.taken_at).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return result.taken_at


def measurement_tables(result: Result) -> Iterator[Table]:
    """Voice to voice by scenario, then all else group by group; parts of the wait are the waterfall's."""
    waits = [one for one in result.metrics if one.name == VOICE_TO_VOICE]
    if waits:
        yield Table("Voice to voice, ms", ("", *HEAD), tuple((one.group, *figures(one)) for one in waits))
    elif len(result.groups) > 1:
        yield overview(result)
    for group in result.groups:
        mine = [one for one in result.metrics if one.group == group and one.name != VOICE_TO_VOICE and not is_part(one)]
        rows = tuple((named(one), *figures(one)) for one in mine if one.samples)
        if rows:
            yield Table(group, ("", *HEAD), rows)


def overview(result: Result) -> Table:
    """A line for each group: medians, of shares means (most recordings have no word wrong), counts."""
    metrics = {one.name: one for one in result.metrics}
    counts = dict.fromkeys(one.name for one in result.counts)
    found = {(one.group, one.name): typical(one) for one in result.metrics if one.samples}
    found |= {(one.group, one.name): counted(one.value, one.out_of, one.unit) for one in result.counts}
    head = (*(named(one) + (" (mean)" if one.unit == "%" else "") for one in metrics.values()), *counts)
    names = (*metrics, *counts)
    rows = tuple((group, *(found.get((group, name), "–") for name in names)) for group in result.groups)
    return Table("Medians", ("", *head), rows)


def typical(metric: Metric) -> str:
    """The mean of a share, the median of all else."""
    samples = metric.samples
    return cell(statistics.fmean(samples) if metric.unit == "%" else percentile(samples, 50), metric.unit)


def parts_table(result: Result) -> Table | None:
    """What each part added to the wait; None where no wait was measured."""
    parts = [one for one in result.metrics if is_part(one) and one.samples]
    rows = tuple((f"{one.name}, {one.group}", *figures(one)) for one in parts)
    return Table("What each part added to the wait, ms", ("", *HEAD), rows) if rows else None


def is_part(metric: Metric) -> bool:
    return metric.name in PART_NAMES and not metric.stage


def named(metric: Metric) -> str:
    """With its unit, as it stands in a row's first cell."""
    unit = unit_name(metric.unit)
    return f"{metric.name}, {unit}" if unit else metric.name


def figures(metric: Metric) -> tuple[str, ...]:
    """One for each of HEAD."""
    found = summarize(metric.samples, higher_is_better=metric.better == "higher")
    if found is None:
        return ("0", *["–"] * (len(HEAD) - 1))
    p50, p90, p95, p99, worst, mean = (
        cell(value, metric.unit) for value in (found.p50, found.p90, found.p95, found.p99, found.worst, found.mean)
    )
    return (str(found.n), p50, span(found.interval, metric.unit), p90, p95, p99, worst, mean)


def count_table(result: Result) -> Table | None:
    """Counts by group; None where nothing was counted."""
    if not result.counts:
        return None
    groups = tuple(dict.fromkeys(one.group for one in result.counts))
    cells = {(one.name, one.group): counted(one.value, one.out_of, one.unit) for one in result.counts}
    names = dict.fromkeys(one.name for one in result.counts)
    rows = tuple((name, *(cells.get((name, group), "–") for group in groups)) for name in names)
    return Table("Counts", ("", *groups), rows)


def comparison_table(comparison: Comparison) -> Table:
    """Each metric and count that both results have, changed ones first."""
    order = ("worse", "better", "unsure", "same")
    rows = [
        (one.verdict, f"{named_change(one)}", cell(one.before, one.unit), cell(one.after, one.unit), by(one))
        for one in comparison.changes
    ]
    for one in comparison.counts:
        before, after = (counted(each.value, each.out_of, each.unit) for each in (one.old, one.new))
        chance = "" if one.chance is None else f"p = {one.chance:.2g}"
        rows.append((one.verdict, f"{one.new.name}, {one.new.group}", before, after, chance))
    rows.sort(key=lambda row: order.index(row[0]))
    return Table("Compared", ("", "metric", "before", "now", "change (95 %)"), tuple(rows))


def named_change(one: Change) -> str:
    unit = unit_name(one.unit)
    return f"{one.name}, {one.group}" + (f", {unit}" if unit else "")


def by(one: Change) -> str:
    """Times as much, or more and less, with the interval."""
    if one.is_ratio:
        between = f" ({one.between.low:.2f}–{one.between.high:.2f})" if one.between else ""
        return f"× {one.by:.2f}{between}"
    between = f" ({signed(one.between.low, one.unit)} to {signed(one.between.high, one.unit)})" if one.between else ""
    return signed(one.by, one.unit) + between


def signed(value: float, unit: str) -> str:
    text = cell(value, unit)
    return text if text.startswith("-") or not float(text) else f"+{text}"


def conditions(result: Result) -> tuple[tuple[str, str], ...]:
    """What it ran on and how, name and value."""
    machine = result.machine
    pairs: Sequence[tuple[str, str]] = (
        ("processor", f"{machine.processor}, {machine.cores} cores, {machine.threads} threads"),
        ("memory", f"{machine.memory_gb:.1f} GB"),
        ("GPU", machine.gpu),
        ("system", f"{machine.system}, Python {machine.python}"),
        ("device", result.device),
        ("voicecli", result.version),
        ("taken", f"{when(result)}, in {result.took_s:.0f} s"),
        ("what was said", result.corpus),
        ("seed", str(result.seed)),
        ("not counted", ", ".join(f"{name} {took_s:.1f} s" for name, took_s in result.warm_ups.items())),
    )
    return tuple((name, value) for name, value in pairs if value)
