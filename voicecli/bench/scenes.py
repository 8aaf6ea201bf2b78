"""Build what the microphone hears in each scenario from clean recordings. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from voicecli.audio.resample import resample
from voicecli.audio.speech_input import level_db
from voicecli.bench.speech import Utterance
from voicecli.types import LISTEN_RATE_HZ, Pcm

NOISE_S = 5.0
"""Length of the noise, which is repeated."""

PAUSE_S = 0.9
"""Pause in the middle of an utterance. One in eight pauses of callers is longer (livekit/eot-bench)."""

FAST = 1.25
"""Speed of the fast speaker: 190 words a minute instead of the usual 150."""

BLOCK = LISTEN_RATE_HZ // 50


@dataclass(frozen=True, slots=True)
class Scene:
    """One question, and what else is heard at the same time."""

    scenario: str
    name: str  # of the recording
    pcm: Pcm  # (n,) at LISTEN_RATE_HZ, from shortly before the voice until shortly after it
    voiced_from_s: float
    voiced_until_s: float
    noise: Pcm | None = None  # (n,), repeated throughout the scene
    over: Utterance | None = None  # a second question during the answer
    slots: tuple[str, ...] = ()  # phrases that must be recognized


@dataclass(frozen=True, slots=True)
class Scenario:
    """How to build a scene from an utterance; the second utterance is that of another speaker."""

    name: str
    about: str
    stage: Callable[[Utterance, Utterance], Scene]
    echoes: bool = False


def quiet(said: Utterance, other: Utterance) -> Scene:
    """Return the question in a quiet room."""
    return Scene("quiet", said.name, said.pcm, said.voiced_from_s, said.voiced_until_s, slots=said.slots)


def noisy(snr_db: float, said: Utterance, other: Utterance) -> Scene:
    """Return the question in pink noise, `snr_db` below the voice."""
    voice = said.pcm[round(said.voiced_from_s * LISTEN_RATE_HZ) : round(said.voiced_until_s * LISTEN_RATE_HZ)]
    noise = pink_noise(level_db(voice) - snr_db)
    return replace(quiet(said, other), scenario=f"noise {snr_db:.0f} dB", noise=noise)


def echoing(said: Utterance, other: Utterance) -> Scene:
    """Return the question with open loudspeakers."""
    return replace(quiet(said, other), scenario="echo")


def interrupted(said: Utterance, other: Utterance) -> Scene:
    """Return the question, with another question during the answer."""
    return replace(quiet(said, other), scenario="interruption", over=other)


def pausing(said: Utterance, other: Utterance) -> Scene:
    """Return the question with a pause at the quietest moment of its middle third."""
    first, last = (round(at_s * LISTEN_RATE_HZ) for at_s in (said.voiced_from_s, said.voiced_until_s))
    at = quietest(said.pcm, first + (last - first) // 3, last - (last - first) // 3)
    pause = np.zeros(round(PAUSE_S * LISTEN_RATE_HZ), np.int16)
    pcm = np.concatenate([said.pcm[:at], pause, said.pcm[at:]])
    until_s = said.voiced_until_s + PAUSE_S
    return replace(quiet(said, other), scenario="long pause", pcm=pcm, voiced_until_s=until_s)


def hurried(said: Utterance, other: Utterance) -> Scene:
    """Return the question by a faster speaker, whose voice is also higher."""
    pcm = resample(said.pcm, LISTEN_RATE_HZ * FAST, LISTEN_RATE_HZ)
    from_s, until_s = said.voiced_from_s / FAST, said.voiced_until_s / FAST
    return replace(quiet(said, other), scenario="fast speaker", pcm=pcm, voiced_from_s=from_s, voiced_until_s=until_s)


SCENARIOS = (
    Scenario("quiet", "a quiet room", quiet),
    Scenario("noise20", "pink noise, 20 dB below the voice", partial(noisy, 20)),
    Scenario("noise10", "pink noise, 10 dB below the voice", partial(noisy, 10)),
    Scenario("noise5", "pink noise, 5 dB below the voice", partial(noisy, 5)),
    Scenario("interruption", "another question during the answer", interrupted),
    Scenario("pause", f"a pause of {PAUSE_S:g} s in the question", pausing),
    Scenario("fast", f"a speaker {FAST:g} times as fast", hurried),
    Scenario("echo", "open loudspeakers, the echo 20 dB down", echoing, echoes=True),
)
"""All scenarios, in the order of the report."""


def quietest(pcm: Pcm, first: int, last: int) -> int:
    """Return the middle of the quietest 20 ms between two samples."""
    blocks = pcm[first : first + max(1, (last - first) // BLOCK) * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    return first + int(np.argmin(np.mean(blocks**2, axis=1))) * BLOCK + BLOCK // 2


def pink_noise(rms_db: float) -> Pcm:
    """Return NOISE_S of pink noise at an RMS of `rms_db` relative to full scale; the same in every run."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(round(NOISE_S * LISTEN_RATE_HZ)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum)
    scaled = noise / np.sqrt(np.mean(noise**2)) * 32768 * 10 ** (rms_db / 20)
    pcm: Pcm = np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)
    return pcm
