"""Is what the microphone hears the playback itself? Pure.

The canceller follows the delay between loudspeaker and microphone, but not at once: where a device skips or repeats a
few milliseconds, the voice comes through whole for 0.1 s and more. Such a piece is the playback but for a shift, and
that can be told without knowing the shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecli.types import LISTEN_RATE_HZ, Pcm

WINDOW_SAMPLES = LISTEN_RATE_HZ * 80 // 1000
"""Of the microphone, compared as one: as long as the shortest speech that silences an answer."""

LONGEST_DELAY_SAMPLES = LISTEN_RATE_HZ * 52 // 100
"""Of the playback's shift: the longest delay, 0.25 s, with what goes ahead of the microphone and a margin."""

MEMORY_SAMPLES = LONGEST_DELAY_SAMPLES + WINDOW_SAMPLES
"""Of the playback that a window may be."""

MOSTLY = 0.75
"""Share of the energy from which on it is the playback. Of a voice over an echo 0.5 was explained at most in nineteen
frames of twenty, in five simulated rooms, and 0.7 where it was 4 dB weaker than the echo. An echo with a room around it
is not told by this, for one shift explains a third of it: that is the canceller's work."""

NO_GAIN_DB = -120.0


@dataclass(frozen=True, slots=True)
class Match:
    """The shift at which the playback resembles most what was heard."""

    explained: float  # share of the energy that was heard, 0 to 1
    gain_db: float  # of what was heard over the playback at that shift, at least NO_GAIN_DB
    quietest: float  # energy of the playback at the shift where it has least


def match(played: NDArray[np.float32], heard: NDArray[np.float32]) -> Match:
    """Lay `heard`, shape (n,), along `played`, shape (m,) with m > n, at each shift, by one correlation."""
    length, shifts = len(heard), len(played) - len(heard) + 1
    size = 1 << (len(played) + length).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size)))[:shifts]
    sums = np.concatenate([[0.0], np.cumsum(played.astype(np.float64) ** 2)])
    energies = sums[length:] - sums[:-length]
    explained = correlation**2 / np.maximum(energies, 1.0)
    best = int(np.argmax(explained))
    gain = abs(float(correlation[best])) / max(float(energies[best]), 1.0)
    gain_db = 20 * np.log10(gain) if gain > 0 else NO_GAIN_DB
    energy = float(heard @ heard)
    return Match(
        float(explained[best]) / energy if energy else 0.0, max(NO_GAIN_DB, float(gain_db)), float(energies.min())
    )


class EchoCorrelation:
    """The latest of both sides, in step to within what `LONGEST_DELAY_SAMPLES` leaves room for."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget both sides: another device is in use, or none."""
        self._played = np.zeros(MEMORY_SAMPLES, np.float32)
        self._heard = np.zeros(WINDOW_SAMPLES, np.float32)

    def played(self, pcm: Pcm) -> None:
        """Playback at 16 kHz, shape (n,)."""
        self._played = appended(self._played, pcm)

    def heard(self, pcm: Pcm) -> None:
        """The microphone before the canceller, at 16 kHz, shape (n,)."""
        self._heard = appended(self._heard, pcm)

    def is_playback(self) -> bool:
        """Whether the last 80 ms of the microphone are hardly anything else."""
        return self.explained() > MOSTLY

    def explained(self) -> float:
        """Share of the energy of the last 80 ms that the playback explains at the best shift, 0 to 1."""
        return match(self._played, self._heard).explained if self._heard.any() else 0.0


def appended(buffer: NDArray[np.float32], pcm: Pcm) -> NDArray[np.float32]:
    """The latest `len(buffer)` samples once `pcm`, shape (n,), has come."""
    return np.concatenate([buffer[len(pcm) :], pcm.astype(np.float32)])
