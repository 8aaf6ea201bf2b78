"""Present the results of a tuning as tables, a plot, text lines and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from voicecli.bench.result import Count, Metric
from voicecli.tune.choose import shown
from voicecli.tune.search import Found
from voicecli.tune.values import (
    Arm,
    Choice,
    Part,
    Samples,
    Value,
    Waits,
    cut_offs,
    error_rate,
    real_time_factor,
    took_s,
)

PLOT_WIDTH, PLOT_HEIGHT = 44, 8
MARKS = "abcdefghijklmnopqrstuvwxyz"
CHOSEN = "*"

HEADS: dict[Part, tuple[str, ...]] = {
    "hearing": ("Speech to text", "final, ms", "× real time", "word errors", "voice to voice, ms"),
    "answering": (
        "Answer",
        "first token, ms",
        "tokens per second",
        "first sound, ms",
        "× real time",
        "voice to voice, ms",
    ),
    "ending": ("End of turn", "wait, ms", "cut off", "voice to voice, ms"),
}
"""Heads of the tables. Real-time factors are those of the recognizer or the voice."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: one arm."""

    cells: tuple[str, ...]
    chosen: bool


def adjusted(found: Found) -> dict[Arm, float]:
    """Return the seconds of each arm as if all had been measured at one time, using its gain in its own trial."""
    seconds = {arm: took_s(samples) for arm, samples in found.measured.items()}
    waits = found.first_waits or found.waits
    settled: dict[Arm, float] = {}
    for trial in found.trials:
        default = waits.hearing_s if trial.arm.part == "hearing" else waits.answering_s
        base = settled.setdefault(trial.rival, seconds[trial.rival] if trial.arm.part == "ending" else default)
        settled[trial.arm] = base * took_s(trial.after) / took_s(trial.before)
    return seconds | settled


def rows(found: Found, part: Part) -> list[Row]:
    """Return a row for each arm of a part, fastest first."""
    seconds = adjusted(found)
    arms = sorted((arm for arm in found.measured if arm.part == part), key=lambda arm: seconds[arm])
    return [
        Row((label(arm, found), *cells(found.measured[arm], seconds[arm], found.waits, part)), arm == found.arms[part])
        for arm in arms
    ]


def label(arm: Arm, found: Found) -> str:
    """Return the values of an arm that differ between the measured arms."""
    others = [dict(other.values) for other in found.measured if other.part == arm.part]
    differing = [words(key, value) for key, value in arm.values if len({other[key] for other in others}) > 1]
    return ", ".join(differing) or "the default"


def words(key: str, value: Value) -> str:
    """Return a value as it appears in a table."""
    section, name = key.split(".")
    match name:
        case "model" | "compute_type" | "endpoint":
            return shown(value)
        case "threads":
            return f"{value} {section} thread{'s' if value != 1 else ''}"
        case "first_chunk_chars":
            return f"first chunk {value}"
    return "in windows" if value else "whole chunks"


def cells(samples: Samples, seconds: float, waits: Waits, part: Part) -> tuple[str, ...]:
    """Return the figures of one arm."""
    whole = f"{1000 * waits.having(part, seconds).voice_to_voice_s:.0f}"
    factor = real_time_factor(samples)
    match part:
        case "hearing":
            factor = factor and factor * seconds / took_s(samples)
            return f"{1000 * seconds:.0f}", figure(factor), percent(error_rate(samples)), whole
        case "answering":
            first_ms = 1000 * median(one.first_token_s for one in samples)
            pace = median(one.tokens_per_s for one in samples)
            return f"{first_ms:.0f}", f"{pace:.0f}", f"{1000 * seconds:.0f}", figure(factor), whole
        case "ending":
            return f"{1000 * seconds:.0f}", f"{cut_offs(samples)} of {len(samples)}", whole
        case other:
            assert_never(other)


def median(values: Iterable[float]) -> float:
    """Return the median."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def figure(value: float | None) -> str:
    """Return a number with two digits; a dash for None."""
    return "–" if value is None else f"{value:.2f}"


def percent(value: float | None) -> str:
    """Return a share as a percentage; a dash for None."""
    return "–" if value is None else f"{100 * value:.1f} %"


def plot(found: Found) -> list[str]:
    """Plot word errors against speed, with a letter for each arm in the order of the table; empty for few arms.

    Arms further down are more accurate, those further left are faster.
    """
    seconds = adjusted(found)
    arms = sorted((arm for arm in found.measured if arm.part == "hearing"), key=lambda arm: seconds[arm])
    points = [(seconds[arm], rate) for arm in arms if (rate := error_rate(found.measured[arm])) is not None]
    if len(points) < 3 or len(points) > len(MARKS):
        return []
    most_s, most = max(x for x, _ in points), max(y for _, y in points) or 0.01
    grid = [[" "] * PLOT_WIDTH for _ in range(PLOT_HEIGHT)]
    for mark, (x, y) in zip(MARKS, points, strict=False):
        column, line = round(x / most_s * (PLOT_WIDTH - 2)), round((1 - y / most) * (PLOT_HEIGHT - 1))
        while grid[line][column] != " " and column < PLOT_WIDTH - 1:
            column += 1
        grid[line][column] = mark
    left = [percent(most), *[""] * (PLOT_HEIGHT - 2), "0 %"]
    lines = [f"{scale:>7} │{''.join(cells).rstrip()}" for scale, cells in zip(left, grid, strict=True)]
    axis = f"{'':7} └{'─' * PLOT_WIDTH}"
    scale = f"{'':7}  0{f'{1000 * most_s:.0f} ms':>{PLOT_WIDTH - 1}}"
    keys = [f"{'':7}  {mark} {label(arm, found)}" for mark, arm in zip(MARKS, arms, strict=False)]
    return ["word errors against the time of a final", *lines, axis, scale, *keys]


def metrics(found: Found) -> tuple[Metric, ...]:
    """Return the samples of each arm, from its last trial."""
    made = []
    for arm, samples in found.measured.items():
        of = tuple(one.of for one in samples)
        group = f"{arm.part}: {', '.join(f'{key}={shown(value)}' for key, value in arm.values)}"
        made.append(Metric(group, NAMES[arm.part], "s", tuple(one.took_s for one in samples), of=of))
        if arm.part == "answering":
            first, pace = tuple(one.first_token_s for one in samples), tuple(one.tokens_per_s for one in samples)
            made.append(Metric(group, "first token", "s", first, of=of))
            made.append(Metric(group, "tokens per second", "1/s", pace, "higher", of=of))
    return tuple(made)


NAMES: Mapping[Part, str] = {"hearing": "final", "answering": "first sound", "ending": "wait after the end of speech"}


def counts(found: Found) -> tuple[Count, ...]:
    """Return the word errors and cut-offs of each arm."""
    made = []
    for arm, samples in found.measured.items():
        group = f"{arm.part}: {', '.join(f'{key}={shown(value)}' for key, value in arm.values)}"
        if arm.part == "hearing":
            said = sum(one.words for one in samples)
            made.append(Count(group, "word errors", sum(one.errors for one in samples if one.words), said))
        if arm.part == "ending":
            made.append(Count(group, "cut off", cut_offs(samples), len(samples)))
    return tuple(made)


def summary(found: Found, chosen: Sequence[Choice]) -> list[str]:
    """Return the latency and each decided value with its reason."""
    before, after = found.first_waits or found.waits, found.waits
    whole = f"voice-to-voice latency, estimated: {1000 * before.voice_to_voice_s:.0f} ms"
    if after != before:
        whole += f" with the defaults, {1000 * after.voice_to_voice_s:.0f} ms as chosen"
    written = {one.key for one in chosen}
    kept = [line for one in found.choices if one.key not in written for line in with_reason(one, "  ", " (default)")]
    changed = [line for one in chosen for line in with_reason(one, f"{CHOSEN} ", "")]
    return [whole, *changed, *kept]


def with_reason(choice: Choice, mark: str, note: str) -> list[str]:
    """Return a line for the value, and one for each part of the reason."""
    reasons = [f"      {reason}" for reason in choice.reason.split("; ")]
    return [f"{mark}{choice.key} = {quoted(choice.value)}{note}", *reasons]


def quoted(value: Value) -> str:
    """Return a value as in the settings file."""
    return f'"{value}"' if isinstance(value, str) else shown(value)


def untried_lines(found: Found, missing: Sequence[str]) -> list[str]:
    """Return what was not tried, and which models could be installed."""
    lines = [f"not tried: {one.key} = {shown(one.value)} ({one.reason})" for one in found.untried]
    if missing:
        lines.append(f"not installed: {', '.join(missing)}; add one with voicecli download-models NAME")
    return lines
