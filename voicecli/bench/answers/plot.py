"""Draw the score of several models against their writing speed, as an SVG file that stands alone. Pure."""

from __future__ import annotations

from voicecli.bench import plots
from voicecli.bench.answers.report import PACE, RIGHT
from voicecli.bench.result import Result
from voicecli.conversation.latency import percentile
from voicecli.errors import EngineError

SPEAKING_TPS = 3.7
"""Tokens a second that Kokoro speaks: a model that writes more slowly makes the voice wait."""


def score_points(result: Result) -> list[plots.Point]:
    """Return a point for each model: tokens a second, and the share of right answers in percent."""
    right = {one.group: one for one in result.counts if one.name == RIGHT}
    return [
        plots.Point(group, percentile(paces, 50), 100 * right[group].value / (right[group].out_of or 1))
        for group in result.groups
        if group in right and (paces := result.samples(group, PACE))
    ]


def score_plot(result: Result) -> str:
    """Return the SVG. Raise EngineError if no model has both a score and a speed."""
    points = score_points(result)
    if not points:
        raise EngineError("there is nothing to plot: no answer was long enough for a speed", "ask more questions")
    drawn = plots.scatter("Right answers against writing speed", points, ("1/s", "%"), ("writes, tokens", "right"))
    return plots.standalone(drawn)
