"""Charts of the latency of a turn. Each stage has a color and a name, so that nothing depends on color alone."""

from __future__ import annotations

from rich.text import Text

from voicecli.conversation.latency import Span, TurnLatency, percentile
from voicecli.turns.speculation import Speculation

STAGES = (
    ("endpoint", "blue"),
    ("stt", "cyan"),
    ("llm token", "magenta"),
    ("chunk", "yellow"),
    ("tts", "green"),
    ("playout", "white"),
)
"""Short name and style of each of `latency.PART_NAMES`."""

NAME_WIDTH = max(len(name) for name, _ in STAGES) + 1
FIGURE_WIDTH = 6
TRACE_S_PER_CELL = 0.05
"""Scale of the small bars under each answer: a second is 20 cells."""


def seconds(value_s: float) -> str:
    """Return a duration with two decimals, such as `0.92 s`."""
    return f"{value_s:.2f} s"


def bar(latency: TurnLatency, cells: int) -> Text:
    """Return the parts in proportion, end to end; each ends with a half cell that separates it from the next."""
    text = Text()
    done_s, used = 0.0, 0
    for part_s, (_, style) in zip(latency.parts, STAGES, strict=True):
        done_s += part_s
        end = round(cells * done_s / latency.voice_to_voice_s) if latency.voice_to_voice_s > 0 else 0
        if end > used:
            text.append("━" * (end - used - 1) + "╸", style)
            used = end
    return text


def trace(latency: TurnLatency, width: int) -> Text:
    """Return the small bar and total shown under an answer, with the same scale for all turns."""
    total = seconds(latency.voice_to_voice_s)
    cells = min(max(round(latency.voice_to_voice_s / TRACE_S_PER_CELL), 1), max(width - len(total) - 1, 1))
    return Text.assemble(bar(latency, cells), " ", (total, "dim"))


def legend(latency: TurnLatency, width: int) -> list[Text]:
    """Return every part by name, in milliseconds: on one line, or on two if that is too wide."""
    figures = [
        Text.assemble((name, style), f" {part_s * 1000:.0f}")
        for part_s, (name, style) in zip(latency.parts, STAGES, strict=True)
    ]
    figures[-1].append(" ms", "dim")
    line = Text("  ").join(figures)
    return [line] if line.cell_len <= width else [Text("  ").join(figures[:3]), Text("  ").join(figures[3:])]


def statistics(latencies: tuple[TurnLatency, ...]) -> Text:
    """Return p50, p95 and the number of turns."""
    totals = [one.voice_to_voice_s for one in latencies]
    turns = f"{len(totals)} turns" if len(totals) > 1 else "1 turn"
    p50, p95 = percentile(totals, 50), percentile(totals, 95)
    return Text.assemble(("p50 ", "dim"), seconds(p50), ("  p95 ", "dim"), seconds(p95), (f"  {turns}", "dim"))


def compact(latencies: tuple[TurnLatency, ...], width: int) -> list[Text]:
    """Return the last turn as a bar with its legend, and the statistics beside the bar where there is room."""
    latest = latencies[-1]
    right = statistics(latencies)
    total = seconds(latest.voice_to_voice_s)
    first = Text.assemble(("total ", "dim"), (total, "bold"), " ")
    cells = width - len(first)
    if cells - len(right) - 3 >= 16:
        cells -= len(right) + 3
        first = Text.assemble(first, bar(latest, cells), "   ", right)
    else:
        first = Text.assemble(first, bar(latest, cells))
    return [first, *legend(latest, width)]


def panel(latencies: tuple[TurnLatency, ...], speculation: Speculation, width: int, height: int) -> list[Text]:
    """Return the last turn as a waterfall with figures and percentiles, and the turns before it as bars."""
    latest = latencies[-1]
    cells = width - NAME_WIDTH - 3 * FIGURE_WIDTH
    kind = "typed" if latest.typed else "spoken"
    scope = f"  {kind} turns, ms".ljust(NAME_WIDTH + cells - len("Latency"))
    columns = "".join(name.rjust(FIGURE_WIDTH) for name in ("last", "p50", "p95"))
    lines = [Text.assemble(("Latency", "bold"), (scope + columns, "dim")), Text()]
    for index, (name, style) in enumerate(STAGES):
        values = [one.parts[index] for one in latencies]
        lines.append(Text.assemble((name.ljust(NAME_WIDTH), style), _work(latest, index, cells), _figures(values)))
    lines.append(Text.assemble(" " * NAME_WIDTH, _axis(latest.voice_to_voice_s, cells)))
    lines.append(_total(latencies, cells))
    if any(_hidden(latest, index) for index in range(len(STAGES))):
        lines += [Text(), Text("┄ prepared before the end of speech was certain", "dim")]
    if speculation.hits + speculation.misses:
        lines.append(Text(f"  right {speculation.hits}, wrong {speculation.misses}{_wasted(speculation)}", "dim"))
    return (lines + _earlier(latencies, width, height - len(lines)))[:height]


def _wasted(speculation: Speculation) -> str:
    return f" ({speculation.wasted_s:.1f} s wasted)" if speculation.misses else ""


def _work(latency: TurnLatency, index: int, cells: int) -> Text:
    """Return when a stage worked, on the time axis; dotted while the wait for the endpoint hid it."""
    span = latency.work[index]
    style = STAGES[index][1]
    per_s = cells / latency.voice_to_voice_s if latency.voice_to_voice_s > 0 else 0.0
    start, end = round(span.start_s * per_s), round(span.end_s * per_s)
    if start == end and span.start_s < span.end_s:  # too short for a cell
        start = min(start, cells - 1)
        return Text.assemble(" " * start, ("╸", style), " " * (cells - start - 1))
    released = round(latency.released_s * per_s) if index else 0
    hidden = max(min(released, end) - start, 0)
    drawn = ("┄" * hidden + "━" * (end - start - hidden), style)
    return Text.assemble(" " * start, drawn, " " * (cells - end))


def _hidden(latency: TurnLatency, index: int) -> bool:
    span: Span = latency.work[index]
    return index > 0 and span.end_s > span.start_s and span.start_s < latency.released_s


def _figures(values_s: list[float]) -> Text:
    figures = (values_s[-1], percentile(values_s, 50), percentile(values_s, 95))
    last, *others = (f"{value_s * 1000:.0f}".rjust(FIGURE_WIDTH) for value_s in figures)
    return Text(last).append("".join(others), "dim")


def _axis(whole_s: float, cells: int) -> Text:
    start, end = "0", seconds(whole_s)
    return Text(start + " " * max(cells - len(start) - len(end), 1) + end, "dim")


def _total(latencies: tuple[TurnLatency, ...], cells: int) -> Text:
    label = "voice to voice" if not latencies[-1].typed else "key to voice"
    figures = _figures([one.voice_to_voice_s for one in latencies])
    return Text.assemble((label.ljust(NAME_WIDTH + cells), "bold"), figures)


def _earlier(latencies: tuple[TurnLatency, ...], width: int, height: int) -> list[Text]:
    """Return as many of the latest turns as there is room for, newest first, with one scale."""
    rows = min(len(latencies), height - 3)
    if rows < 2:
        return []
    numbered = list(enumerate(latencies, start=1))[-rows:]
    slowest_s = max(one.voice_to_voice_s for _, one in numbered)
    lines = [Text(), Text("Turns", "bold"), Text()]
    for number, one in reversed(numbered):
        cells = width - 4 - FIGURE_WIDTH - 1
        drawn = bar(one, max(round(cells * one.voice_to_voice_s / slowest_s), 1) if slowest_s > 0 else 1)
        drawn.append(" " * (cells - len(drawn)))
        figure = f"{one.voice_to_voice_s * 1000:.0f}".rjust(FIGURE_WIDTH + 1)
        lines.append(Text.assemble((str(number).ljust(4), "dim"), drawn, figure))
    return lines
