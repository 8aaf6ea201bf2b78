"""Voice to voice: whole conversations over recordings, with the parts and the fold that `voicecli talk` has."""

from __future__ import annotations

import asyncio
import random
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from voicecli.assemble import assemble
from voicecli.assemble_devices import CLOCK
from voicecli.bench.corpus import Corpus
from voicecli.bench.figures import found_by
from voicecli.bench.outcomes import Outcome, outcomes
from voicecli.bench.room import BenchRoom
from voicecli.bench.scenes import SCENARIOS, Scenario, Scene
from voicecli.bench.setting import Found
from voicecli.bench.watch import Call, EngineWatch
from voicecli.conversation.speculation import Speculation
from voicecli.events import Event, LevelMeasured, Ready
from voicecli.session import SWITCH_S
from voicecli.settings import Settings

TOGETHER = 8
"""Questions of one conversation: the prompt grows with it, as it does in talk, and stays within the context."""

FEW = 3
"""Questions of a scenario other than the first, for eight of that one."""

SEED = 7
"""Of who speaks over whom."""

ANSWER_TOKENS = 80
"""Longest answer; only its beginning is listened to."""


@dataclass(frozen=True, slots=True)
class Round:
    """One conversation, and what came of it."""

    scenario: Scenario
    outcomes: tuple[Outcome, ...]
    events: tuple[Event, ...]
    calls: tuple[Call, ...]
    load_s: float  # until it was ready
    cpu_s: float  # from then on
    speculation: Speculation


def measured(settings: Settings) -> Settings:
    """Always the same answers: the likeliest tokens, and not many."""
    llm = settings.llm.model_copy(update={"temperature": 0.0, "max_answer_tokens": ANSWER_TOKENS})
    return settings.model_copy(update={"llm": llm})


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
    others = random.Random(SEED).sample(said, len(said))
    for index in range(count):
        other = next(one for one in (others[index % len(said)], *said) if one is not said[index % len(said)])
        yield scenario.stage(said[index % len(said)], other)


async def converse(settings: Settings, scenario: Scenario, scenes: Sequence[Scene]) -> Round:
    """One conversation. Raises what `assemble` raises."""
    room, watch = BenchRoom(scenes, CLOCK, echoes=scenario.echoes), EngineWatch(CLOCK)
    events: list[Event] = []

    def show(event: Event) -> None:
        room.see(event)
        if not isinstance(event, LevelMeasured):
            events.append(event)

    began_s = CLOCK()
    async with assemble(settings, room, show, watch) as conversation:
        room.enough = conversation.interrupt
        ready_s, before_s = CLOCK(), used_cpu_s()
        await conversation.run()
        cpu_s = used_cpu_s() - before_s
    speculation = Speculation()
    for event in events:
        speculation = speculation.apply(event)
    told = tuple(event for event in events if not isinstance(event, Ready))
    came = tuple(outcomes(room.heard, told, watch.calls))
    return Round(scenario, came, tuple(events), tuple(watch.calls), ready_s - began_s, cpu_s, speculation)


def used_cpu_s() -> float:
    """By this process, the embedded language model included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


Tell = Callable[[str, int, int], None]
"""Is told which scenario comes next, how many questions are answered, and of how many."""


def measure(
    settings: Settings, corpus: Corpus, scenarios: Sequence[Scenario], turns: int, tell: Tell
) -> tuple[Found, list[Round]]:
    """All conversations, one after the other. Raises what `assemble` raises."""
    held = plan(corpus, scenarios, turns)
    whole = sum(len(scenes) for _, scenes in held)
    rounds: list[Round] = []
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        for scenario, scenes in held:
            tell(scenario.about, sum(len(one.outcomes) for one in rounds), whole)
            rounds.append(asyncio.run(converse(measured(settings), scenario, scenes)))
    finally:
        sys.setswitchinterval(before_s)
    tell("done", whole, whole)
    return replace(found_by(rounds), corpus=corpus.told, seed=SEED), rounds


def chosen(names: Sequence[str]) -> list[Scenario]:
    """Scenarios by their names, in the order of `SCENARIOS`; all of them without a name."""
    return [one for one in SCENARIOS if not names or one.name in names]
