"""Compare the microphone with the playback by correlation. Pure.

`EchoCorrelation` detects a sound that is the playback itself. The canceller follows the delay between loudspeaker and
microphone, but not at once: if a device skips or repeats a few milliseconds, the voice comes through in full for 0.1 s
and more. Such a sound is the playback, only shifted, and a correlation finds it without knowing the shift.

`EchoPath` detects whether the microphone hears the loudspeaker at all. With headphones it does not, and then the
canceller does harm: it searches for an echo that never comes, and removes 5 to 18 dB of a voice over an answer (six
voices, four moments of an answer, no echo; with an echo of -40 dB or more it removes 1 dB). So while nothing of the
playback comes back, the microphone signal is used unprocessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecli.types import LISTEN_RATE_HZ, Pcm

WINDOW_SAMPLES = LISTEN_RATE_HZ * 80 // 1000
"""Length of the microphone signal that is compared: as long as the shortest speech that silences an answer."""

LONGEST_DELAY_SAMPLES = LISTEN_RATE_HZ * 52 // 100
"""Largest shift of the playback: the longest delay, 0.25 s, plus its lead over the microphone and a margin."""

PLAYBACK_SHARE = 0.75
"""Share of the energy above which a sound is the playback. In five simulated rooms at most 0.5 of a voice over an echo
was explained in nineteen frames of twenty, and 0.7 of a voice 4 dB weaker than the echo. An echo with reverberation is
not found this way, because one shift explains only a third of it: the canceller removes it."""

NO_GAIN_DB = -120.0

PATH_WINDOW_SAMPLES = LISTEN_RATE_HZ * 8 // 10
"""The same for `EchoPath`: the length of the ready sound. A voice that is not the playback explains 1 % of it."""

PATH_INTERVAL_SAMPLES = LISTEN_RATE_HZ // 5
"""Interval between comparisons. One takes 2 ms, and is only made while something plays."""

PLAYING_DB = -45.0
"""RMS of the differentiated playback, relative to full scale, from which a comparison is conclusive: speech at -20 dB
has -35 dB."""

SILENT_DB = -47.0
"""Gain at the best shift below which any echo is negligible. One shift only contains the direct sound: this is a total
echo of -32 dB in a very reverberant room and of -45 dB in a dry one. The threshold of `EchoLevelGate` rejects both."""

CHANCE = 0.015
"""Share of the microphone's energy that any playback explains by chance. Noises and voices over playback reached 0.01.
In four simulated rooms with an echo of -30 dB and a quiet microphone the 5th percentile was 0.03."""

ECHO_SHARE = 2 * CHANCE
"""Share from which the playback does come back: an echo of -20 dB has a median of 0.07."""


@dataclass(frozen=True, slots=True)
class Match:
    """The shift at which the playback is most similar to what was captured."""

    explained: float  # share of the captured energy, 0 to 1
    gain_db: float  # of the captured signal over the playback at that shift, at least NO_GAIN_DB
    quietest: float  # energy of the playback at the shift where it is lowest


def match(played: NDArray[np.float32], captured: NDArray[np.float32]) -> Match:
    """Compare `captured`, shape (n,), with `played`, shape (m,) with m > n, at each shift, by one correlation."""
    length, shifts = len(captured), len(played) - len(captured) + 1
    size = 1 << (len(played) + length).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(played, size) * np.conj(np.fft.rfft(captured, size)))[:shifts]
    sums = np.concatenate([[0.0], np.cumsum(played.astype(np.float64) ** 2)])
    energies = sums[length:] - sums[:-length]
    explained = correlation**2 / np.maximum(energies, 1.0)
    best = int(np.argmax(explained))
    gain = abs(float(correlation[best])) / max(float(energies[best]), 1.0)
    gain_db = 20 * np.log10(gain) if gain > 0 else NO_GAIN_DB
    energy = float(captured @ captured)
    return Match(
        float(explained[best]) / energy if energy else 0.0, max(NO_GAIN_DB, float(gain_db)), float(energies.min())
    )


class _BothSides:
    """The latest of playback and microphone at 16 kHz, in step to within `LONGEST_DELAY_SAMPLES`."""

    window_samples: int

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget both sides: another device is in use, or none."""
        self._played = np.zeros(LONGEST_DELAY_SAMPLES + self.window_samples, np.float32)
        self._captured = np.zeros(self.window_samples, np.float32)

    def played(self, pcm: Pcm) -> None:
        """Add playback, shape (n,)."""
        self._played = _appended(self._played, pcm)

    def captured(self, pcm: Pcm) -> None:
        """Add the microphone signal from before the canceller, shape (n,)."""
        self._captured = _appended(self._captured, pcm)


def _appended(buffer: NDArray[np.float32], pcm: Pcm) -> NDArray[np.float32]:
    """Return the last `len(buffer)` samples of `buffer` followed by `pcm`, shape (n,)."""
    return np.concatenate([buffer[len(pcm) :], pcm.astype(np.float32)])


class EchoCorrelation(_BothSides):
    """Tells whether the last 80 ms of the microphone are the playback itself."""

    window_samples = WINDOW_SAMPLES

    def is_playback(self) -> bool:
        """Return whether the last 80 ms of the microphone are hardly anything but the playback."""
        return self.explained() > PLAYBACK_SHARE

    def explained(self) -> float:
        """Return the share of the energy of the last 80 ms that the playback explains at the best shift, 0 to 1."""
        return match(self._played, self._captured).explained if self._captured.any() else 0.0


class EchoPath(_BothSides):
    """Compares both sides repeatedly. It assumes an echo until a comparison rules it out."""

    window_samples = PATH_WINDOW_SAMPLES

    def reset(self) -> None:
        """Forget both sides: another device is in use, or none."""
        super().reset()
        self.is_silent = False
        """Whether the last conclusive comparison found nothing of the playback."""
        self._waited_samples = 0

    def captured(self, pcm: Pcm) -> None:
        super().captured(pcm)
        self._waited_samples += len(pcm)
        if self._waited_samples >= PATH_INTERVAL_SAMPLES and self._played.any():
            self._waited_samples = 0
            self._compare()

    def _compare(self) -> None:
        found = match(_differentiated(self._played), _differentiated(self._captured))
        if found.quietest < PATH_WINDOW_SAMPLES * (32768 * 10 ** (PLAYING_DB / 20)) ** 2:
            return  # the echo of the loud part may not have arrived yet
        if found.gain_db < SILENT_DB and found.explained < CHANCE:
            self.is_silent = True
        elif found.explained > ECHO_SHARE:
            self.is_silent = False


def _differentiated(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sound with weaker low frequencies, which all voices have in common."""
    return np.diff(sound, prepend=sound[:1])
