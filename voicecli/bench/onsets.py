"""When something begins in a recording: what was played into it, and the first sound that lasts. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voicecli.audio.echo.canceller import PlayedBlock
from voicecli.bench.outcomes import AUDIBLE_STEPS
from voicecli.bench.room import STEP_S, loud_steps_s
from voicecli.types import LISTEN_RATE_HZ, Pcm

SEARCH_S = 2.0
"""A player starts within this much of being asked to."""

EARLY_S = 0.05
"""So much before the true end of a voice a sound is no cut-in: the end is known that well."""

LATE_S = 0.2
"""So long after the beginning of a voice a sound may still be the end of what was answered before."""


def found_at_s(recording: Pcm, pcm: Pcm) -> float:
    """Where `pcm` is heard in a recording, whatever else is: the best correlation. Both (n,) at LISTEN_RATE_HZ."""
    recorded = recording[: len(pcm) + round(SEARCH_S * LISTEN_RATE_HZ)].astype(np.float64)
    size = 1 << (len(recorded) + len(pcm)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(pcm.astype(np.float64), size)), size)
    return int(np.argmax(correlation[: len(recorded)])) / LISTEN_RATE_HZ


def loud_times(recording: Pcm, began_s: float) -> list[float]:
    """When each 10 ms begins that somebody in the room would hear (`room.AUDIBLE_DB`)."""
    return list(loud_steps_s(PlayedBlock(recording, LISTEN_RATE_HZ, began_s)))


def first_lasting(loud_s: Sequence[float], from_s: float, until_s: float = float("inf")) -> float | None:
    """When the first sound of 30 ms or more begins in a stretch of time; None without one."""
    times = [at_s for at_s in loud_s if from_s <= at_s < until_s]
    for index in range(len(times) - AUDIBLE_STEPS + 1):
        if times[index + AUDIBLE_STEPS - 1] - times[index] < (AUDIBLE_STEPS - 0.5) * STEP_S:
            return times[index]
    return None


def voice_to_voice_s(loud_s: Sequence[float], voiced_until_s: float) -> float | None:
    """From the end of a voice to the first sound of the answer; None without an answer."""
    audible_s = first_lasting(loud_s, voiced_until_s - EARLY_S)
    return None if audible_s is None else max(0.0, audible_s - voiced_until_s)


def cuts_in(loud_s: Sequence[float], voiced_from_s: float, voiced_until_s: float) -> bool:
    """Whether an answer sounds before the user has finished."""
    return first_lasting(loud_s, voiced_from_s + LATE_S, voiced_until_s - EARLY_S) is not None
