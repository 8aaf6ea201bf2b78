"""Choose the best value of a setting from its trials, and describe why.

Of the eligible values, the one with the lowest voice-to-voice latency is chosen, if its gain over the value in use is
beyond noise. Eligible are:

  hearing     word error rates within 2 points of the lowest in the round
  answering   voices that keep up: they need less than a second for a second of audio
  ending      modes that are not worse than the one in use, neither in the wait nor in cut-offs

A speech model that is more than 2 points better replaces a faster one as long as the latency stays within 1.5 s. The
first chunk of an answer is as long as it can be without a noticeable delay: a whole clause sounds better.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from voicecli.tune.values import Choice, Sample, Samples, Trial, Value, Waits, cut_offs, error_rate, real_time_factor

ERROR_POINTS = 0.02
"""Difference in word error rate that still counts as equally good."""

SURE_ERRORS = 2.0
"""Required paired difference in word errors, in standard errors; less may be chance."""

LEAST_GAIN_S = 0.02
"""Smallest gain that counts: one frame of audio."""

SHARE = 0.75
"""Share of the pairs that must show a difference before it counts."""

LEAST_PAIRS = 5
"""With fewer pairs nothing is decided."""

MOST_WAIT_S = 1.5
"""Longest voice-to-voice latency that better transcripts may cost."""

KEEPS_UP = 0.9
"""Real-time factor above which the voice has gaps."""

LEAST_FACTOR = 0.1
"""Smallest gain in real-time factor that counts for a voice that does not keep up."""

NOTICEABLE_S = 0.05
"""Delay that a longer first chunk may cost."""

LEAST_CUTS = 2
"""Smallest difference in cut-offs that counts."""


def choose(
    key: str, in_use: Value, default: Value, trials: Sequence[Trial], waits: Waits, held: Mapping[Value, str]
) -> Choice:
    """Choose between the value in use and those that were tried against it.

    `waits` are those with the value in use. `held` maps values that must not be chosen to the reason.
    """
    enough = [trial for trial in trials if len(trial.after) >= LEAST_PAIRS]
    if not enough:
        return Choice(key, in_use, default, "nothing else was tried", measured=False)
    compared = [trial for trial in enough if trial.value not in held]
    chosen = best(key, compared, waits) if compared else None
    if chosen is not None:
        return Choice(key, chosen.value, default, DESCRIBE[chosen.arm.part](chosen, waits))
    others = "; ".join(describe(trial, waits, held.get(trial.value, "")) for trial in enough)
    return Choice(key, in_use, default, f"no better: {others}")


def best(key: str, compared: Sequence[Trial], waits: Waits) -> Trial | None:
    """Return the trial of the value that is better than the one in use; None if none surely is."""
    if key == "tts.first_chunk_chars":
        return longest_unnoticed(compared, waits)
    match compared[0].arm.part:
        case "ending":
            return best_mode(compared, waits)
        case "hearing":
            return best_recognizer(compared, waits)
        case "answering":
            if not keeps_up(compared[0].before):
                return fastest_voice(compared)
            return fastest([trial for trial in compared if keeps_up(trial.after)], waits)
        case other:
            assert_never(other)


def fastest(trials: Sequence[Trial], waits: Waits) -> Trial | None:
    """Return the trial with the lowest latency, if its gain is beyond noise."""
    sure = [trial for trial in trials if shorter(gains_s(trial, waits))]
    return max(sure, key=lambda trial: statistics.median(gains_s(trial, waits)), default=None)


def best_recognizer(trials: Sequence[Trial], waits: Waits) -> Trial | None:
    """Return the fastest accurate model; if the one in use is inaccurate, the fastest surely better one."""
    rates = [rate for trial in trials for one in (trial.before, trial.after) if (rate := error_rate(one)) is not None]
    bound = min(rates, default=0.0) + ERROR_POINTS
    accurate = [trial for trial in trials if (error_rate(trial.after) or 0.0) <= bound]
    candidates = [trial for trial in accurate if shorter(gains_s(trial, waits))]
    if (error_rate(trials[0].before) or 0.0) > bound:
        candidates += [
            trial for trial in accurate if surely_fewer_errors(trial) and wait_s(trial, waits) <= MOST_WAIT_S
        ]
    return min(candidates, key=lambda trial: wait_s(trial, waits), default=None)


def best_mode(trials: Sequence[Trial], waits: Waits) -> Trial | None:
    """Return a mode that is not worse than the one in use: fewest cut-offs first, then the shortest wait."""
    lossless = [
        trial
        for trial in trials
        if cut_offs(trial.after) <= cut_offs(trial.before) and not shorter([-gain for gain in gains_s(trial, waits)])
    ]
    better = [trial for trial in lossless if shorter(gains_s(trial, waits)) or fewer_cut_offs(trial)]
    return min(better, key=lambda trial: (cut_offs(trial.after), wait_s(trial, waits)), default=None)


def longest_unnoticed(trials: Sequence[Trial], waits: Waits) -> Trial | None:
    """Return the longest first chunk without a noticeable delay; all that are tried are longer than the one in use."""
    unnoticed = [trial for trial in trials if share_of(gains_s(trial, waits), above=-NOTICEABLE_S) >= SHARE]
    return max(unnoticed, key=lambda trial: int(trial.value), default=None)


def fastest_voice(trials: Sequence[Trial]) -> Trial | None:
    """Return the fastest voice; used if the one in use does not keep up."""
    sure = [trial for trial in trials if share_of(factors_gained(trial), above=0.0) >= SHARE]
    nearest = min(sure, key=lambda trial: real_time_factor(trial.after) or 0.0, default=None)
    return nearest if nearest and statistics.median(factors_gained(nearest)) >= LEAST_FACTOR else None


def factors_gained(trial: Trial) -> list[float]:
    """Return by how much the real-time factor is lower, for each answer."""
    pairs = zip(trial.before, trial.after, strict=True)
    return [one.work_s / one.audio_s - other.work_s / other.audio_s for one, other in pairs]


def gains_s(trial: Trial, waits: Waits) -> list[float]:
    """Return how much sooner each answer would have been heard; work that the silence hides gains nothing."""

    def whole_s(sample: Sample) -> float:
        return waits.having(trial.arm.part, sample.took_s).voice_to_voice_s

    return [whole_s(before) - whole_s(after) for before, after in zip(trial.before, trial.after, strict=True)]


def wait_s(trial: Trial, waits: Waits) -> float:
    """Return the median voice-to-voice latency with the tried arm."""
    return waits.voice_to_voice_s - statistics.median(gains_s(trial, waits))


def shorter(gains: Sequence[float]) -> bool:
    """Return whether a gain is beyond noise: large enough, and seen in three of four pairs."""
    return statistics.median(gains) >= LEAST_GAIN_S and share_of(gains, above=0.0) >= SHARE


def share_of(values: Sequence[float], above: float) -> float:
    """Return the share of values above a bound."""
    return sum(value > above for value in values) / len(values)


def surely_fewer_errors(trial: Trial) -> bool:
    """Return whether the mean paired difference in word errors is beyond its standard error."""
    fewer = [one.errors - other.errors for one, other in zip(trial.before, trial.after, strict=True) if one.words]
    if len(fewer) < LEAST_PAIRS:
        return False
    error = statistics.stdev(fewer) / math.sqrt(len(fewer))
    return statistics.mean(fewer) > 0 and statistics.mean(fewer) >= SURE_ERRORS * error


def fewer_cut_offs(trial: Trial) -> bool:
    """Return whether clearly fewer users were cut off."""
    return cut_offs(trial.before) - cut_offs(trial.after) >= LEAST_CUTS


def keeps_up(samples: Samples) -> bool:
    """Return whether the voice has no gaps."""
    return (real_time_factor(samples) or 0.0) <= KEEPS_UP


def describe(trial: Trial, waits: Waits, but: str = "") -> str:
    """Describe a trial."""
    return f"{shown(trial.value)}: {DESCRIBE[trial.arm.part](trial, waits)}" + (f", but {but}" if but else "")


def shown(value: Value) -> str:
    """Return a value as text; booleans as in TOML."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def against(trial: Trial, waits: Waits) -> str:
    """Describe how much sooner or later the answer is heard."""
    gains = gains_s(trial, waits)
    gain_ms = 1000 * statistics.median(gains)
    rival = shown(trial.rival[trial.key])
    if abs(gain_ms) < 1:
        return f"as soon as {rival}"
    side = "sooner" if gain_ms > 0 else "later"
    times = sum(gain > 0 if gain_ms > 0 else gain < 0 for gain in gains)
    return f"{abs(gain_ms):.0f} ms {side} than {rival} ({times} of {len(gains)} times)"


def describe_hearing(trial: Trial, waits: Waits) -> str:
    """Describe the gain and the word error rates."""
    rates = error_rate(trial.after), error_rate(trial.before)
    if rates[0] is None or rates[1] is None:
        return against(trial, waits)
    return f"{against(trial, waits)}, word errors {100 * rates[0]:.1f} against {100 * rates[1]:.1f} %"


def describe_answering(trial: Trial, waits: Waits) -> str:
    """Describe the gain and the real-time factors of the voice."""
    factors = real_time_factor(trial.after) or 0.0, real_time_factor(trial.before) or 0.0
    return f"{against(trial, waits)}, voice {factors[0]:.2f} s per second of audio against {factors[1]:.2f}"


def describe_ending(trial: Trial, waits: Waits) -> str:
    """Describe the gain and the cut-offs."""
    cuts = f"{cut_offs(trial.after)} against {cut_offs(trial.before)} of {len(trial.after)} cut off"
    return f"{against(trial, waits)}, {cuts}"


DESCRIBE: dict[str, Callable[[Trial, Waits], str]] = {
    "hearing": describe_hearing,
    "answering": describe_answering,
    "ending": describe_ending,
}
