"""A result as one page of HTML that needs nothing beside itself: no script, no other file, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from importlib.resources import files

from voicecli.bench import plots
from voicecli.bench.compare import Comparison, counted
from voicecli.bench.result import VOICE_TO_VOICE, Result, TurnRecord
from voicecli.bench.summary import quantity, summarize
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
from voicecli.bench.waterfall import lanes, wait_s
from voicecli.conversation.latency import percentile

SMALL_KEYS = {
    "added": '<svg width="22" height="14"><rect class="added" width="22" height="14"/></svg>',
    "hidden": '<svg width="22" height="14"><rect class="hidden" y="4" width="22" height="6"/></svg>',
    "p50": '<svg width="6" height="14"><line class="p50" x1="3" x2="3" y1="0" y2="14"/></svg>',
    "p95": '<svg width="6" height="14"><line class="p95" x1="3" x2="3" y1="0" y2="14"/></svg>',
    "reach": '<svg width="22" height="14"><rect class="reach" y="6" width="22" height="2"/></svg>',
    "bracket": '<svg width="14" height="14"><line class="bracket" x1="2" x2="2" y1="0" y2="14"/>'
    '<line class="bracket" x1="12" x2="12" y1="0" y2="14"/></svg>',
}


def html_page(result: Result, comparison: Comparison | None = None) -> str:
    """The whole page. All that was measured or typed is escaped."""
    style = files("voicecli.bench").joinpath("page.css").read_text(encoding="utf8")
    name = f"voicecli bench: {title(result)}"
    body = "\n".join(sections(result, comparison))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def sections(result: Result, comparison: Comparison | None) -> Iterator[str]:
    """In reading order: the answer first, how it was measured last."""
    machine = result.machine
    yield f"<h1>{escape(title(result))}</h1>"
    yield quiet(
        f"voicecli {result.version} on {machine.processor}, {machine.cores} cores, {result.device}; {result.corpus}; "
        f"{when(result)}"
    )
    yield tiles(result)
    yield from (
        f'<div class="doubt"><p><strong>Doubtful:</strong> {escape(doubt)}</p></div>' for doubt in result.doubts
    )
    if comparison is not None:
        yield from compared(comparison)
    yield from distribution(result)
    yield from accuracy(result)
    yield from waterfalls(result)
    yield from stage_bars(result)
    yield "<h2>All figures</h2>"
    yield from (html_table(one) for one in measurement_tables(result))
    yield quiet(LEGEND)
    yield from (html_table(one) for one in (parts_table(result), count_table(result)) if one is not None)
    yield from measured(result)


def tiles(result: Result) -> str:
    """The few figures that one looks for first: of the first metric, and the counts of its group."""
    found = next((one for one in result.metrics if one.name == VOICE_TO_VOICE and one.samples), None)
    found = found or next((one for one in result.metrics if one.samples), None)
    if found is None:
        return ""
    summary = summarize(found.samples, higher_is_better=found.better == "higher")
    assert summary is not None
    pairs = [
        (f"{name}, {found.name}, {found.group}", quantity(value, found.unit))
        for name, value in (("p50", summary.p50), ("p95", summary.p95), ("worst", summary.worst))
    ]
    pairs += [
        (f"{one.name}, {one.group}", counted(one.value, one.out_of, one.unit))
        for one in result.counts
        if one.group == found.group and one.out_of
    ][:1]
    shown = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="tiles">{shown}</dl>'


def compared(comparison: Comparison) -> Iterator[str]:
    yield "<h2>Compared with the result before</h2>"
    yield f'<div class="verdict {comparison.verdict}"><p><strong>{escape(comparison.sentence)}</strong></p></div>'
    if comparison.differing:
        lines = "".join(f"<li>{escape(one)}</li>" for one in comparison.differing)
        yield f"<p>Not measured alike:</p><ul>{lines}</ul>"
    table = comparison_table(comparison)
    changed, same = ([row for row in table.rows if (row[0] == "same") is alike] for alike in (False, True))
    if changed:
        yield html_table(replace(table, rows=tuple(changed)), "verdicts")
    if same:
        reported = f"{len(same)} the same" if changed else f"All {len(same)} metrics and counts"
        shown = html_table(replace(table, rows=tuple(same)), "verdicts")
        yield f"<details><summary><span>{reported}</span></summary>{shown}</details>"


def distribution(result: Result) -> Iterator[str]:
    """Voice to voice; each stage's bench, its first metric."""
    names = [one.name for one in result.metrics if one.samples]
    if not names:
        return
    name = VOICE_TO_VOICE if VOICE_TO_VOICE in names else names[0]
    mine = [one for one in result.metrics if one.name == name and not (one.stage and name == VOICE_TO_VOICE)]
    yield f"<h2>How {escape(name)} was spread</h2>"
    yield key(("p50", "p50: half are faster"), ("p95", "p95: one in twenty is slower"))
    yield plots.strips(f"{name}, each sample", [plots.Strip(one.group, one.samples) for one in mine], mine[0].unit)


def accuracy(result: Result) -> Iterator[str]:
    """Word errors against speed, where several groups have both."""
    points = []
    for group in result.groups:
        times, errors = result.samples(group, "latency"), result.samples(group, "WER")
        if times and errors:
            points.append(plots.Point(group, percentile(times, 50), sum(errors) / len(errors)))
    if len(points) > 1:
        yield "<h2>Word errors against speed</h2>"
        yield quiet("Down and to the left is better. Mean word error rate of the recordings, median latency.")
        units = ("s", "%")
        yield (
            '<p class="key">'
            + "".join(
                f'<span><svg class="mark" width="16" height="16">{plots.shape(index)}</svg>'
                f"{index + 1} {escape(plots.reported(point, units))}</span>"
                for index, point in enumerate(points)
            )
            + "</p>"
        )
        yield plots.scatter("Word error rate against latency", points, units, ("latency", "word error rate"))


def stage_bars(result: Result) -> Iterator[str]:
    """The work of each stage, in seconds, by group."""
    shown: dict[str, list[plots.Bar]] = {}
    for one in result.metrics:
        summary = summarize(one.samples)
        if one.stage and one.unit == "s" and summary is not None:
            bar = plots.Bar(f"{one.name} ({one.stage})", summary.p50, summary.p95, summary.interval)
            shown.setdefault(one.group, []).append(bar)
    if not shown:
        return
    longest_s = max(bar.until for rows in shown.values() for bar in rows)
    yield "<h2>What each stage's work took</h2>"
    yield key(("added", "median"), ("bracket", "its 95 % interval"), ("reach", "to p95"))
    names = {tuple(bar.name for bar in rows) for rows in shown.values()}
    if len(names) == 1 and len(name := names.pop()) == 1:
        of_groups = [replace(rows[0], name=group) for group, rows in shown.items()]
        yield f"<h3>{escape(name[0])}</h3>" + plots.bars(f"{name[0]} by group", of_groups, "s", longest_s)
        return
    for group, rows in shown.items():
        yield f"<h3>{escape(group)}</h3>" + plots.bars(f"Work of the stages, {group}", rows, "s", longest_s)


def waterfalls(result: Result) -> Iterator[str]:
    """Medians of each group, then each turn to be opened."""
    if not result.turns:
        return
    longest_s = max(max(sum(turn.parts_s), *(end for _, end in turn.work_s)) for turn in result.turns)
    yield "<h2>Where the wait went</h2>"
    yield key(
        ("added", "added to the wait"), ("hidden", "worked; where thin alone, the wait for the end of speech hid it")
    )
    for group in dict.fromkeys(turn.group for turn in result.turns):
        mine = [turn for turn in result.turns if turn.group == group]
        median_s = wait_s(mine)
        yield f"<h3>{escape(group)}: {quantity(median_s, 's')}, medians of {len(mine)} turns</h3>"
        yield plots.waterfall(
            f"Wait, {group}, medians", lanes(mine), median_s, max(map(wait_s, ([one] for one in mine)))
        )
        yield from (one_turn(turn, longest_s) for turn in mine)


def one_turn(turn: TurnRecord, longest_s: float) -> str:
    """Closed at first: its name and wait; inside, what was said and its own waterfall."""
    whole_s = wait_s([turn])
    said = "".join(
        f'<p><span class="quiet">{name}</span> {escape(text)}</p>'
        for name, text in (("Heard:", turn.heard), ("Answered:", turn.answer))
        if text
    )
    stages = lanes([turn])
    drawn = plots.waterfall(f"Wait, {turn.group}, {turn.name}", stages, whole_s, longest_s)
    return (
        f"<details><summary><span>{escape(turn.name)}</span>{plots.small_waterfall(stages, longest_s)}"
        f'<span class="figure">{quantity(whole_s, "s")}</span></summary>{said}{drawn}</details>'
    )


def measured(result: Result) -> Iterator[str]:
    """Machine, versions, models and settings."""
    yield "<h2>How it was measured</h2>"
    yield words("Machine and run", conditions(result))
    yield words("Libraries", tuple(result.machine.libraries.items()))
    yield words("Models (SHA-256)", tuple(result.models.items()))
    yield words("Settings", tuple((name, str(value)) for name, value in result.settings.items()))


def words(caption: str, rows: tuple[tuple[str, str], ...]) -> str:
    """Names and values; empty where there are none."""
    return html_table(Table(caption, (), rows), kind="words") if rows else ""


def html_table(one: Table, kind: str = "") -> str:
    """Scrolls by itself where the page is narrower."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in one.head)
    rows = "".join(f"<tr>{''.join(cells(row))}</tr>" for row in one.rows)
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    shown = f"<table><caption>{escape(one.title)}</caption>{head}<tbody>{rows}</tbody></table>"
    return f'<div class="wide {kind}" role="region" aria-label="{escape(one.title)}" tabindex="0">{shown}</div>'


def cells(row: Sequence[str]) -> Iterator[str]:
    """The first names the row; a verdict is marked as one."""
    for index, text in enumerate(row):
        if index == 0 and text in ("better", "worse"):
            yield f'<td class="{text}">{text}</td>'
        else:
            yield f'<th scope="row">{escape(text)}</th>' if index == 0 else f"<td>{escape(text)}</td>"


def key(*entries: tuple[str, str]) -> str:
    """What the marks of the drawing below mean."""
    shown = "".join(f"<span>{SMALL_KEYS[kind]}{escape(text)}</span>" for kind, text in entries)
    return f'<p class="key">{shown}</p>'


def quiet(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'
