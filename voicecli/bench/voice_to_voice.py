"""Measure voice-to-voice latency: whole conversations over recordings, assembled as `voicecli talk` does."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from voicecli.app.talk import SWITCH_S
from voicecli.assemble.conversation import assemble
from voicecli.bench.corpus import Corpus
from voicecli.bench.environment import Found, own_cpu_s, peak_memory_mb
from voicecli.bench.figures import found_by
from voicecli.bench.isolation import IsolatedCalls, Report, run_in_subprocess, run_stages_alone
from voicecli.bench.outcomes import Outcome, outcomes
from voicecli.bench.room import BenchRoom
from voicecli.bench.rounds import Progress
from voicecli.bench.scenes import SCENARIOS, Scenario, Scene
from voicecli.bench.watch import Call, EngineWatch
from voicecli.errors import first_of
from voicecli.events import CLOCK, Audible, Event, LevelMeasured
from voicecli.settings.model import Settings
from voicecli.turns.speculation import Speculation

QUESTIONS_PER_PROCESS = 8
"""Questions per process; a scenario with fewer is not split."""

OTHER_QUESTIONS = 3
"""Questions of each other scenario for eight of the first one."""

SEED = 7
"""Seed of the choice of interrupting recordings."""

ANSWER_TOKENS = 80
"""Longest answer; only its beginning is played."""


@dataclass(frozen=True, slots=True)
class Round:
    """One conversation and its results."""

    scenario: str  # name of the scenario
    outcomes: tuple[Outcome, ...]
    events: tuple[Event, ...]
    calls: tuple[Call, ...]
    load_s: float  # from the start until it was ready
    cpu_s: float  # from then on
    peak_mb: float | None  # peak memory of its process; None if unknown
    speculation: Speculation
    alone: tuple[IsolatedCalls, ...]  # in the first scenario only


def deterministic(settings: Settings) -> Settings:
    """Return settings for short, repeatable answers, without a push-to-talk key and a wake phrase."""
    listen = settings.listen.model_copy(update={"mode": "hands-free"})
    llm = settings.llm.model_copy(update={"temperature": 0.0, "max_answer_tokens": ANSWER_TOKENS})
    return settings.model_copy(update={"llm": llm, "listen": listen})


def plan(corpus: Corpus, scenarios: Sequence[Scenario], turns: int) -> list[tuple[Scenario, tuple[Scene, ...]]]:
    """Return the conversations in the order in which they are held.

    Those of the first scenario are spread between the others, so that a machine that gets slower shows in it.
    """
    first, *others = scenarios
    few = max(1, turns * OTHER_QUESTIONS // QUESTIONS_PER_PROCESS // 2)
    asked = tuple(stage_scenes(first, corpus, turns))
    main = [(first, asked[at : at + QUESTIONS_PER_PROCESS]) for at in range(0, turns, QUESTIONS_PER_PROCESS)]
    rest = [(one, tuple(stage_scenes(one, corpus, few))) for one in others]
    step = max(1, round(len(rest) / max(1, len(main) - 1))) if rest else 1
    spread = []
    for index, one in enumerate(main):
        spread += [one, *rest[index * step : (index + 1) * step]]
    return spread + rest[len(main) * step :]


def stage_scenes(scenario: Scenario, corpus: Corpus, count: int) -> Iterator[Scene]:
    """Yield `count` scenes of a scenario, with different recordings as long as there are enough."""
    said = corpus.said
    over = random.Random(SEED).sample(said, len(said))
    for index in range(count):
        one = said[index % len(said)]
        yield scenario.stage(one, next((other for other in (over[index % len(said)], *over) if other is not one), one))


def converse(
    report: Report, settings: Settings, scenario: Scenario, scenes: Sequence[Scene], watch: EngineWatch
) -> Round:
    """Hold one conversation, including loading the engines; report how many answers have begun.

    Call it in a subprocess (`run_in_subprocess`). Raise what `assemble` raises.
    """
    sys.setswitchinterval(SWITCH_S)
    try:
        return asyncio.run(conversation(report, settings, scenario, scenes, watch))
    except ExceptionGroup as group:
        raise first_of(group) from group


async def conversation(
    report: Report, settings: Settings, scenario: Scenario, scenes: Sequence[Scene], watch: EngineWatch
) -> Round:
    """Hold the conversation of `converse` on an event loop."""
    room = BenchRoom(scenes, CLOCK, settings.audio, echo=scenario.echoes)
    events: list[Event] = []
    speculation = Speculation()

    def show(event: Event) -> None:
        nonlocal speculation
        room.observe(event)
        speculation = speculation.apply(event)
        if not isinstance(event, LevelMeasured):
            events.append(event)
        if isinstance(event, Audible):
            report(sum(isinstance(one, Audible) for one in events))

    began_s = CLOCK()
    async with assemble(settings, room, show, watch) as (held, _):
        room.interrupt, room.restart = held.interrupt, held.restart
        ready_s, before_s = CLOCK(), own_cpu_s()
        await held.run()
        cpu_s = own_cpu_s() - before_s
        calls = tuple(watch.calls)
        solos = await run_stages_alone(watch.watched, watch, scenes) if scenario.name == SCENARIOS[0].name else ()
    results = tuple(outcomes(room.log, events, calls))
    return Round(
        scenario.name,
        results,
        tuple(events),
        calls,
        load_s=ready_s - began_s,
        cpu_s=cpu_s,
        peak_mb=peak_memory_mb(),
        speculation=speculation,
        alone=solos,
    )


def measure(
    settings: Settings,
    corpus: Corpus,
    scenarios: Sequence[Scenario],
    turns: int,
    progress: Progress,
    watch: type[EngineWatch] = EngineWatch,
) -> tuple[Found, list[Round]]:
    """Hold all conversations one after another, engines observed by `watch`; `settings` come from `deterministic`.

    Raise what `assemble` raises.
    """
    held = plan(corpus, scenarios, turns)
    whole = sum(len(scenes) for _, scenes in held)
    rounds: list[Round] = []
    for scenario, scenes in held:
        over = sum(len(one.outcomes) for one in rounds)
        progress(scenario.about, over, whole)
        report = partial(report_answers, progress, scenario.about, over, whole)
        rounds.append(run_in_subprocess(converse, report, settings, scenario, scenes, watch()))
    progress("done", whole, whole)
    return replace(found_by(rounds), corpus=corpus.reported, seed=SEED, doubts=corpus.doubts), rounds


def report_answers(progress: Progress, about: str, over: int, whole: int, begun: object) -> None:
    """Report that `begun` answers of a conversation have begun."""
    assert isinstance(begun, int)
    progress(about, min(over + begun, whole), whole)


def chosen(names: Sequence[str]) -> list[Scenario]:
    """Return the named scenarios in the order of `SCENARIOS`; all of them without a name."""
    return [one for one in SCENARIOS if not names or one.name in names]
