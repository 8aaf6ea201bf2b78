"""Simulated results of `voicecli bench` on a machine with noise and drift. None was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from voicecli.bench.result import VOICE_TO_VOICE, Count, Machine, Metric, Result, TurnRecord
from voicecli.conversation.latency import PART_NAMES

RECORDINGS = tuple(f"question-{number:02}.wav" for number in range(16))
SCENARIOS = ("quiet", "noise 10 dB")
END_S = 0.7  # the wait for the end of speech
WORK_S = {"endpoint": 0.03, "stt": 0.24, "llm": 0.09, "tts": 0.31}
METRICS = {"endpoint": "end of turn", "stt": "stt decode", "llm": "first token", "tts": "first sound"}
MACHINE = Machine("Example CPU", 2, 4, 8.0, "Linux", "3.11.9", "", {"onnxruntime": "1.31.1"})


@dataclass(frozen=True, slots=True)
class World:
    """The conditions of a simulated run."""

    seed: int = 0
    noise: float = 0.10  # of one sample, as a share
    drift: float = 1.0  # slowdown of the whole machine against another day
    slow: Mapping[str, float] = field(default_factory=dict)  # stage -> slowdown
    scenarios: tuple[str, ...] = SCENARIOS
    recordings: tuple[str, ...] = RECORDINGS


def voice_to_voice(world: World | None = None) -> Result:
    """Return a result of all stages, with the parts of the wait and a turn for each recording."""
    world = world or World()
    chance = np.random.default_rng(world.seed)
    metrics: list[Metric] = []
    counts: list[Count] = []
    turns: list[TurnRecord] = []
    for scenario in world.scenarios:
        work = {stage: work_s(world, stage, chance) for stage in WORK_S}
        own = [
            turn(scenario, name, {stage: float(work[stage][i]) for stage in work})
            for i, name in enumerate(world.recordings)
        ]
        turns += own
        metrics += of_group(scenario, own, work, world.recordings)
        n = float(len(own))
        counts += [
            Count(scenario, "answered", n, n, better="higher"),
            Count(scenario, "false cut-offs", 0.0, n),
            Count(scenario, "playback gaps", 0.0),
            Count(scenario, "CPU seconds a turn", 4.2 * world.drift, unit="s"),
            Count(scenario, "peak memory", 812.0, unit="MB"),
        ]
    return result("voice to voice", metrics, counts, turns)


def work_s(world: World, stage: str, chance: np.random.Generator) -> list[float]:
    """Return the work of a stage: longer for longer questions, which are the same in every run."""
    lengths = np.linspace(0.7, 1.5, len(world.recordings))
    noise = np.exp(chance.normal(0, world.noise, len(world.recordings)))
    return [float(one) for one in WORK_S[stage] * world.slow.get(stage, 1.0) * world.drift * lengths * noise]


def turn(group: str, name: str, work: Mapping[str, float]) -> TurnRecord:
    """Return a turn with its stages in sequence; work before the end of speech adds nothing to the wait."""
    edges = [0.2]
    for took_s in (work["stt"], work["llm"], 0.02, work["tts"], 0.01):
        edges.append(edges[-1] + took_s)
    parts = [END_S, *(max(end, END_S) - max(start, END_S) for start, end in pairwise(edges))]
    return TurnRecord(
        group, name, tuple(parts), ((0.0, END_S), *pairwise(edges)), "what is <b>that</b>?", "An answer & more."
    )


def of_group(
    group: str, turns: list[TurnRecord], work: Mapping[str, list[float]], names: tuple[str, ...]
) -> list[Metric]:
    parts = zip(*(one.parts_s for one in turns), strict=True)
    return [
        Metric(group, VOICE_TO_VOICE, "s", tuple(sum(one.parts_s) for one in turns), of=names),
        *(Metric(group, name, "s", samples, of=names) for name, samples in zip(PART_NAMES, parts, strict=True)),
        *(Metric(group, METRICS[stage], "s", tuple(work[stage]), of=names, stage=stage) for stage in work),
        Metric(group, "real-time factor", "", tuple(one / 2.4 for one in work["tts"]), of=names, stage="tts"),
    ]


def speech_to_text(seed: int = 0) -> Result:
    """Return a result of three models, from fast to accurate."""
    chance = np.random.default_rng(seed)
    metrics: list[Metric] = []
    counts: list[Count] = []
    for model, took_s, errors in (
        ("whisper-tiny.en", 0.11, 18.0),
        ("whisper-base", 0.24, 9.0),
        ("whisper-small", 0.71, 5.5),
    ):
        latency = [float(one) for one in took_s * np.exp(chance.normal(0, 0.1, len(RECORDINGS)))]
        wer = [float(one) for one in np.maximum(chance.normal(errors, 8, len(RECORDINGS)), 0)]
        metrics += [
            Metric(model, "latency", "s", tuple(latency), of=RECORDINGS, stage="stt"),
            Metric(model, "real-time factor", "", tuple(one / 3 for one in latency), of=RECORDINGS, stage="stt"),
            Metric(model, "WER", "%", tuple(wer), of=RECORDINGS),
        ]
        counts.append(Count(model, "slots found", 40.0, 44.0, better="higher"))
    return result("stt", metrics, counts, [])


def result(bench: str, metrics: list[Metric], counts: list[Count], turns: list[TurnRecord]) -> Result:
    return Result(
        bench=bench,
        version="0.1.0",
        taken_at="2026-01-02T03:04:05Z",
        took_s=61.0,
        device="cpu",
        machine=MACHINE,
        settings={"stt.model": "whisper-base", "listen.end_ms": 700},
        models={"whisper-base": "ab" * 32},
        corpus="16 made-up questions",
        seed=1,
        metrics=tuple(metrics),
        counts=tuple(counts),
        turns=tuple(turns),
        warm_ups={"first question": 1.9},
        doubts=("other programs used 0.4 cores <meanwhile>",),
    )
