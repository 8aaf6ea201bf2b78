"""Turn the conversations of a measurement into metrics, counts and turns. Pure."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from typing import Protocol

from voicecli.bench.environment import Found
from voicecli.bench.isolation import Solo
from voicecli.bench.outcomes import Outcome
from voicecli.bench.result import VOICE_TO_VOICE, Better, Count, Metric, TurnRecord
from voicecli.bench.watch import Call
from voicecli.bench.wer import found_slots
from voicecli.conversation.latency import PART_NAMES, TurnLatency
from voicecli.events import Event
from voicecli.turns.speculation import Speculation
from voicecli.ui.jsonl import event_json


class Conversation(Protocol):
    """A conversation that was measured (`voice_to_voice.Round`)."""

    @property
    def scenario(self) -> str: ...
    @property
    def outcomes(self) -> tuple[Outcome, ...]: ...
    @property
    def events(self) -> tuple[Event, ...]: ...
    @property
    def load_s(self) -> float: ...
    @property
    def cpu_s(self) -> float: ...
    @property
    def peak_mb(self) -> float | None: ...
    @property
    def speculation(self) -> Speculation: ...
    @property
    def alone(self) -> tuple[Solo, ...]: ...


ALONE = "alone"
"""Group of the work of each stage while nothing else runs."""

Work = Callable[[Sequence[Call]], float | None]
"""Returns a figure of some calls; None if they have none."""

Figure = Callable[[Outcome], float | None]
"""Returns a figure of one outcome; None if it has none."""


def found_by(rounds: Sequence[Conversation]) -> Found:
    """Return all metrics, counts, turns and events; the caller adds corpus and seed."""
    metrics: list[Metric] = []
    counts: list[Count] = []
    for group in dict.fromkeys(one.said.scene.scenario for held in rounds for one in held.outcomes):
        in_group = [held for held in rounds if held.outcomes[0].said.scene.scenario == group]
        outcomes = [one for held in in_group for one in held.outcomes]
        metrics += metrics_of(group, outcomes)
        counts += counts_of(group, in_group, outcomes)
    metrics += work_of([solo for held in rounds for solo in held.alone])
    return Found(
        corpus="",
        metrics=tuple(metrics),
        counts=tuple(counts),
        turns=tuple(record for held in rounds for one in held.outcomes if (record := record_of(one))),
        warm_ups={f"loading for conversation {number}": held.load_s for number, held in enumerate(rounds, 1)},
        events=tuple(json.loads(event_json(event)) for held in rounds for event in held.events),
    )


def metrics_of(group: str, outcomes: Sequence[Outcome]) -> list[Metric]:
    """Return the wait and its parts, then the work of each stage, whether or not the user waited for it."""

    def metric(name: str, figure: Figure, unit: str = "s", better: Better = "lower") -> Metric:
        pairs = [(one.said.name, value) for one in outcomes if (value := figure(one)) is not None]
        samples = tuple(round(value, 4) for _, value in pairs)
        return Metric(group, name, unit, samples, better, tuple(name for name, _ in pairs))

    def part(index: int) -> Figure:
        return lambda one: one.latency.parts[index] if one.latency else None

    made = [metric(VOICE_TO_VOICE, lambda one: one.latency.voice_to_voice_s if one.latency else None)]
    made += [metric(name, part(index)) for index, name in enumerate(PART_NAMES)]
    made += [
        metric("final decode", lambda one: work_s(one.calls, "stt"), better="neither"),
        metric("end-of-turn model", lambda one: work_s(one.calls, "endpoint"), better="neither"),
        metric("language model's first token", lambda one: first_s(one.calls, "llm"), better="neither"),
        metric("voice's first sound", lambda one: first_s(one.calls, "tts"), better="neither"),
        metric("real-time factor, stt", lambda one: real_time_factor(one.calls, "stt"), "", "neither"),
        metric("real-time factor, tts", lambda one: real_time_factor(one.calls, "tts"), "", "neither"),
        metric("softer at a barge-in", lambda one: one.softer_s),
        metric("barge-in", lambda one: one.silent_s),
    ]
    return [one for one in made if one.samples]


def work_of(solos: Sequence[Solo]) -> list[Metric]:
    """Return the work of each stage while nothing else runs; a comparison names stages by these metrics."""

    def metric(name: str, stage: str, figure: Work, unit: str = "s", better: Better = "lower") -> Metric:
        pairs = [(recording, value) for recording, calls in solos if (value := figure(calls)) is not None]
        samples = tuple(round(value, 4) for _, value in pairs)
        return Metric(ALONE, name, unit, samples, better, tuple(recording for recording, _ in pairs), stage)

    made = [
        metric("decode", "stt", lambda calls: work_s(calls, "stt")),
        metric("end-of-turn model", "endpoint", lambda calls: work_s(calls, "endpoint")),
        metric("first token", "llm", lambda calls: first_s(calls, "llm")),
        metric(
            "tokens a second", "llm", tokens_a_second, "1/s", "neither"
        ),  # 55 to 80 for the same program, from run to run
        metric("first sound", "tts", lambda calls: first_s(calls, "tts")),
        metric("real-time factor", "tts", lambda calls: real_time_factor(calls, "tts"), ""),
    ]
    return [one for one in made if one.samples]


def counts_of(group: str, rounds: Sequence[Conversation], outcomes: Sequence[Outcome]) -> list[Count]:
    """Return how often something happened, and its cost in time, CPU and memory."""
    said, answered = len(outcomes), [one for one in outcomes if one.answered]
    hits, misses = (sum(getattr(one.speculation, name) for one in rounds) for name in ("hits", "misses"))
    slots = [(one.said.scene.slots, one.heard) for one in outcomes if one.said.scene.slots and not one.said.over]
    made = [
        Count(group, "start", round(statistics.median(one.load_s for one in rounds), 2), unit="s"),
        Count(group, "answered", len(answered), said, better="higher"),
        Count(group, "cut off before the end", sum(one.cut_off for one in outcomes), said),
        Count(group, "answers with a gap inside", sum(one.gaps > 0 for one in answered), len(answered)),
        Count(group, "prepared answers used", hits, hits + misses, better="higher"),
        Count(group, "wasted on pauses", round(sum(one.speculation.wasted_s for one in rounds), 2), unit="s"),
        Count(group, "CPU seconds a turn", round(sum(one.cpu_s for one in rounds) / said, 2), unit="s"),
    ]
    if peaks := [one.peak_mb for one in rounds if one.peak_mb is not None]:
        made.append(Count(group, "peak memory", round(max(peaks)), unit="MB"))
    if slots:
        found = sum(found_slots(phrases, text) for phrases, text in slots)
        made.append(Count(group, "phrases heard", found, sum(len(phrases) for phrases, _ in slots), better="higher"))
    return made


def record_of(one: Outcome) -> TurnRecord | None:
    """Return the record for the waterfall; None if no latency was measured."""
    latency: TurnLatency | None = one.latency
    if latency is None:
        return None
    work = tuple((round(span.start_s, 4), round(span.end_s, 4)) for span in latency.work)
    parts = tuple(round(part, 4) for part in latency.parts)
    return TurnRecord(one.said.scene.scenario, one.said.name, parts, work, one.heard, one.answer)


def of_stage(calls: Sequence[Call], stage: str) -> list[Call]:
    """Return the calls of one stage."""
    return [call for call in calls if call.stage == stage]


def work_s(calls: Sequence[Call], stage: str) -> float | None:
    """Return the work of the stage's last call."""
    mine = of_stage(calls, stage)
    return mine[-1].work_s if mine else None


def first_s(calls: Sequence[Call], stage: str) -> float | None:
    """Return the time to the first token or sound of the stage's first call."""
    return next((call.first_s for call in of_stage(calls, stage)), None)


def tokens_a_second(calls: Sequence[Call]) -> float | None:
    """Return the rate from the first token to the last."""
    for call in of_stage(calls, "llm"):
        if call.first_s is not None and call.amount > 1 and call.work_s > call.first_s:
            return (call.amount - 1) / (call.work_s - call.first_s)
    return None


def real_time_factor(calls: Sequence[Call], stage: str) -> float | None:
    """Return seconds of work for each second of audio."""
    sound_s = sum(call.amount for call in of_stage(calls, stage))
    return sum(call.work_s for call in of_stage(calls, stage)) / sound_s if sound_s else None
