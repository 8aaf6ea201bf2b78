"""Turn a result into the cells of its tables, for the screen, Markdown and HTML. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from voicecli.bench.changes import Change
from voicecli.bench.compare import STAGE_WORDS, Comparison, count_text
from voicecli.bench.result import ANSWERS, PROCESS, VOICE_TO_VOICE, Metric, Result
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
    """Return what was measured, as a heading."""
    name = STAGE_WORDS.get(result.bench, result.bench)
    return name[:1].upper() + name[1:]


def when(result: Result) -> str:
    """Return when the result was measured; the raw text if it is not a time."""
    try:
        return datetime.fromisoformat(result.taken_at).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return result.taken_at


def measurement_tables(result: Result) -> Iterator[Table]:
    """Yield voice to voice by scenario, then the other metrics by group; the waterfall has the parts of the wait."""
    if result.bench == ANSWERS:
        yield by_model(result)
        return
    waits = [one for one in result.metrics if one.name == VOICE_TO_VOICE]
    if waits:
        yield Table("Voice to voice, ms", ("", *HEAD), tuple((one.group, *figures(one)) for one in waits))
    elif len(result.groups) > 1:
        yield overview(result)
    for group in result.groups:
        mine = [one for one in result.metrics if one.group == group and one.name != VOICE_TO_VOICE and not is_part(one)]
        rows = tuple((metric_label(one), *figures(one)) for one in mine if one.samples)
        if rows:
            yield Table(group, ("", *HEAD), rows)


def overview(result: Result) -> Table:
    """Return one row a group: medians (for shares means, because most recordings have no wrong word) and counts."""
    metrics = {one.name: one for one in result.metrics}
    counts = dict.fromkeys(one.name for one in result.counts)
    found = {(one.group, one.name): typical(one) for one in result.metrics if one.samples}
    found |= {(one.group, one.name): count_text(one.value, one.out_of, one.unit) for one in result.counts}
    head = (*(metric_label(one) + (" (mean)" if one.unit == "%" else "") for one in metrics.values()), *counts)
    names = (*metrics, *counts)
    rows = tuple((group, *(found.get((group, name), "–") for name in names)) for group in result.groups)
    return Table("Medians", ("", *head), rows)


def by_model(result: Result) -> Table:
    """Return one column a model: what was right, what was wrong with the other answers, and medians."""
    models = tuple(dict.fromkeys(one.group for one in result.metrics))
    cells = {(one.group, one.name): count_text(one.value, one.out_of, one.unit) for one in result.counts}
    cells |= {(one.group, metric_label(one)): typical(one) for one in result.metrics if one.samples}
    names = dict.fromkeys(name for group, name in cells if group in models)
    rows = tuple((name, *(cells.get((model, name), "–") for model in models)) for name in names)
    return Table("Right answers, and medians", ("", *models), rows)


def typical(metric: Metric) -> str:
    """Return the mean of a share, the median of anything else, as a cell."""
    samples = metric.samples
    return cell(statistics.fmean(samples) if metric.unit == "%" else percentile(samples, 50), metric.unit)


def parts_table(result: Result) -> Table | None:
    """Return what each part added to the wait; None if no wait was measured."""
    parts = [one for one in result.metrics if is_part(one) and one.samples]
    rows = tuple((f"{one.name}, {one.group}", *figures(one)) for one in parts)
    return Table("What each part added to the wait, ms", ("", *HEAD), rows) if rows else None


def is_part(metric: Metric) -> bool:
    """Return whether a metric is a part of the wait."""
    return metric.name in PART_NAMES and not metric.stage


def metric_label(metric: Metric) -> str:
    """Return a metric's name with its unit, for the first cell of a row."""
    unit = unit_name(metric.unit)
    return f"{metric.name}, {unit}" if unit else metric.name


def figures(metric: Metric) -> tuple[str, ...]:
    """Return one cell for each column of HEAD."""
    found = summarize(metric.samples, higher_is_better=metric.better == "higher")
    if found is None:
        return ("0", *["–"] * (len(HEAD) - 1))
    p50, p90, p95, p99, worst, mean = (
        cell(value, metric.unit) for value in (found.p50, found.p90, found.p95, found.p99, found.worst, found.mean)
    )
    return (str(found.n), p50, span(found.interval, metric.unit), p90, p95, p99, worst, mean)


def count_table(result: Result) -> Table | None:
    """Return counts by group; None if nothing was counted. Those of models are in `by_model`."""
    counts = [one for one in result.counts if result.bench != ANSWERS or one.group == PROCESS]
    if not counts:
        return None
    groups = tuple(dict.fromkeys(one.group for one in counts))
    cells = {(one.name, one.group): count_text(one.value, one.out_of, one.unit) for one in counts}
    names = dict.fromkeys(one.name for one in counts)
    rows = tuple((name, *(cells.get((name, group), "–") for group in groups)) for name in names)
    return Table("Counts", ("", *groups), rows)


def comparison_table(comparison: Comparison) -> Table:
    """Return each metric and count that both results have, changed ones first."""
    order = ("worse", "better", "unsure", "same")
    rows = [
        (one.verdict, change_label(one), cell(one.before, one.unit), cell(one.after, one.unit), change_text(one))
        for one in comparison.changes
    ]
    for one in comparison.counts:
        before, after = (count_text(each.value, each.out_of, each.unit) for each in (one.old, one.new))
        chance = "" if one.chance is None else f"p = {one.chance:.2g}"
        rows.append((one.verdict, f"{one.new.name}, {one.new.group}", before, after, chance))
    rows.sort(key=lambda row: order.index(row[0]))
    return Table("Compared", ("", "metric", "before", "now", "change (95 %)"), tuple(rows))


def change_label(one: Change) -> str:
    """Return name, group and unit of a change."""
    unit = unit_name(one.unit)
    return f"{one.name}, {one.group}" + (f", {unit}" if unit else "")


def change_text(one: Change) -> str:
    """Return a change as a ratio or a signed difference, with its interval."""
    if one.is_ratio:
        between = f" ({one.between.low:.2f}–{one.between.high:.2f})" if one.between else ""
        return f"× {one.by:.2f}{between}"
    between = f" ({signed(one.between.low, one.unit)} to {signed(one.between.high, one.unit)})" if one.between else ""
    return signed(one.by, one.unit) + between


def signed(value: float, unit: str) -> str:
    """Return a value as a cell, with a sign."""
    text = cell(value, unit)
    return text if text.startswith("-") or not float(text) else f"+{text}"


def conditions(result: Result) -> tuple[tuple[str, str], ...]:
    """Return where and how the measurement ran, as names and values."""
    machine = result.machine
    pairs: Sequence[tuple[str, str]] = (
        ("processor", f"{machine.processor}, {machine.cores} cores, {machine.threads} threads"),
        ("memory", f"{machine.memory_gb:.1f} GB"),
        ("GPU", machine.gpu),
        ("system", f"{machine.system}, Python {machine.python}"),
        ("device", result.device),
        ("voicecli", result.version),
        ("measured", f"{when(result)}, in {result.took_s:.0f} s"),
        ("corpus", result.corpus),
        ("seed", str(result.seed)),
        ("warm-ups", ", ".join(f"{name} {took_s:.1f} s" for name, took_s in result.warm_ups.items())),
    )
    return tuple((name, value) for name, value in pairs if value)
