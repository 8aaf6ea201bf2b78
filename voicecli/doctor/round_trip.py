"""Find the sound that the speaker played in the microphone signal: its delay and its attenuation. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecli.audio.echo.correlation import ECHO_SHARE
from voicecli.types import LISTEN_RATE_HZ, Pcm

QUIETEST_DB = -120.0

SILENT_UNITS = 16
"""Largest int16 amplitude of silence in the playback: resampling turns silence into a few units."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of samples that a device played or captured."""

    pcm: Pcm  # (n,) at LISTEN_RATE_HZ
    handed_at_s: (
        float  # clock time at which the speaker fetched its first sample, or the microphone delivered its last one
    )
    device_at_s: float  # clock time, as reported by the device, at which its first sample sounded or was captured


@dataclass(frozen=True, slots=True)
class Echo:
    """The playback as found in the microphone signal."""

    share: float  # share of the energy at the best shift that the playback explains, 0 to 1
    round_trip_s: float  # from the program to the speaker, through the air, and from the microphone to the program
    hidden_latency_s: float  # part of it that the latency reported by the devices does not include
    loss_db: float  # level of the playback minus level of the echo

    @property
    def is_heard(self) -> bool:
        """Return whether the echo is stronger than chance would explain."""
        return self.share > ECHO_SHARE


def find_echo(played: Sequence[Block], heard: Sequence[Block]) -> Echo | None:
    """Return where the sound in `played` occurs in `heard`; None if either is silent.

    `played` may begin and end with silence. `heard` must continue until the sound has come back.
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
    """Return all samples, int16, shape (n,)."""
    return np.concatenate([block.pcm for block in blocks]) if blocks else np.zeros(0, np.int16)


def level_of(pcm: Pcm) -> float:
    """Return the RMS level in dB of full scale, at least `QUIETEST_DB`."""
    return _decibels(_power(pcm))


def _trimmed(pcm: Pcm) -> tuple[Pcm, int]:
    """Return the sound without surrounding silence, and the number of samples removed before it."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > SILENT_UNITS)
    return (pcm[loud[0] : loud[-1] + 1], int(loud[0])) if len(loud) else (pcm[:0], 0)


def _best_shift(sound: Pcm, microphone: Pcm) -> tuple[int, float]:
    """Return the position of the sound in the microphone signal, in samples, and the share of energy explained there.

    Differences of samples are compared, so that low-frequency hum counts less.
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
    """Return the level of `pcm` in dB above the noise in `before`."""
    return _decibels(_power(pcm) - _power(before))


def _power(pcm: Pcm) -> float:
    return float(np.mean(np.square(pcm, dtype=np.float64))) if len(pcm) else 0.0


def _decibels(power: float) -> float:
    return max(QUIETEST_DB, 10 * float(np.log10(max(power, 1e-9) / 32768**2)))


def _taken_at_s(blocks: Sequence[Block], sample: int) -> float:
    """Return when the speaker fetched a sample: the median of the blocks near it, because one may have been late."""
    return _median_s([block.handed_at_s - start / LISTEN_RATE_HZ for block, start in _near(blocks, sample)], sample)


def _given_at_s(blocks: Sequence[Block], sample: int) -> float:
    """Return when the program received a sample of the microphone."""
    ends = [block.handed_at_s - (start + len(block.pcm)) / LISTEN_RATE_HZ for block, start in _near(blocks, sample)]
    return _median_s(ends, sample)


def _device_at_s(blocks: Sequence[Block], sample: int) -> float:
    return _median_s([block.device_at_s - start / LISTEN_RATE_HZ for block, start in _near(blocks, sample)], sample)


def _median_s(origins_s: list[float], sample: int) -> float:
    return float(np.median(origins_s)) + sample / LISTEN_RATE_HZ


def _near(blocks: Sequence[Block], sample: int) -> list[tuple[Block, int]]:
    """Return the blocks from `sample` to one second later, each with the number of its first sample."""
    starts = np.cumsum([0, *(len(block.pcm) for block in blocks)])
    return [
        (block, int(start))
        for block, start, end in zip(blocks, starts, starts[1:], strict=False)
        if end > sample and start < sample + LISTEN_RATE_HZ
    ]
