"""Voice to voice: whole conversations over recordings, with the parts and the fold that `voicecli talk` has."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from voicecli.app.talk import SWITCH_S
from voicecli.assemble.conversation import assemble
from voicecli.assemble.devices import CLOCK
from voicecli.bench.corpus import Corpus
from voicecli.bench.environment import Found, own_cpu_s, peak_memory_mb
from voicecli.bench.figures import found_by
from voicecli.bench.isolation import Note, Solo, alone, apart
from voicecli.bench.outcomes import Outcome, outcomes
from voicecli.bench.room import BenchRoom
from voicecli.bench.rounds import Progress
from voicecli.bench.scenes import SCENARIOS, Scenario, Scene
from voicecli.bench.watch import Call, EngineWatch
from voicecli.errors import first_of
from voicecli.events import Audible, Event, LevelMeasured
from voicecli.settings.model import Settings
from voicecli.turns.speculation import Speculation

TOGETHER = 8
"""Questions to one process; a scenario of fewer than so many is not split."""

FEW = 3
"""Questions of a scenario other than the first, for eight of that one."""

SEED = 7
"""Of who speaks over whom."""

ANSWER_TOKENS = 80
"""Longest answer; only its beginning is listened to."""


@dataclass(frozen=True, slots=True)
class Round:
    """One conversation, and what came of it."""

    scenario: str  # its name
    outcomes: tuple[Outcome, ...]
    events: tuple[Event, ...]
    calls: tuple[Call, ...]
    load_s: float  # until it was ready
    cpu_s: float  # from then on
    peak_mb: float | None  # most memory that its process held; None where the system does not tell
    speculation: Speculation
    alone: tuple[Solo, ...]  # of the first scenario


def measured(settings: Settings) -> Settings:
    """Always the same answers: the likeliest tokens, and not many. Who asks holds no key and says no wake phrase."""
    listen = settings.listen.model_copy(update={"mode": "hands-free"})
    llm = settings.llm.model_copy(update={"temperature": 0.0, "max_answer_tokens": ANSWER_TOKENS})
    return settings.model_copy(update={"llm": llm, "listen": listen})


def plan(corpus: Corpus, scenarios: Sequence[Scenario], turns: int) -> list[tuple[Scenario, tuple[Scene, ...]]]:
    """The conversations in the order in which they are held.

    Those of the first scenario are spread between the others, so that a machine that gets slower shows in it.
    """
    first, *others = scenarios
    few = max(1, turns * FEW // TOGETHER // 2)
    asked = tuple(staged(first, corpus, turns))
    main = [(first, asked[at : at + TOGETHER]) for at in range(0, turns, TOGETHER)]
    rest = [(one, tuple(staged(one, corpus, few))) for one in others]
    step = max(1, round(len(rest) / max(1, len(main) - 1))) if rest else 1
    spread = []
    for index, one in enumerate(main):
        spread += [one, *rest[index * step : (index + 1) * step]]
    return spread + rest[len(main) * step :]


def staged(scenario: Scenario, corpus: Corpus, count: int) -> Iterator[Scene]:
    """So many of the scenario, each by another recording as long as there are some."""
    said = corpus.said
    over = random.Random(SEED).sample(said, len(said))
    for index in range(count):
        one = said[index % len(said)]
        yield scenario.stage(one, next((other for other in (over[index % len(said)], *over) if other is not one), one))


def converse(note: Note, settings: Settings, scenario: Scenario, scenes: Sequence[Scene], watch: EngineWatch) -> Round:
    """One conversation, from loading the engines on; notes how many answers have begun. Raises what `assemble` raises.

    Meant for a process of its own (`apart`).
    """
    sys.setswitchinterval(SWITCH_S)
    try:
        return asyncio.run(conversation(note, settings, scenario, scenes, watch))
    except ExceptionGroup as group:
        raise first_of(group) from group


async def conversation(
    note: Note, settings: Settings, scenario: Scenario, scenes: Sequence[Scene], watch: EngineWatch
) -> Round:
    """As `converse`, on a loop."""
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
            note(sum(isinstance(one, Audible) for one in events))

    began_s = CLOCK()
    async with assemble(settings, room, show, watch) as (held, _):
        room.enough, room.anew = held.interrupt, held.restart
        ready_s, before_s = CLOCK(), own_cpu_s()
        await held.run()
        cpu_s = own_cpu_s() - before_s
        calls = tuple(watch.calls)
        solos = await alone(watch.watched, watch, scenes) if scenario.name == SCENARIOS[0].name else ()
    came = tuple(outcomes(room.heard, events, calls))
    return Round(
        scenario.name,
        came,
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
    tell: Progress,
    watch: type[EngineWatch] = EngineWatch,
) -> tuple[Found, list[Round]]:
    """All conversations, one after the other, their engines under `watch`; `settings` as `measured` makes them.

    Raises what `assemble` raises.
    """
    held = plan(corpus, scenarios, turns)
    whole = sum(len(scenes) for _, scenes in held)
    rounds: list[Round] = []
    for scenario, scenes in held:
        over = sum(len(one.outcomes) for one in rounds)
        tell(scenario.about, over, whole)
        note = partial(tell_more, tell, scenario.about, over, whole)
        rounds.append(apart(converse, note, settings, scenario, scenes, watch()))
    tell("done", whole, whole)
    return replace(found_by(rounds), corpus=corpus.reported, seed=SEED, doubts=corpus.doubts), rounds


def tell_more(tell: Progress, about: str, over: int, whole: int, begun: object) -> None:
    """So many answers of a conversation have begun."""
    assert isinstance(begun, int)
    tell(about, min(over + begun, whole), whole)


def chosen(names: Sequence[str]) -> list[Scenario]:
    """Scenarios by their names, in the order of `SCENARIOS`; all of them without a name."""
    return [one for one in SCENARIOS if not names or one.name in names]
