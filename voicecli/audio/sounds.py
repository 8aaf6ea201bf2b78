"""The sounds that the program synthesizes: "ready, speak now" and a timer that has run out.

The echo canceller learns the room from the ready sound before anybody speaks.
"""

from __future__ import annotations

import asyncio

import numpy as np
from numpy.typing import NDArray

from voicecli.audio.device import Speaker
from voicecli.audio.speech_input import SpeechInput
from voicecli.types import Pcm, PlaybackChunk, TurnId

READY = TurnId(0)
"""The turn in which the speaker plays the ready sound; those of the conversation begin at 1."""

READY_HZ = RING_HZ = 24_000
"""Sample rates."""

READY_S = 0.8
"""Length. Of 0.6, 0.8 and 1.2 s the shortest after which a voice over the first words of an answer came through in each
of six simulated rooms. Without the sound the canceller removed 21 to 42 dB of that voice, with it at most 1 dB."""

READY_DB = -22.0
"""RMS relative to full scale: about the level of the voice, so that the canceller learns the loudspeaker as it will
sound."""

NOTES = ((0.0, 587.33), (0.14, 880.0))
"""Start in s and pitch in Hz of both notes: D5 and A5, a rising fifth."""

PARTIALS = ((1.0, 1.0, 1.0), (2.0, 0.5, 0.7), (3.0, 0.3, 0.5), (4.2, 0.25, 0.4), (5.4, 0.2, 0.3), (6.8, 0.12, 0.25))
"""Pitch, amplitude and duration of a bell's partials, relative to the first."""

DECAY_S = 0.25
ATTACK_S = 0.004
FADE_S = 0.08

STROKES_S = (0.0, 0.16, 0.32, 0.7, 0.86, 1.02)
"""Starts of the timer's strokes: two groups of three, as kitchen timers ring."""

RING_S = 1.5
STROKE_S = 0.12
STROKE_PITCH_HZ = 987.77
"""B5: small loudspeakers are loud there, and most voices are lower."""

RING_PEAK = 0.2
"""Peak relative to full scale: about that of the voice."""


def ready_sound() -> Pcm:
    """Return two bells over noise, shape (n,) at READY_HZ. The noise has the frequencies that bells lack."""
    samples = round(READY_S * READY_HZ)
    bells = np.zeros(samples)
    for at_s, pitch_hz in NOTES:
        begin = round(at_s * READY_HZ)
        bells[begin:] += _bell(pitch_hz, samples - begin)
    noise = np.random.default_rng(0).standard_normal(samples) * np.sin(np.pi * np.arange(samples) / samples) ** 2
    sound = bells / np.abs(bells).max() + noise / np.abs(noise).max()
    sound *= np.minimum(1, np.arange(samples, 0, -1) / (FADE_S * READY_HZ))
    sound *= 32767 * 10 ** (READY_DB / 20) / np.sqrt(np.mean(sound**2))
    pcm: Pcm = np.clip(sound, -32768, 32767).astype(np.int16)
    return pcm


def _bell(pitch_hz: float, samples: int) -> NDArray[np.float64]:
    at_s = np.arange(samples) / READY_HZ
    tones = [
        amplitude * np.sin(2 * np.pi * pitch_hz * pitch * at_s) * np.exp(-at_s / (DECAY_S * duration))
        for pitch, amplitude, duration in PARTIALS
    ]
    bell: NDArray[np.float64] = np.sum(tones, axis=0) * (1 - np.exp(-at_s / ATTACK_S))
    return bell


async def play_ready_sound(speech_input: SpeechInput, speaker: Speaker) -> None:
    """Play the ready sound to its end. Discard what the microphone hears, which an echo canceller has learned from."""
    speaker.begin(READY, held=False)
    speaker.play(PlaybackChunk(READY, ready_sound(), READY_HZ, 0))
    speaker.finish(READY)
    async with asyncio.TaskGroup() as tasks:
        discarding = tasks.create_task(speech_input.discard_input())
        await speaker.drained()
        discarding.cancel()


def ring() -> Pcm:
    """Return the ring of a timer, shape (n,) at RING_HZ."""
    sound = np.zeros(round(RING_S * RING_HZ))
    at_s = np.arange(round(STROKE_S * RING_HZ)) / RING_HZ
    stroke = np.sin(2 * np.pi * STROKE_PITCH_HZ * at_s) + 0.3 * np.sin(4 * np.pi * STROKE_PITCH_HZ * at_s)
    stroke *= np.sin(np.pi * at_s / STROKE_S) ** 0.5
    for begin_s in STROKES_S:
        begin = round(begin_s * RING_HZ)
        sound[begin : begin + len(stroke)] += stroke
    pcm: Pcm = (sound / np.abs(sound).max() * RING_PEAK * 32767).astype(np.int16)
    return pcm
