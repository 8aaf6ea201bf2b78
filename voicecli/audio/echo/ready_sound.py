"""The sound that says "speak now", and from which the echo canceller learns the room before anybody speaks."""

from __future__ import annotations

import asyncio

import numpy as np
from numpy.typing import NDArray

from voicecli.audio.device import Speaker
from voicecli.audio.speech_input import SpeechInput
from voicecli.types import Pcm, PlaybackChunk, TurnId

READY = TurnId(0)
"""The turn that the speaker plays it in; those of the conversation begin at 1."""

RATE_HZ = 24_000
LENGTH_S = 0.8
"""Of 0.6, 0.8 and 1.2 s the shortest after which a voice over the first words of an answer came through in each of six
simulated rooms: without the sound the canceller took 21 to 42 dB of it, with it at most 1."""

LEVEL_DB = -22.0
"""RMS relative to full scale: about that of the voice, so that the canceller hears the loudspeaker as it will be."""

NOTES = ((0.0, 587.33), (0.14, 880.0))
"""When each of the two begins, in s, and its pitch in Hz: D5 and A5, a rising fifth."""

PARTIALS = ((1.0, 1.0, 1.0), (2.0, 0.5, 0.7), (3.0, 0.3, 0.5), (4.2, 0.25, 0.4), (5.4, 0.2, 0.3), (6.8, 0.12, 0.25))
"""Pitch, loudness and length of a bell's partials, relative to the first."""

DECAY_S = 0.25
ATTACK_S = 0.004
FADE_S = 0.08


def ready_sound() -> Pcm:
    """Two bells in a breath of air, at `RATE_HZ`, shape (n,). The air holds all the frequencies that bells lack."""
    samples = round(LENGTH_S * RATE_HZ)
    bells = np.zeros(samples)
    for at_s, pitch_hz in NOTES:
        begin = round(at_s * RATE_HZ)
        bells[begin:] += _bell(pitch_hz, samples - begin)
    air = np.random.default_rng(0).standard_normal(samples) * np.sin(np.pi * np.arange(samples) / samples) ** 2
    sound = bells / np.abs(bells).max() + air / np.abs(air).max()
    sound *= np.minimum(1, np.arange(samples, 0, -1) / (FADE_S * RATE_HZ))
    sound *= 32767 * 10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(sound**2))
    pcm: Pcm = np.clip(sound, -32768, 32767).astype(np.int16)
    return pcm


def _bell(pitch_hz: float, samples: int) -> NDArray[np.float64]:
    at_s = np.arange(samples) / RATE_HZ
    tones = [
        loudness * np.sin(2 * np.pi * pitch_hz * pitch * at_s) * np.exp(-at_s / (DECAY_S * length))
        for pitch, loudness, length in PARTIALS
    ]
    bell: NDArray[np.float64] = np.sum(tones, axis=0) * (1 - np.exp(-at_s / ATTACK_S))
    return bell


async def play_ready_sound(speech_input: SpeechInput, speaker: Speaker) -> None:
    """Play it to its end. What is heard meanwhile is forgotten, but a canceller has learnt from it."""
    speaker.begin(READY, held=False)
    speaker.play(PlaybackChunk(READY, ready_sound(), RATE_HZ, 0))
    speaker.finish(READY)
    async with asyncio.TaskGroup() as tasks:
        ignoring = tasks.create_task(speech_input.discard_input())
        await speaker.drained()
        ignoring.cancel()
