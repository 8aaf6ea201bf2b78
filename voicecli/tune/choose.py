"""Which value of a setting is the best on this machine? The rules, and their words. Pure.

Of the values that may be taken, the one with the shortest wait from voice to voice is; and only where its gain over
the value in use is beyond noise. What may be taken:

  hearing     word errors within 2 points of the fewest in its round
  answering   the voice keeps up: it computes a second of sound in less
  ending      none that loses to the value in use, in the wait or in speakers that are cut off

A model that hears more than 2 points better replaces a quicker one as long as the wait stays within a second and a
half. The first chunk of an answer is as long as it may be while nobody feels it: a whole clause sounds better.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from voicecli.tune.values import Choice, Sample, Samples, Trial, Value, Waits, cut_offs, error_rate, real_time_factor

ERROR_POINTS = 0.02
"""Of the word error rate: so much worse than the best tried still counts as equally good."""

SURE_ERRORS = 2.0
"""Standard errors of the paired difference: fewer may be chance."""

LEAST_GAIN_S = 0.02
"""A shorter gain is no gain: it is one frame of sound."""

SHARE = 0.75
"""Of the pairs that have to show a difference before it is taken for one."""

LEAST_PAIRS = 5
"""With fewer nothing is decided."""

MOST_WAIT_S = 1.5
"""From voice to voice; for better words alone nobody is made to wait longer."""

KEEPS_UP = 0.9
"""Real-time factor from which on the voice has gaps."""

LEAST_FACTOR = 0.1
"""Of the real-time factor: less is no gain for a voice that does not keep up."""

FELT_S = 0.05
"""What a longer first chunk may cost."""

LEAST_CUTS = 2
"""So many speakers more or less that are cut off are a difference."""


def choose(
    key: str, in_use: Value, default: Value, trials: Sequence[Trial], waits: Waits, held: Mapping[Value, str]
) -> Choice:
    """Among the value in use and those that were tried against it.

    `waits` are those with the value in use. Values that are `held` are not taken, for the reason that is given.
    """
    enough = [trial for trial in trials if len(trial.after) >= LEAST_PAIRS]
    if not enough:
        return Choice(key, in_use, default, "nothing else was tried", measured=False)
    compared = [trial for trial in enough if trial.value not in held]
    taken = best(key, compared, waits) if compared else None
    if taken is not None:
        return Choice(key, taken.value, default, REPORTED[taken.arm.part](taken, waits))
    others = "; ".join(reported(trial, waits, held.get(trial.value, "")) for trial in enough)
    return Choice(key, in_use, default, f"no better: {others}")


def best(key: str, compared: Sequence[Trial], waits: Waits) -> Trial | None:
    """The one that is better than the value in use; None where none surely is."""
    if key == "tts.first_chunk_chars":
        return longest_unfelt(compared, waits)
    match compared[0].arm.part:
        case "ending":
            return better_end(compared, waits)
        case "hearing":
            return best_hearing(compared, waits)
        case "answering":
            if not keeps_up(compared[0].before):
                return best_voice(compared)
            return quickest([trial for trial in compared if keeps_up(trial.after)], waits)
        case other:
            assert_never(other)


def quickest(trials: Sequence[Trial], waits: Waits) -> Trial | None:
    """The one with the shortest wait, where its gain is beyond noise."""
    sure = [trial for trial in trials if shorter(gains_s(trial, waits))]
    return max(sure, key=lambda trial: statistics.median(gains_s(trial, waits)), default=None)


def best_hearing(trials: Sequence[Trial], waits: Waits) -> Trial | None:
    """The quickest of those that hear well; where the one in use does not, the quickest that hears surely better."""
    rates = [rate for trial in trials for one in (trial.before, trial.after) if (rate := error_rate(one)) is not None]
    bound = min(rates, default=0.0) + ERROR_POINTS
    well = [trial for trial in trials if (error_rate(trial.after) or 0.0) <= bound]
    worthy = [trial for trial in well if shorter(gains_s(trial, waits))]
    if (error_rate(trials[0].before) or 0.0) > bound:
        worthy += [trial for trial in well if surely_fewer_errors(trial) and wait_s(trial, waits) <= MOST_WAIT_S]
    return min(worthy, key=lambda trial: wait_s(trial, waits), default=None)


def better_end(trials: Sequence[Trial], waits: Waits) -> Trial | None:
    """One that loses in nothing to the one in use: the fewest cut off, then the shortest wait."""
    lossless = [
        trial
        for trial in trials
        if cut_offs(trial.after) <= cut_offs(trial.before) and not shorter([-gain for gain in gains_s(trial, waits)])
    ]
    winning = [trial for trial in lossless if shorter(gains_s(trial, waits)) or fewer_cut_offs(trial)]
    return min(winning, key=lambda trial: (cut_offs(trial.after), wait_s(trial, waits)), default=None)


def longest_unfelt(trials: Sequence[Trial], waits: Waits) -> Trial | None:
    """The longest that surely costs nothing that is felt; all that are tried are longer than the one in use."""
    unfelt = [trial for trial in trials if share_of(gains_s(trial, waits), above=-FELT_S) >= SHARE]
    return max(unfelt, key=lambda trial: int(trial.value), default=None)


def best_voice(trials: Sequence[Trial]) -> Trial | None:
    """The one that is computed quickest, where the one in use does not keep up."""
    sure = [trial for trial in trials if share_of(factors_gained(trial), above=0.0) >= SHARE]
    nearest = min(sure, key=lambda trial: real_time_factor(trial.after) or 0.0, default=None)
    return nearest if nearest and statistics.median(factors_gained(nearest)) >= LEAST_FACTOR else None


def factors_gained(trial: Trial) -> list[float]:
    """By how much the real-time factor is lower, for each answer."""
    pairs = zip(trial.before, trial.after, strict=True)
    return [one.work_s / one.audio_s - other.work_s / other.audio_s for one, other in pairs]


def gains_s(trial: Trial, waits: Waits) -> list[float]:
    """How much sooner each answer would have sounded. A part that is done before the silence is over gains nothing."""

    def whole_s(sample: Sample) -> float:
        return waits.having(trial.arm.part, sample.took_s).voice_to_voice_s

    return [whole_s(before) - whole_s(after) for before, after in zip(trial.before, trial.after, strict=True)]


def wait_s(trial: Trial, waits: Waits) -> float:
    """From voice to voice with the arm that was tried, in the median."""
    return waits.voice_to_voice_s - statistics.median(gains_s(trial, waits))


def shorter(gains: Sequence[float]) -> bool:
    """The gain is beyond noise: it can be heard, and three of four pairs show it."""
    return statistics.median(gains) >= LEAST_GAIN_S and share_of(gains, above=0.0) >= SHARE


def share_of(values: Sequence[float], above: float) -> float:
    return sum(value > above for value in values) / len(values)


def surely_fewer_errors(trial: Trial) -> bool:
    """The mean of the paired differences is beyond its own standard error."""
    fewer = [one.errors - other.errors for one, other in zip(trial.before, trial.after, strict=True) if one.words]
    if len(fewer) < LEAST_PAIRS:
        return False
    error = statistics.stdev(fewer) / math.sqrt(len(fewer))
    return statistics.mean(fewer) > 0 and statistics.mean(fewer) >= SURE_ERRORS * error


def fewer_cut_offs(trial: Trial) -> bool:
    return cut_offs(trial.before) - cut_offs(trial.after) >= LEAST_CUTS


def keeps_up(samples: Samples) -> bool:
    return (real_time_factor(samples) or 0.0) <= KEEPS_UP


def reported(trial: Trial, waits: Waits, but: str = "") -> str:
    """The trial in words."""
    return f"{shown(trial.value)}: {REPORTED[trial.arm.part](trial, waits)}" + (f", but {but}" if but else "")


def shown(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def against(trial: Trial, waits: Waits) -> str:
    """How much sooner or later."""
    gains = gains_s(trial, waits)
    gain_ms = 1000 * statistics.median(gains)
    rival = shown(trial.rival[trial.key])
    if abs(gain_ms) < 1:
        return f"as soon as {rival}"
    side = "sooner" if gain_ms > 0 else "later"
    times = sum(gain > 0 if gain_ms > 0 else gain < 0 for gain in gains)
    return f"{abs(gain_ms):.0f} ms {side} than {rival} ({times} of {len(gains)} times)"


def reported_hearing(trial: Trial, waits: Waits) -> str:
    rates = error_rate(trial.after), error_rate(trial.before)
    if rates[0] is None or rates[1] is None:
        return against(trial, waits)
    return f"{against(trial, waits)}, word errors {100 * rates[0]:.1f} against {100 * rates[1]:.1f} %"


def reported_answering(trial: Trial, waits: Waits) -> str:
    factors = real_time_factor(trial.after) or 0.0, real_time_factor(trial.before) or 0.0
    return f"{against(trial, waits)}, voice {factors[0]:.2f} s a second of sound against {factors[1]:.2f}"


def reported_ending(trial: Trial, waits: Waits) -> str:
    cuts = f"{cut_offs(trial.after)} against {cut_offs(trial.before)} of {len(trial.after)} cut off"
    return f"{against(trial, waits)}, {cuts}"


REPORTED: dict[str, Callable[[Trial, Waits], str]] = {
    "hearing": reported_hearing,
    "answering": reported_answering,
    "ending": reported_ending,
}
