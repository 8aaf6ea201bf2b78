"""Search for the best values round by round, within a time limit. It has no clock and no engines of its own."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from voicecli.errors import SettingsError, VoiceCliError
from voicecli.tune.choose import LEAST_PAIRS, choose, describe, shown
from voicecli.tune.rounds import Round
from voicecli.tune.values import Arm, Budget, Choice, Part, Samples, Trial, Untried, Value, Waits, took_s

TIME_IS_OVER = "the time limit was reached"


class Bench(Protocol):
    """Measures arms."""

    async def measure(self, arms: Sequence[Arm], stop_s: float) -> list[Samples]:
        """Measure arms of one part on the same inputs in turns, until the clock reaches `stop_s` or all is done.

        Return equally many samples for each. Raise a VoiceCliError if an arm cannot run.
        """
        ...


class Watch(Protocol):
    """Displays the progress."""

    def doing(self, text: str) -> None:
        """Show what is being done."""
        ...

    def done(self, text: str) -> None:
        """Print a line that stays."""
        ...


@dataclass(slots=True)
class Found:
    """The results so far."""

    arms: dict[Part, Arm]  # in use, with the values chosen so far
    waits: Waits  # with these arms
    measured: dict[Arm, Samples] = field(default_factory=dict)  # the newest samples of each arm
    trials: list[Trial] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    untried: list[Untried] = field(default_factory=list)
    first_waits: Waits | None = None  # with the defaults


class Search:
    """One search. `budget` includes what was spent before it, such as on reading the recordings."""

    def __init__(
        self,
        bench: Bench,
        rounds: Sequence[Round],
        found: Found,
        budget: Budget,
        clock: Callable[[], float],
        watch: Watch,
    ) -> None:
        self.found = found
        self.budget = budget
        self._bench = bench
        self._rounds = rounds
        self._clock = clock
        self._watch = watch
        self._ends: list[Trial] = []

    async def run(self) -> Found:
        """Run all rounds.

        Raise SettingsError if the limit is too short for the defaults alone, or what measuring the defaults raises.
        """
        defaults = {key: value for arm in self.found.arms.values() for key, value in arm.values}
        await self._begin()
        self.found.first_waits = self.found.waits
        for one in self._rounds:
            trials = (
                self._ends if one.part == "ending" else [t for v in one.values if (t := await self._try(one.key, v))]
            )
            self._choose(one, trials, defaults)
        return self.found

    async def _begin(self) -> None:
        """Measure the defaults of each part, and all endpoint modes."""
        for part, arm in self.found.arms.items():
            modes = [arm.having(one.key, value) for one in self._rounds if one.part == part for value in one.values]
            arms = [arm, *(modes if part == "ending" else ())]
            self._watch.doing(f"{part}: the defaults")
            samples = await self._measure(arms, self.budget.left_s)
            if len(samples[0]) < LEAST_PAIRS:
                raise SettingsError(
                    f"a time limit of {self.budget.limit_s / 60:g} min is too short to measure the defaults ({part})",
                    "raise --time-limit; the first run takes longer because it makes its recordings",
                )
            self.found.measured.update(zip(arms, samples, strict=True))
            self.found.waits = self.found.waits.having(part, took_s(samples[0]))
            if part == "ending":
                self._ends = [
                    Trial("listen.endpoint", arm, other, samples[0], its)
                    for other, its in zip(arms[1:], samples[1:], strict=True)
                ]
                self.found.trials += self._ends

    async def _try(self, key: str, value: Value) -> Trial | None:
        """Compare a value with the one in use; return None, and record why, if it could not be measured."""
        rival = next(arm for arm in self.found.arms.values() if key in dict(arm.values))
        arm = rival.having(key, value)
        if not self.budget.fits(arm.part):
            self.found.untried.append(Untried(key, value, TIME_IS_OVER))
            return None
        self._watch.doing(f"{key} = {shown(value)} against {shown(rival[key])}")
        try:
            samples = await self._measure([rival, arm], self.budget.allowance_s(arm.part))
        except VoiceCliError as error:
            self.found.untried.append(Untried(key, value, error.message))
            return None
        trial = Trial(key, rival, arm, *samples)
        if (pairs := len(trial.after)) < LEAST_PAIRS:
            reason = f"too slow: only {pairs} measurements in its share of the time" if pairs else TIME_IS_OVER
            self.found.untried.append(Untried(key, value, reason))
            return None
        self.found.measured.update({rival: trial.before, arm: trial.after})
        self.found.trials.append(trial)
        self._watch.done(f"{key} = {describe(trial, self.found.waits)}")
        return trial

    async def _measure(self, arms: Sequence[Arm], allowance_s: float) -> list[Samples]:
        """Measure and charge the budget; return no samples if the time ran out meanwhile."""
        part = arms[0].part
        began_s = self._clock()
        try:
            async with asyncio.timeout(self.budget.left_s):
                return await self._bench.measure(arms, began_s + allowance_s)
        except TimeoutError:
            return [()] * len(arms)
        finally:
            self.budget = self.budget.charged(self._clock() - began_s, part, arms=len(arms))

    def _choose(self, one: Round, trials: Sequence[Trial], defaults: Mapping[str, Value]) -> None:
        """Choose the best value of a round."""
        found = self.found
        in_use = found.arms[one.part]
        choice = choose(one.key, in_use[one.key], defaults[one.key], trials, found.waits, one.held)
        found.choices.append(choice)
        taken = next((trial for trial in trials if trial.value == choice.value), None)
        if taken is None:
            return
        found.arms[one.part] = taken.arm
        gained_s = statistics.median(a.took_s - b.took_s for a, b in zip(taken.before, taken.after, strict=True))
        before_s = {"hearing": found.waits.hearing_s, "answering": found.waits.answering_s}
        seconds = before_s.get(one.part, took_s(taken.before)) - gained_s
        found.waits = found.waits.having(one.part, max(0.0, seconds))
