"""Write a result as one HTML page that needs no script, no other file and no network. `page.html.j2` has its layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from voicecli.bench import plots
from voicecli.bench.compare import Comparison, count_text
from voicecli.bench.result import VOICE_TO_VOICE, Metric, Result, TurnRecord
from voicecli.bench.summary import MS, quantity, summarize
from voicecli.bench.tables import (
    LEGEND,
    Table,
    comparison_table,
    conditions,
    count_table,
    measurement_tables,
    parts_table,
    title,
    when,
)
from voicecli.bench.waterfall import Lane, lanes, wait_s
from voicecli.conversation.latency import percentile
from voicecli.errors import SettingsError

LIBRARIES = ("jinja2", "matplotlib")


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The wait of one turn, or the medians of a group's turns."""

    name: str
    wait: str
    lanes: tuple[Lane, ...]
    turn: TurnRecord | None = None  # None: medians


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its heading."""

    heading: str
    svg: str


def require_libraries(option: str = "--html") -> None:
    """Raise SettingsError if a library that the page of `option` needs is not installed."""
    absent = [name for name in LIBRARIES if find_spec(name) is None]
    if absent:
        raise SettingsError(f"{option} needs {' and '.join(absent)}, not installed", "pip install 'voicecli[bench]'")


def html_page(result: Result, comparison: Comparison | None = None) -> str:
    """Return the whole page; all text is escaped. Raise SettingsError if a library is missing."""
    require_libraries()
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("voicecli.bench", ""), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["quantity"] = quantity
    ticks_s = plots.ticks_s(
        max((max(sum(one.parts_s), *(end for _, end in one.work_s)) for one in result.turns), default=1.0)
    )
    return environment.get_template("page.html.j2").render(
        result=result,
        title=title(result),
        when=when(result),
        tiles=list(tiles(result)),
        comparison=comparison,
        compared=changed_and_same(comparison) if comparison else None,
        distribution=distribution(result),
        accuracy=accuracy(result),
        waterfalls=list(waterfalls(result)),
        ticks_s=ticks_s,
        ms=MS,
        stages=list(stage_bars(result)),
        tables=list(measurement_tables(result)),
        more_tables=[one for one in (parts_table(result), count_table(result)) if one],
        legend=LEGEND,
        conditions=list(measured(result)),
    )


def tiles(result: Result) -> Iterator[tuple[str, str]]:
    """Yield name and value of the main figures: those of the first metric, and the first share of its group."""
    found = main_metric(result)
    summary = summarize(found.samples, higher_is_better=found.better == "higher") if found else None
    if found is None or summary is None:
        return
    for name, value in (("p50", summary.p50), ("p95", summary.p95), ("worst", summary.worst)):
        yield f"{name}, {found.name}, {found.group}", quantity(value, found.unit)
    shares = (one for one in result.counts if one.group == found.group and one.out_of)
    if (share := next(shares, None)) is not None:
        yield f"{share.name}, {share.group}", count_text(share.value, share.out_of, share.unit)


def main_metric(result: Result) -> Metric | None:
    """Return voice to voice, else the first metric with samples; None without one."""
    with_samples = [one for one in result.metrics if one.samples]
    return next((one for one in with_samples if one.name == VOICE_TO_VOICE), next(iter(with_samples), None))


def changed_and_same(comparison: Comparison) -> tuple[Table, Table]:
    """Return the comparison's table in two parts: what changed, and what is the same."""
    table = comparison_table(comparison)
    changed = tuple(row for row in table.rows if row[0] != "same")
    same = tuple(row for row in table.rows if row[0] == "same")
    return replace(table, rows=changed), replace(table, rows=same)


def distribution(result: Result) -> Chart | None:
    """Return the samples of the main metric in each group; None without samples."""
    main = main_metric(result)
    if main is None:
        return None
    rows = [(one.group, one.samples) for one in result.metrics if one.name == main.name and one.samples]
    svg = plots.strips(f"{main.name}, each sample", rows, main.unit)
    return Chart(f"Distribution of {main.name}", svg)


def accuracy(result: Result) -> str:
    """Return a drawing of word errors against latency; empty unless several groups have both."""
    points = []
    for group in result.groups:
        times, errors = result.samples(group, "latency"), result.samples(group, "WER")
        if times and errors:
            points.append(plots.Point(group, percentile(times, 50), sum(errors) / len(errors)))
    if len(points) < 2:
        return ""
    return plots.scatter("Word error rate against latency", points, ("s", "%"), ("latency", "word error rate"))


def stage_bars(result: Result) -> Iterator[Chart]:
    """Yield the work of each stage, in seconds, by group; one drawing of all groups if each has the same one metric."""
    by_group: dict[str, list[plots.Bar]] = {}
    for one in result.metrics:
        summary = summarize(one.samples)
        if one.stage and one.unit == "s" and summary is not None:
            bar = plots.Bar(f"{one.name} ({one.stage})", summary.p50, summary.p95, summary.interval)
            by_group.setdefault(one.group, []).append(bar)
    longest_s = max((bar.until for rows in by_group.values() for bar in rows), default=0.0)
    names = {tuple(bar.name for bar in rows) for rows in by_group.values()}
    if len(names) == 1 and len(name := names.pop()) == 1:
        rows = [replace(bars[0], name=group) for group, bars in by_group.items()]
        by_group = {name[0]: rows}
    for heading, rows in by_group.items():
        yield Chart(heading, plots.bars(f"Work of the stages, {heading}", rows, "s", longest_s))


def waterfalls(result: Result) -> Iterator[tuple[Waterfall, list[Waterfall]]]:
    """Yield each group's medians, and its turns."""
    for group in dict.fromkeys(turn.group for turn in result.turns):
        turns = [turn for turn in result.turns if turn.group == group]
        medians = f"{group}: {quantity(wait_s(turns), 's')}, medians of {len(turns)} turns"
        yield waterfall(medians, turns), [waterfall(turn.name, [turn], turn) for turn in turns]


def waterfall(name: str, turns: Sequence[TurnRecord], turn: TurnRecord | None = None) -> Waterfall:
    """Return the waterfall of the medians of `turns`."""
    return Waterfall(name, quantity(wait_s(turns), "s"), lanes(turns), turn)


def measured(result: Result) -> Iterator[Table]:
    """Yield machine, libraries, models and settings as tables, without the empty ones."""
    settings = tuple((name, str(value)) for name, value in result.settings.items())
    for caption, rows in (
        ("Machine and run", conditions(result)),
        ("Libraries", tuple(result.machine.libraries.items())),
        ("Models (SHA-256)", tuple(result.models.items())),
        ("Settings", settings),
    ):
        if rows:
            yield Table(caption, (), rows)
