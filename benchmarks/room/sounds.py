"""What else is heard in a room: a voice with its true beginning and end, and sounds that are nobody's words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicecli.audio.speech_input import VoiceActivityDetector, level_db
from voicecli.bench.speech import voiced
from voicecli.types import LISTEN_RATE_HZ, Pcm

NEAR_DB = -25.0
"""Level of the user's voice while it sounds, RMS over full scale: somebody at arm's length from a laptop."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Something that somebody says."""

    name: str
    pcm: Pcm  # (n,) at 16 kHz
    voiced_s: float  # from the first voiced sample to the last


def voiced_clip(name: str, pcm: Pcm, gate: VoiceActivityDetector, level: float = NEAR_DB) -> Clip | None:
    """Return a recording from its first voiced sample to its last, at an RMS of `level` dB; None without speech."""
    found = voiced(pcm, gate)
    if found is None:
        return None
    said = pcm[found.first : found.last]
    return Clip(name, at_level(said, level - found.level_db), len(said) / LISTEN_RATE_HZ)


def at_level(pcm: Pcm, gain_db: float) -> Pcm:
    """Louder by so much, clipped where int16 ends."""
    louder: Pcm = np.clip(np.rint(pcm * 10 ** (gain_db / 20)), -32768, 32767).astype(np.int16)
    return louder


def to_level(pcm: Pcm, level: float) -> Pcm:
    """At an RMS of `level` dB over full scale."""
    return at_level(pcm, level - level_db(pcm))


def cough(seed: int, level: float = NEAR_DB) -> Pcm:
    """Return a burst of breath and a hoarse, falling tone: 0.35 s, with the peak of a voice; shape (n,), 16 kHz."""
    random = np.random.default_rng(seed)
    length = round(0.35 * LISTEN_RATE_HZ)
    at_s = np.arange(length) / LISTEN_RATE_HZ
    breath = band(random.standard_normal(length), 400, 4000)
    pitch_hz = random.uniform(150, 350) * np.exp(-2 * at_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / LISTEN_RATE_HZ
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 12))
    swell = np.minimum(1, at_s / 0.01) * np.exp(-at_s / 0.09)
    return to_level(scaled((breath / np.std(breath) + 0.5 * tone / np.std(tone)) * swell), level)


def keyboard(seed: int, length_s: float, level: float = NEAR_DB - 10) -> Pcm:
    """Somebody types six keys a second: clicks of 4 ms that ring; shape (n,) at 16 kHz."""
    random = np.random.default_rng(seed)
    typed = np.zeros(round(length_s * LISTEN_RATE_HZ))
    ring = np.arange(round(0.03 * LISTEN_RATE_HZ)) / LISTEN_RATE_HZ
    at_s = 0.0
    while (at_s := at_s + random.exponential(1 / 6)) < length_s - 0.05:
        key = random.standard_normal(len(ring)) * np.exp(-ring / 0.004)
        first = round(at_s * LISTEN_RATE_HZ)
        typed[first : first + len(key)] += band(key, 1000, 6000) * random.uniform(0.5, 1)
    return to_level(scaled(typed), level)


def fan(seed: int, length_s: float, level: float = NEAR_DB - 10) -> Pcm:
    """Air in motion and a hum of 120 Hz; shape (n,) at 16 kHz."""
    random = np.random.default_rng(seed)
    length = round(length_s * LISTEN_RATE_HZ)
    air = band(random.standard_normal(length), 60, 1200)
    hum = np.sin(2 * np.pi * 120 * np.arange(length) / LISTEN_RATE_HZ)
    return to_level(scaled(air / np.std(air) + 0.7 * hum), level)


def band(sound: np.typing.NDArray[np.float64], low_hz: float, high_hz: float) -> np.typing.NDArray[np.float64]:
    """Return what of a sound lies between two frequencies."""
    spectrum = np.fft.rfft(sound)
    at_hz = np.fft.rfftfreq(len(sound), 1 / LISTEN_RATE_HZ)
    return np.fft.irfft(spectrum * ((at_hz >= low_hz) & (at_hz <= high_hz)), len(sound))


def scaled(sound: np.typing.NDArray[np.float64]) -> Pcm:
    """As int16, with headroom for a later change of level."""
    pcm: Pcm = np.rint(sound / np.max(np.abs(sound)) * 16_000).astype(np.int16)
    return pcm
