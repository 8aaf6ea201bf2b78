"""Recordings in which the speaker stops to think: real speech, drawn apart between two words by its own room tone.

Orders that are read aloud hardly pause. How long people do pause in the middle of a turn is taken from eot-bench
(github.com/livekit/eot-bench, calls with an agent): by silence alone 55.6 % are cut off at 300 ms, 21.7 % at 600,
10 % at 1000 and 5 % at 1600, so that is how many pauses are longer. Those here are drawn from the ones above 300 ms.
The speaker did not mean to stop, so melody and tempo do not announce it as in a real hesitation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from faster_whisper import WhisperModel

from benchmarks.speech import Recording
from voicecli.types import LISTEN_RATE_HZ, Pcm

LONGER = ((1.0, 0.3), (0.217 / 0.556, 0.6), (0.1 / 0.556, 1.0), (0.05 / 0.556, 1.6), (0.0, 2.2))
"""Share of pauses above 300 ms that are longer, and the length in s."""

PLACES = (1 / 3, 2 / 3)  # of the words
SEARCH_S = 0.08  # around Whisper's word boundary, for the quietest moment
BLOCK_S = 0.02
SEED = 5


def with_hesitations(clips: list[Recording], model: WhisperModel) -> list[Recording]:
    """Each recording twice: a pause after a third of its words, and one after two thirds."""
    shares, lengths_s = zip(*reversed(LONGER), strict=True)
    quantiles = (np.arange(len(clips) * len(PLACES)) + 0.5) / (len(clips) * len(PLACES))
    drawn_s = np.interp(np.random.default_rng(SEED).permutation(quantiles), shares, lengths_s)
    found: list[Recording] = []
    for clip in clips:
        ends_s = word_ends_s(clip.pcm, model)
        tone = room_tone(clip.pcm)
        for place in PLACES:
            at = quietest(clip.pcm, ends_s[round(place * len(ends_s)) - 1])
            pause = np.resize(tone, round(drawn_s[len(found)] * LISTEN_RATE_HZ))
            found.append(replace(clip, pcm=np.concatenate([clip.pcm[:at], pause, clip.pcm[at:]])))
    return found


def word_ends_s(pcm: Pcm, model: WhisperModel) -> list[float]:
    segments, _ = model.transcribe(pcm.astype(np.float32) / 32768, language="en", beam_size=1, word_timestamps=True)
    return [float(word.end) for segment in segments for word in segment.words or ()]


def blocks_db(pcm: Pcm) -> list[float]:
    """Level of each block of 20 ms."""
    size = round(BLOCK_S * LISTEN_RATE_HZ)
    blocks = pcm[: len(pcm) // size * size].reshape(-1, size).astype(np.float64)
    return [float(level) for level in 10 * np.log10(np.mean(blocks**2, axis=1) + 1)]


def quietest(pcm: Pcm, around_s: float) -> int:
    """Sample in the middle of the quietest block near a moment."""
    first, last = (round((around_s + side * SEARCH_S) / BLOCK_S) for side in (-1, 1))
    levels_db = blocks_db(pcm)[first:last]
    return round((first + int(np.argmin(levels_db)) + 0.5) * BLOCK_S * LISTEN_RATE_HZ)


def room_tone(pcm: Pcm, length_s: float = 0.4) -> Pcm:
    """The quietest stretch, forth and back so that it can be repeated without a seam."""
    blocks = round(length_s / BLOCK_S)
    mean_db = np.convolve(blocks_db(pcm), np.ones(blocks) / blocks, mode="valid")
    start = round(int(np.argmin(mean_db)) * BLOCK_S * LISTEN_RATE_HZ)
    stretch = pcm[start : start + round(length_s * LISTEN_RATE_HZ)]
    return np.concatenate([stretch, stretch[::-1]])
