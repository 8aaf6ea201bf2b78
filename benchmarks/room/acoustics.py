"""Simulate what a microphone picks up of a loudspeaker in the same room.

A small loudspeaker clips softly; the room delays, answers with a decaying noise and weakens; the two devices' clocks
drift apart. All in int16 units at 16 kHz, block by block and causal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecli.types import LISTEN_RATE_HZ, Pcm

Signal = NDArray[np.float64]

CLIPS_AT = 16_000
"""Int16 value that the loudspeaker approaches and never passes: half of full scale, -6 dB."""

DIRECT = 3.0
"""Amplitude of the direct sound over the standard deviation of the first reflection."""

DECAY_DB = 60.0
"""Attenuation within the decay time, by the definition of RT60."""

TAPS = 16
"""Length of the interpolation filter for a drifting clock: a Hann-windowed sinc, within 0.2 dB up to 6.5 kHz."""


@dataclass(frozen=True, slots=True)
class Room:
    """Loudspeaker, air and microphone."""

    delay_s: float = 0.12  # beyond the latency that the devices report: the air, and what they do not report
    echo_db: float = -20.0  # energy of the echo over that of the playback; -inf: headphones
    decay_s: float = 0.25
    drift_ppm: float = 100.0  # by which the microphone's clock is slower
    floor_db: float = -70.0  # the microphone's own noise, RMS over full scale
    seed: int = 0

    @property
    def drift(self) -> float:
        """Return the length of a second of the microphone, in s."""
        return 1 + self.drift_ppm * 1e-6


class Timeline:
    """Samples by their index; silence where nothing was added."""

    def __init__(self) -> None:
        self._samples: Signal = np.zeros(1 << 16)

    def add(self, first: int, samples: Signal) -> None:
        """Mix `samples`, shape (n,), in from index `first` on, which is not negative."""
        needed = first + len(samples)
        if needed > len(self._samples):
            self._samples = np.concatenate([self._samples, np.zeros(max(needed, len(self._samples)))])
        self._samples[first:needed] += samples

    def read(self, first: int, last: int) -> Signal:
        """Return the samples from `first` up to `last`; both may lie outside of what was added."""
        kept = self._samples[max(first, 0) : max(last, 0)]
        before = min(max(-first, 0), last - first)
        return np.pad(kept, (before, last - first - before - len(kept)))


class Echo:
    """The path from loudspeaker to microphone. Both count samples from the same moment."""

    def __init__(self, room: Room, after_s: float = 0.0) -> None:
        """`after_s`: from passing a block until it sounds, in addition to the room's delay."""
        self._room = room
        self._air = Timeline()
        self._next = round((after_s + room.delay_s) * LISTEN_RATE_HZ)
        self._response = response(room)
        self._noise = np.random.default_rng(room.seed + 1)

    def play(self, pcm: Pcm) -> None:
        """Play the loudspeaker's next samples, shape (n,)."""
        if pcm.any():
            sound = CLIPS_AT * np.tanh(pcm / CLIPS_AT)
            size = 1 << (len(sound) + len(self._response) - 1).bit_length()
            heard = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(self._response, size), size)
            self._air.add(self._next, heard[: len(sound) + len(self._response) - 1])
        self._next += len(pcm)

    def capture(self, first: int, samples: int) -> Signal:
        """Return the microphone's samples from its own index `first` on, shape (samples,), including its noise."""
        positions = np.arange(first, first + samples).astype(np.float64) * self._room.drift
        floor = 32768 * 10 ** (self._room.floor_db / 20)
        heard: Signal = self._at(positions) + self._noise.normal(0, floor, samples)
        return heard

    def _at(self, positions: Signal) -> Signal:
        half = TAPS // 2
        whole = np.floor(positions).astype(np.int64)
        first = int(whole[0]) - half + 1
        air = self._air.read(first, int(whole[-1]) + half + 1)
        near = whole[:, np.newaxis] + np.arange(1 - half, half + 1)
        away = positions[:, np.newaxis] - near
        weights = np.sinc(away) * np.cos(np.pi * away / TAPS) ** 2
        heard: Signal = np.sum(air[near - first] * weights, axis=1)
        return heard


def response(room: Room) -> Signal:
    """Return the impulse response: energy `echo_db`, falling by 60 dB in `decay_s`."""
    taps = round(room.decay_s * LISTEN_RATE_HZ)
    click: Signal = np.random.default_rng(room.seed).standard_normal(taps)
    click *= 10 ** (-DECAY_DB / 20 * np.arange(taps) / taps)
    click[0] = DIRECT
    click *= 10 ** (room.echo_db / 20) / np.sqrt(np.sum(click**2))
    return click
