"""Parse and check `--fail-over p95=900`: the limits of a measurement. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voicecli.bench.result import VOICE_TO_VOICE, Metric, Result
from voicecli.bench.summary import MS, Summary, quantity, summarize
from voicecli.errors import SettingsError, VoiceCliError

EXAMPLE = (
    "--fail-over p95=900 (ms from voice to voice), --fail-over wer=12 (%), --fail-over 'quiet:first sound:p50=400'"
)
FIGURES = ("mean", "p50", "p90", "p95", "p99", "worst")
WER = "WER"


@dataclass(frozen=True, slots=True)
class Limit:
    """One `--fail-over`."""

    text: str  # as it was typed
    group: str  # empty: the first group with the metric
    name: str  # of the metric
    figure: str  # one of FIGURES
    bound: float  # in ms if the metric is in seconds, else in its unit; a minimum if higher is better


class OverLimit(VoiceCliError):
    """A measurement exceeds what `--fail-over` allows."""


def parse_limits(texts: Sequence[str]) -> tuple[Limit, ...]:
    """Parse all limits. Raise SettingsError for a wrong one, so call it before anything is measured."""
    return tuple(parse_limit(text) for text in texts)


def parse_limit(text: str) -> Limit:
    """Parse `FIGURE=BOUND`, `wer=BOUND` or `GROUP:METRIC:FIGURE=BOUND`. Raise SettingsError for anything else."""
    what, equals, bound = text.rpartition("=")
    *where, figure = what.rsplit(":", 2)
    figure = figure.strip().lower()
    try:
        value = float(bound)
    except ValueError:
        value = -1.0
    if not equals or not value >= 0 or len(where) == 1 or (figure not in FIGURES and (where or figure != "wer")):
        raise SettingsError(f"--fail-over {text} is not a limit", EXAMPLE)
    if figure == "wer":
        return Limit(text, "", WER, "mean", value)
    group, name = where or ("", VOICE_TO_VOICE)
    return Limit(text, group.strip(), name.strip(), figure, value)


def exceeded(result: Result, limits: Sequence[Limit]) -> Iterator[str]:
    """Yield a line for each limit that is exceeded. Raise SettingsError if a limit's metric was not measured."""
    for limit in limits:
        metric, summary = measured(result, limit)
        value: float = getattr(summary, limit.figure)
        bound = limit.bound / MS if metric.unit == "s" else limit.bound
        if value < bound if metric.better == "higher" else value > bound:
            figure, allowed = quantity(value, metric.unit), quantity(bound, metric.unit)
            yield f"{metric.name}, {metric.group}: {limit.figure} is {figure}, the limit is {allowed}"


def measured(result: Result, limit: Limit) -> tuple[Metric, Summary]:
    """Return a limit's metric and its summary. Raise SettingsError if it was not measured."""
    for metric in result.metrics:
        if metric.name == limit.name and limit.group in ("", metric.group):
            summary = summarize(metric.samples, higher_is_better=metric.better == "higher")
            if summary is not None:
                return metric, summary
    available = ", ".join(dict.fromkeys(f"{one.group}:{one.name}" for one in result.metrics if one.samples))
    raise SettingsError(
        f"--fail-over {limit.text}: this metric was not measured", f"measured: {available or 'nothing'}"
    )
