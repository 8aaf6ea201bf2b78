"""Finds in the microphone what the speaker played: how late it came back, and how weak. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecli.audio.echo.correlation import ECHO_SHARE
from voicecli.types import LISTEN_RATE_HZ, Pcm

QUIETEST_DB = -120.0

SILENT_UNITS = 16
"""Of int16: playback up to this is silence, of which resampling makes a few units."""


@dataclass(frozen=True, slots=True)
class Block:
    """What a device took or gave in one go."""

    pcm: Pcm  # (n,) at LISTEN_RATE_HZ
    handed_at_s: float  # clock time: the speaker took its first sample, the microphone gave its last one
    device_at_s: float  # clock time, by the device's own account, at which its first sample sounded or was captured


@dataclass(frozen=True, slots=True)
class Echo:
    """The playback as the microphone heard it."""

    share: float  # of the energy heard at the best shift that the playback explains, 0 to 1
    round_trip_s: float  # from the program to the speaker, through the air, and from the microphone to the program
    untold_s: float  # part of it that the devices do not tell of when asked for their latency
    loss_db: float  # level of what was played over the level of what came back

    @property
    def is_heard(self) -> bool:
        """More of it than chance would explain."""
        return self.share > ECHO_SHARE


def find_echo(played: Sequence[Block], heard: Sequence[Block]) -> Echo | None:
    """Where the sound that is in `played` is in `heard`; None where either side holds nothing.

    `played` may begin and end with silence; `heard` has to go on for longer than the sound takes to come back.
    """
    sound, begin = _trimmed(joined(played))
    microphone = joined(heard)
    if not len(sound) or len(microphone) < len(sound) or not microphone.any():
        return None
    shift, share = _best_shift(sound, microphone)
    back = microphone[shift : shift + len(sound)]
    before = microphone[: max(1, shift)]
    began_s, came_s = _taken_at_s(played, begin), _given_at_s(heard, shift)
    sounded_s, captured_s = _device_at_s(played, begin), _device_at_s(heard, shift)
    return Echo(share, came_s - began_s, captured_s - sounded_s, level_of(sound) - _level_above(back, before))


def joined(blocks: Sequence[Block]) -> Pcm:
    """All samples, shape (n,)."""
    return np.concatenate([block.pcm for block in blocks]) if blocks else np.zeros(0, np.int16)


def level_of(pcm: Pcm) -> float:
    """RMS in dB of full scale, `QUIETEST_DB` at least."""
    return _decibels(_power(pcm))


def _trimmed(pcm: Pcm) -> tuple[Pcm, int]:
    """Without the silence around it, and how much of it was before."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > SILENT_UNITS)
    return (pcm[loud[0] : loud[-1] + 1], int(loud[0])) if len(loud) else (pcm[:0], 0)


def _best_shift(sound: Pcm, microphone: Pcm) -> tuple[int, float]:
    """Samples from the microphone's first to the sound in it, and the share of energy explained there.

    Differences are compared: low frequencies, in which rooms hum, count less.
    """
    near, far = np.diff(sound.astype(np.float64), prepend=0), np.diff(microphone.astype(np.float64), prepend=0)
    size = 1 << (len(near) + len(far)).bit_length()
    shifts = len(far) - len(near) + 1
    correlation = np.fft.irfft(np.fft.rfft(far, size) * np.conj(np.fft.rfft(near, size)), size)[:shifts]
    sums = np.concatenate([[0.0], np.cumsum(far**2)])
    energies = np.maximum(sums[len(near) :] - sums[: -len(near)], 1.0)
    shares: NDArray[np.float64] = correlation**2 / energies / max(float(near @ near), 1.0)
    best = int(np.argmax(shares))
    return best, float(shares[best])


def _level_above(pcm: Pcm, before: Pcm) -> float:
    """Of `pcm` without the noise that was there before."""
    return _decibels(_power(pcm) - _power(before))


def _power(pcm: Pcm) -> float:
    return float(np.mean(np.square(pcm, dtype=np.float64))) if len(pcm) else 0.0


def _decibels(power: float) -> float:
    return max(QUIETEST_DB, 10 * float(np.log10(max(power, 1e-9) / 32768**2)))


def _taken_at_s(blocks: Sequence[Block], sample: int) -> float:
    """When the speaker took a sample. Of the blocks around it the median counts: a single one may have been late."""
    return _median_s([block.handed_at_s - start / LISTEN_RATE_HZ for block, start in _near(blocks, sample)], sample)


def _given_at_s(blocks: Sequence[Block], sample: int) -> float:
    """When the program had a sample of the microphone."""
    ends = [block.handed_at_s - (start + len(block.pcm)) / LISTEN_RATE_HZ for block, start in _near(blocks, sample)]
    return _median_s(ends, sample)


def _device_at_s(blocks: Sequence[Block], sample: int) -> float:
    return _median_s([block.device_at_s - start / LISTEN_RATE_HZ for block, start in _near(blocks, sample)], sample)


def _median_s(origins_s: list[float], sample: int) -> float:
    return float(np.median(origins_s)) + sample / LISTEN_RATE_HZ


def _near(blocks: Sequence[Block], sample: int) -> list[tuple[Block, int]]:
    """Blocks of the second after `sample`, that of the sample included, each with the number of its first sample."""
    starts = np.cumsum([0, *(len(block.pcm) for block in blocks)])
    return [
        (block, int(start))
        for block, start, end in zip(blocks, starts, starts[1:], strict=False)
        if end > sample and start < sample + LISTEN_RATE_HZ
    ]
