"""Does the microphone hear the loudspeaker at all? Pure.

With headphones it does not, and then the canceller harms: it looks for an echo that never comes, and takes 5 to 18 dB
of whoever talks over an answer (six voices, four moments of an answer, no echo; with an echo of -40 dB and more it
takes 1 dB). So while nothing of the playback comes back, the microphone is heard as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicecli.audio.echo.correlation import LONGEST_DELAY_SAMPLES, appended, match
from voicecli.types import LISTEN_RATE_HZ, Pcm

WINDOW_SAMPLES = LISTEN_RATE_HZ * 8 // 10
"""Of the microphone: the length of the ready sound. A voice that is not the playback explains 1 % of so much."""

EVERY_SAMPLES = LISTEN_RATE_HZ // 5
"""From one look to the next. A look takes 2 ms, and is only taken while something plays."""

PLAYING_DB = -45.0
"""RMS of the playback's differences over full scale from which on a look is worth it: speech at -20 dB has -35."""

SILENT_DB = -47.0
"""Below this gain at the best shift nothing comes back, for all that it matters. One shift holds the direct sound: in a
room that reverberates strongly this is an echo of -32 dB in all, in a dry one of -45 dB; the bar of `echo_guard` holds
against both."""

CHANCE = 0.015
"""Share of what is heard that any playback explains: noises and voices over playback reached 0.01, in four simulated
rooms with an echo of -30 dB and a quiet microphone 0.03 was the 5th percentile."""

ECHO_SHARE = 2 * CHANCE
"""From this share on the playback does come back: an echo of -20 dB has a median of 0.07."""


class EchoPath:
    """Compare both sides repeatedly, in step as for `EchoCorrelation`. Assume an echo until a comparison rules it out."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget both sides: another device is in use, or none."""
        self.is_silent = False
        """Nothing of the playback was heard when it could last be told."""
        self._played = np.zeros(LONGEST_DELAY_SAMPLES + WINDOW_SAMPLES, np.float32)
        self._heard = np.zeros(WINDOW_SAMPLES, np.float32)
        self._waited_samples = 0

    def played(self, pcm: Pcm) -> None:
        """Playback at 16 kHz, shape (n,)."""
        self._played = appended(self._played, pcm)

    def heard(self, pcm: Pcm) -> None:
        """The microphone before the canceller, at 16 kHz, shape (n,)."""
        self._heard = appended(self._heard, pcm)
        self._waited_samples += len(pcm)
        if self._waited_samples >= EVERY_SAMPLES and self._played.any():
            self._waited_samples = 0
            self._look()

    def _look(self) -> None:
        found = match(_flattened(self._played), _flattened(self._heard))
        if found.quietest < WINDOW_SAMPLES * (32768 * 10 ** (PLAYING_DB / 20)) ** 2:
            return  # some of it may still be on its way
        if found.gain_db < SILENT_DB and found.explained < CHANCE:
            self.is_silent = True
        elif found.explained > ECHO_SHARE:
            self.is_silent = False


def _flattened(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """With its low frequencies weakened: all voices have those in common."""
    return np.diff(sound, prepend=sound[:1])
