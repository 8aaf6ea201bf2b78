"""Draw figures as SVG with matplotlib, for the HTML page.

Colors become variables of the page's style sheet, so that a drawing follows light and dark mode. Nothing depends on
color alone: lines differ in style, marks in shape, and each figure stands beside its bar. Text stays text.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from voicecli.bench.summary import MS, Interval, quantity, unit_name
from voicecli.conversation.latency import percentile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, LINE, ACCENT, WARM = "#1c2024", "#5b6470", "#d9dee4", "#1f5fa8", "#b4500f"
VARIABLES = {INK: "--ink", QUIET: "--quiet", LINE: "--line", ACCENT: "--dark", WARM: "--warm"}
"""Colors of the drawing, and the variables of `page.html.j2` that replace them."""

STYLE: dict[Any, object] = {
    "svg.fonttype": "none",  # text stays text: selectable, and in the page's font
    "svg.hashsalt": "voicecli",  # the same page for the same result
    "text.parse_math": False,  # a `$` in a name is a `$`
    "font.size": 10,
    "axes.edgecolor": LINE,
    "axes.labelcolor": QUIET,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "grid.color": LINE,
    "legend.frameon": False,
    "legend.labelcolor": QUIET,
}
SVG = "http://www.w3.org/2000/svg"
WIDTH_IN, FRAME_IN = 8.8, 0.8
BAR_IN, STRIP_IN, SCATTER_IN = 0.55, 0.8, 3.2
MARKERS = ("o", "s", "D", "^", "P", "X")
COLUMNS, ROW_SHARE, MOST_STEP = 80, 0.4, 0.08
"""Dots in the same of COLUMNS are stacked MOST_STEP of a row apart, or closer, to use at most ROW_SHARE of a row."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of `bars`."""

    name: str
    value: float
    until: float  # p95
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Point:
    """One mark of `scatter`."""

    name: str
    x: float
    y: float


def ticks_s(longest_s: float) -> list[float]:
    """Return round times from 0 s to at least `longest_s`, for the axis of a waterfall."""
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(0, longest_s or 1.0)
    return [float(tick) for tick in found if tick >= 0]


def strips(title: str, rows: Sequence[tuple[str, Sequence[float]]], unit: str) -> str:
    """Draw each sample as a dot, one row a group, with lines at p50 and p95. No row may be empty."""
    scale = _scale(unit)
    most = max(max(samples) for _, samples in rows) or 1.0
    texts = [f"p50 {quantity(percentile(one, 50), unit)}, p95 {quantity(percentile(one, 95), unit)}" for _, one in rows]
    description = "; ".join(
        f"{name}: {len(samples)} samples, {text}" for (name, samples), text in zip(rows, texts, strict=True)
    )
    with _drawing(title, description, STRIP_IN * len(rows)) as (axes, finish):
        axes.set_ylim(len(rows) - 0.45, -0.75)
        for row, ((name, samples), text) in enumerate(zip(rows, texts, strict=True)):
            levels = stack(samples, most / COLUMNS)
            step = min(MOST_STEP, ROW_SHARE / max(max(levels), 1))
            heights = [row + 0.3 - step * level for level in levels]
            axes.scatter([scale * one for one in samples], heights, s=22, color=ACCENT, alpha=0.55)
            for q, style, color in ((50, "-", INK), (95, "--", WARM)):
                at = scale * percentile(samples, q)
                label = {50: "p50: half are faster", 95: "p95: one in twenty is slower"}[q] if row == 0 else None
                axes.plot([at, at], [row - 0.2, row + 0.42], style, color=color, label=label)
            _label_row(axes, row, name, text)
        return finish(scale * most, unit_name(unit))


def stack(samples: Sequence[float], width: float) -> list[int]:
    """Return the level of each dot: how many earlier samples share its column of `width`."""
    columns = [round(one / width) for one in samples]
    return [columns[:index].count(column) for index, column in enumerate(columns)]


def bars(title: str, rows: Sequence[Bar], unit: str, until: float) -> str:
    """Draw medians as bars on an axis to `until`, a line on to p95, and brackets for the interval of the median."""
    scale = _scale(unit)
    texts = [f"{quantity(row.value, unit)}, p95 {quantity(row.until, unit)}" for row in rows]
    description = "; ".join(f"{row.name} {text}" for row, text in zip(rows, texts, strict=True))
    with _drawing(title, description, BAR_IN * len(rows)) as (axes, finish):
        axes.set_ylim(len(rows) - 0.5, -0.7)
        places = [index + 0.15 for index in range(len(rows))]
        axes.barh(places, [scale * row.value for row in rows], 0.3, color=ACCENT, label="median")
        ends = ([scale * row.value for row in rows], [scale * row.until for row in rows])
        axes.hlines(places, *ends, color=QUIET, label="to p95")
        known = [(at, row.value, row.interval) for at, row in zip(places, rows, strict=True) if row.interval]
        if known:
            errors = [[scale * (value - one.low) for _, value, one in known]]
            errors += [[scale * (one.high - value) for _, value, one in known]]
            axes.errorbar(
                [scale * value for _, value, _ in known],
                [at for at, _, _ in known],
                xerr=errors,
                fmt="none",
                color=INK,
                elinewidth=0,
                capsize=7,
                capthick=1.6,
                label="its 95 % interval",
            )
        for index, (row, text) in enumerate(zip(rows, texts, strict=True)):
            _label_row(axes, index, row.name, text)
        return finish(scale * until, unit_name(unit))


def scatter(title: str, points: Sequence[Point], units: tuple[str, str], names: tuple[str, str]) -> str:
    """Draw one numbered mark a point; the legend names them, so that names never collide."""
    x_scale, y_scale = map(_scale, units)
    texts = [f"{one.name}: {quantity(one.x, units[0])}, {quantity(one.y, units[1])}" for one in points]
    with _drawing(title, "; ".join(texts), SCATTER_IN) as (axes, finish):
        for index, (point, text) in enumerate(zip(points, texts, strict=True)):
            x, y, marker = x_scale * point.x, y_scale * point.y, MARKERS[index % len(MARKERS)]
            axes.scatter([x], [y], s=70, marker=marker, color=ACCENT, label=f"{index + 1} {text}")
            axes.annotate(str(index + 1), (x, y), (9, -4), textcoords="offset points")
        axes.set_ylim(0, 1.15 * y_scale * max(point.y for point in points) or 1.0)
        axes.yaxis.grid(True)
        axes.tick_params(axis="y", labelleft=True)
        x_label, y_label = (f"{name}, {unit_name(unit)}" for name, unit in zip(names, units, strict=True))
        axes.set_ylabel(y_label)
        return finish(1.05 * x_scale * max(point.x for point in points), x_label, columns=1)


def standalone(svg: str) -> str:
    """Return a drawing of this module as a file of its own, on white and in the colors of the light page."""
    for color, variable in VARIABLES.items():
        svg = svg.replace(f"var({variable})", color)
    return svg.replace("<svg ", f'<svg xmlns="{SVG}" style="background:#fff" font-family="sans-serif" ', 1)


def _scale(unit: str) -> float:
    """Return the factor to the unit that is shown: seconds are shown as milliseconds."""
    return MS if unit == "s" else 1.0


def _label_row(axes: Axes, row: int, name: str, figure: str) -> None:
    """Write a row's name at the left above it, and its figure at the right."""
    place = axes.get_yaxis_transform()
    axes.text(0, row - 0.32, name, transform=place)
    axes.text(1, row - 0.32, figure, transform=place, ha="right")


@contextmanager
def _drawing(title: str, description: str, height_in: float) -> Iterator[tuple[Axes, Callable[..., str]]]:
    """Yield empty axes, and the call that ends the x axis beyond a value and returns the SVG.

    `description` says in words what is drawn, for those who do not see it.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the browser has fonts for what matplotlib's own font lacks
        figure = Figure((WIDTH_IN, height_in + FRAME_IN), layout="constrained")
        axes = figure.add_subplot()
        axes.xaxis.grid(True)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelleft=False)
        axes.spines[["left", "right", "top"]].set_visible(False)

        def finish(most: float, x_label: str, columns: int = 3) -> str:
            axes.set_xlim(0, 1.02 * most or 1.0)
            axes.set_xlabel(x_label, loc="right")
            figure.legend(loc="outside upper left", ncols=columns)
            out = io.StringIO()
            figure.savefig(out, format="svg", transparent=True)
            return _inline(out.getvalue(), title, description)

        yield axes, finish


def _inline(svg: str, title: str, description: str) -> str:
    """Return matplotlib's SVG file as an element of a page: without ids of groups, namespaces and fixed colors."""
    found = re.search(r'viewBox="([^"]+)"', svg)
    assert found is not None
    body = re.sub(r'<g id="[^"]*"', "<g", svg[svg.index('<g id="figure_1"') :]).replace("xlink:href", "href")
    for color, variable in VARIABLES.items():
        body = body.replace(color, f"var({variable})")
    head = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    return f'<svg class="chart" role="img" viewBox="{found[1]}">{head}{body}'
