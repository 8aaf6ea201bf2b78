"""Figures -> drawings as SVG. Pure; all text is escaped here.

They stand inside a page whose style sheet gives the colours. Across, all is in percent, so that a drawing is as wide as
its column and its letters keep their size on a phone. Nothing is told by colour alone: light and dark also differ in
height, marks in shape, and each figure stands beside its bar.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from voicecli.bench.summary import Interval, quantity, unit_name
from voicecli.bench.waterfall import Lane
from voicecli.conversation.latency import percentile

LANE, LABEL, BAR, THIN = 42, 15, 14, 6
AXIS = 22
SMALL = 4
MOST_TICKS = 4
NEAR = 1.6  # percent of the width: closer dots are put above each other
DOT, TALLEST = 4.0, 64.0
LEFT, RIGHT = 1.0, 98.0  # percent: where the axis begins and ends


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of `bars`."""

    name: str
    value: float
    until: float  # p95
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Strip:
    """One row of `strips`."""

    name: str
    samples: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One mark of `scatter`."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Axis:
    """From zero to a round number."""

    most: float
    step: float
    unit: str

    @classmethod
    def until(cls, value: float, unit: str) -> Axis:
        step = nice_step(value / MOST_TICKS)
        return cls(math.ceil(round(value / step, 9)) * step if value > 0 else step, step, unit)

    def at(self, value: float) -> float:
        """Percent of the width."""
        return LEFT + (RIGHT - LEFT) * value / self.most

    @property
    def ticks(self) -> list[float]:
        return [index * self.step for index in range(round(self.most / self.step) + 1)]


def nice_step(at_least: float) -> float:
    """1, 2 or 5 times a power of ten."""
    if at_least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(at_least))
    return power * next(one for one in (1, 2, 5, 10) if one * power >= at_least * (1 - 1e-9))


def waterfall(title: str, lanes: Sequence[Lane], wait_s: float, until_s: float) -> str:
    """A lane for each stage up to `until_s`: thin and light where it worked, thick and dark where it added."""
    axis = Axis.until(until_s, "s")
    drawn = []
    for index, lane in enumerate(lanes):
        top = index * LANE + LABEL + 4
        drawn.append(label(lane.name, quantity(lane.added_s, "s"), index * LANE + LABEL - 1))
        start, end = axis.at(lane.worked.start_s), axis.at(lane.worked.end_s)
        worked = f"{lane.name}: worked {quantity(lane.worked.end_s - lane.worked.start_s, 's')}"
        drawn.append(rect("hidden", start, end, top + (BAR - THIN) // 2, THIN, worked))
        if lane.added_s > 0:
            start, end = axis.at(lane.waited.start_s), axis.at(lane.waited.end_s)
            drawn.append(rect("added", start, end, top, BAR, f"{lane.name}: added {quantity(lane.added_s, 's')}"))
    height = len(lanes) * LANE
    added = ", ".join(f"{lane.name} {quantity(lane.added_s, 's')}" for lane in lanes)
    said = f"From the last word to the first sound {quantity(wait_s, 's')}. Added to the wait: {added}."
    return picture(title, said, height + AXIS, [*grid(axis, height), *drawn])


def small_waterfall(lanes: Sequence[Lane], until_s: float) -> str:
    """The same in the height of a line, without letters; what it shows must stand in words beside it."""
    axis = Axis.until(until_s, "s")
    drawn = []
    for index, lane in enumerate(lanes):
        for kind, span in (("hidden", lane.worked), ("added", lane.waited)):
            start, end = axis.at(span.start_s), axis.at(span.end_s)
            if end > start:
                drawn.append(rect(kind, start, end, index * SMALL, SMALL, ""))
    return f'<svg class="small" aria-hidden="true" height="{SMALL * len(lanes)}">{"".join(drawn)}</svg>'


def strips(title: str, rows: Sequence[Strip], unit: str) -> str:
    """Each sample a dot, one row a group; tall lines at p50 and p95."""
    rows = [row for row in rows if row.samples]
    axis = Axis.until(max((max(row.samples) for row in rows), default=0.0), unit)
    drawn, top, in_words = [], 0, []
    for row in rows:
        spots = stacked(sorted(axis.at(value) for value in row.samples))
        levels = max(level for _, level in spots)
        step = min(2 * DOT, TALLEST / levels) if levels else 0.0  # many dots overlap rather than make a tower
        floor = top + LABEL + 16 + round(levels * step)
        p50, p95 = (percentile(row.samples, q) for q in (50, 95))
        text = f"p50 {quantity(p50, unit)}, p95 {quantity(p95, unit)}"
        drawn.append(label(row.name, text, top + LABEL - 1))
        for name, value in (("p50", p50), ("p95", p95)):
            x = f"{axis.at(value):.2f}%"
            drawn.append(f'<line class="{name}" x1="{x}" x2="{x}" y1="{top + LABEL + 4}" y2="{floor + 8}"/>')
        drawn += [
            f'<circle class="dot" cx="{x:.2f}%" cy="{floor - level * step:.1f}" r="{DOT:.0f}"/>' for x, level in spots
        ]
        in_words.append(f"{row.name}: {len(row.samples)} samples, {text}")
        top = floor + 24
    return picture(title, "; ".join(in_words), top + AXIS, [*grid(axis, top), *drawn])


def stacked(places: Sequence[float]) -> list[tuple[float, int]]:
    """Each place and the level of its dot; `places` go up, and dots that would touch go above each other."""
    taken: list[float] = []  # the last place of each level
    spots = []
    for place in places:
        level = next((index for index, last in enumerate(taken) if place - last >= NEAR), len(taken))
        taken[level : level + 1] = [place]
        spots.append((place, level))
    return spots


def bars(title: str, rows: Sequence[Bar], unit: str, until: float) -> str:
    """Medians as bars to the scale of `until`, a thin line on to p95, brackets round the interval of the median."""
    axis = Axis.until(until, unit)
    drawn = []
    for index, row in enumerate(rows):
        middle = index * LANE + LABEL + 4 + BAR // 2
        drawn.append(
            label(row.name, f"{quantity(row.value, unit)}, p95 {quantity(row.until, unit)}", index * LANE + LABEL - 1)
        )
        drawn.append(rect("median", axis.at(0), axis.at(row.value), middle - BAR // 2, BAR, row.name))
        drawn.append(rect("reach", axis.at(row.value), axis.at(row.until), middle - 1, 2, f"{row.name}, p95"))
        if row.interval is not None:
            ends = (axis.at(row.interval.low), axis.at(row.interval.high))
            across = f'y1="{middle - 10}" y2="{middle + 10}"'
            drawn += [f'<line class="bracket" x1="{x:.2f}%" x2="{x:.2f}%" {across}/>' for x in ends]
    height = len(rows) * LANE
    said = "; ".join(f"{row.name} {quantity(row.value, unit)}, p95 {quantity(row.until, unit)}" for row in rows)
    return picture(title, said, height + AXIS, [*grid(axis, height), *drawn])


def scatter(title: str, points: Sequence[Point], units: tuple[str, str], names: tuple[str, str]) -> str:
    """One numbered mark a point, shaped by `shape`; names belong in a key, where they never collide."""
    height, top, foot = 260, 36, 40
    x_axis = Axis.until(max((point.x for point in points), default=0.0), units[0])
    y_axis = Axis.until(max((point.y for point in points), default=0.0), units[1])
    drawn = [f'<text class="axis" x="{LEFT}%" y="12">{escape(named(names[1], units[1]))}</text>']
    for tick in y_axis.ticks:
        y = height - (height - top) * tick / y_axis.most
        drawn.append(f'<line class="grid" x1="{LEFT}%" x2="{RIGHT}%" y1="{y:.1f}" y2="{y:.1f}"/>')
        if tick:
            drawn.append(f'<text class="axis" x="{LEFT}%" dx="2" y="{y - 3:.1f}">{bare(tick, units[1])}</text>')
    for index, point in enumerate(points):
        x, y = x_axis.at(point.x), height - (height - top) * point.y / y_axis.most
        drawn.append(placed(shape(index), x, y, f"{index + 1}: {reported(point, units)}"))
        drawn.append(f'<text class="figure" x="{x:.2f}%" dx="11" y="{y + 4:.1f}">{index + 1}</text>')
    below = escape(named(names[0], units[0]))
    foot_text = f'<text class="axis" x="{RIGHT}%" y="{height + 34}" text-anchor="end">{below}</text>'
    said = "; ".join(reported(point, units) for point in points)
    return picture(title, said, height + foot, [*grid(x_axis, height), *drawn, foot_text])


def reported(point: Point, units: tuple[str, str]) -> str:
    """A point in words."""
    return f"{point.name}: {quantity(point.x, units[0])}, {quantity(point.y, units[1])}"


def shape(index: int) -> str:
    """A disc, square, diamond, triangle, ring or cross, in turns, in 16 by 16."""
    shapes = (
        '<circle cx="8" cy="8" r="6"/>',
        '<rect x="2.5" y="2.5" width="11" height="11"/>',
        '<path d="M8 1 15 8 8 15 1 8Z"/>',
        '<path d="M8 1.5 15 14 1 14Z"/>',
        '<circle class="open" cx="8" cy="8" r="5.5"/>',
        '<path class="open" d="M2 2 14 14M14 2 2 14"/>',
    )
    return shapes[index % len(shapes)]


def placed(drawn: str, x: float, y: float, said: str) -> str:
    """A shape with its middle at x percent; a picture of its own, because a path cannot be placed in percent."""
    return (
        f'<svg class="mark" x="{x:.2f}%" y="{y - 8:.1f}" width="1" height="1" overflow="visible">'
        f'<g transform="translate(-8 0)">{drawn}<title>{escape(said)}</title></g></svg>'
    )


def label(name: str, figure: str, baseline: int) -> str:
    """Above a bar: its name at the left, its figure at the right."""
    return (
        f'<text x="{LEFT}%" y="{baseline}">{escape(name)}</text>'
        f'<text class="figure" x="{RIGHT}%" y="{baseline}" text-anchor="end">{escape(figure)}</text>'
    )


def rect(kind: str, start: float, end: float, top: int, height: int, said: str) -> str:
    """From `start` to `end` percent."""
    width = max(end - start, 0.0)
    return f'<rect class="{kind}" x="{start:.2f}%" width="{width:.2f}%" y="{top}" height="{height}">' + (
        f"<title>{escape(said)}</title></rect>" if said else "</rect>"
    )


def grid(axis: Axis, height: int) -> Iterator[str]:
    """Lines down to the axis, with figures below."""
    for index, tick in enumerate(axis.ticks):
        x = f"{axis.at(tick):.2f}%"
        last = index == len(axis.ticks) - 1
        anchor = "start" if not index else "end" if last else "middle"
        text = bare(tick, axis.unit) + (f" {unit_name(axis.unit)}".rstrip() if last else "")
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{height}"/>'
        yield f'<text class="axis" x="{x}" y="{height + 15}" text-anchor="{anchor}">{escape(text)}</text>'


def bare(value: float, unit: str) -> str:
    """A round number without its unit."""
    return f"{value * 1000 if unit == 's' else value:.6g}"


def named(name: str, unit: str) -> str:
    unit = unit_name(unit)
    return f"{name}, {unit}" if unit else name


def picture(title: str, said: str, height: int, drawn: Sequence[str]) -> str:
    """The SVG, with its name and its content in words for who does not see it."""
    return (
        f'<svg class="plot" role="img" width="100%" height="{height}"><title>{escape(title)}</title>'
        f"<desc>{escape(said)}</desc>{''.join(drawn)}</svg>"
    )
