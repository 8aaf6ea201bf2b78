"""Insert pauses into recordings: real speech, with its own room tone inserted between two words.

People who read orders aloud hardly pause. How long people pause in the middle of a turn comes from eot-bench
(github.com/livekit/eot-bench, calls with an agent): by silence alone 55.6 % are cut off at 300 ms, 21.7 % at 600 ms,
10 % at 1000 ms and 5 % at 1600 ms, so these are the shares of longer pauses. The pauses here are sampled from those
above 300 ms. The speaker did not intend to pause, so melody and tempo do not announce it as in a real hesitation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from voicecli.types import LISTEN_RATE_HZ, Pcm

LONGER = ((1.0, 0.3), (0.217 / 0.556, 0.6), (0.1 / 0.556, 1.0), (0.05 / 0.556, 1.6), (0.0, 2.2))
"""Share of pauses above 300 ms that are longer, and the length in s."""

PLACES = (1 / 3, 2 / 3)  # of the words
SEARCH_S = 0.08  # around Whisper's word boundary, for the quietest moment
BLOCK_S = 0.02
TONE_S = 0.2  # room tone between the words; a corpus has 0.3 s of it before the voice
QUIET_DB = 12.0  # the room tone is at least this far below the voice
SEED = 5


def with_hesitations(
    clips: Sequence[Pcm], word_ends_s: Callable[[Pcm], list[float]], tone_s: float = TONE_S
) -> list[tuple[int, Pcm]]:
    """Return each recording twice, with its index: a pause after a third of its words, and after two thirds.

    Recordings have shape (n,) at LISTEN_RATE_HZ; `word_ends_s` returns the end of each word. Recordings without words
    are omitted, as are those that are never quiet for `tone_s`: their room tone would not be a pause.
    """
    quiet = [(index, pcm) for index, pcm in enumerate(clips) if is_quiet(room_tone(pcm, tone_s), pcm)]
    ends = [(index, pcm, found) for index, pcm in quiet if (found := word_ends_s(pcm))]
    shares, lengths_s = zip(*reversed(LONGER), strict=True)
    quantiles = (np.arange(len(ends) * len(PLACES)) + 0.5) / (len(ends) * len(PLACES))
    drawn_s = np.interp(np.random.default_rng(SEED).permutation(quantiles), shares, lengths_s)
    paused: list[tuple[int, Pcm]] = []
    for index, pcm, ends_s in ends:
        tone = room_tone(pcm, tone_s)
        for place in PLACES:
            at = quietest(pcm, ends_s[max(0, round(place * len(ends_s)) - 1)])
            pause = np.resize(tone, round(drawn_s[len(paused)] * LISTEN_RATE_HZ))
            paused.append((index, np.concatenate([pcm[:at], pause, pcm[at:]])))
    return paused


def blocks_db(pcm: Pcm) -> list[float]:
    """Return the level of each block of 20 ms."""
    size = round(BLOCK_S * LISTEN_RATE_HZ)
    blocks = pcm[: len(pcm) // size * size].reshape(-1, size).astype(np.float64)
    return [float(level) for level in 10 * np.log10(np.mean(blocks**2, axis=1) + 1)]


def quietest(pcm: Pcm, around_s: float) -> int:
    """Return the sample in the middle of the quietest block near a moment."""
    first, last = (round((around_s + side * SEARCH_S) / BLOCK_S) for side in (-1, 1))
    levels_db = blocks_db(pcm)[first:last]
    return round((first + int(np.argmin(levels_db)) + 0.5) * BLOCK_S * LISTEN_RATE_HZ)


def is_quiet(tone: Pcm, pcm: Pcm) -> bool:
    """Return whether a tone is well below the voice: the loudest 5 % of the recording's blocks."""
    return float(np.mean(blocks_db(tone))) < float(np.percentile(blocks_db(pcm), 95)) - QUIET_DB


def room_tone(pcm: Pcm, length_s: float = TONE_S) -> Pcm:
    """Return the quietest part, forward and backward so that it can be repeated without a seam."""
    blocks = round(length_s / BLOCK_S)
    mean_db = np.convolve(blocks_db(pcm), np.ones(blocks) / blocks, mode="valid")
    start = round(int(np.argmin(mean_db)) * BLOCK_S * LISTEN_RATE_HZ)
    tone = pcm[start : start + round(length_s * LISTEN_RATE_HZ)]
    return np.concatenate([tone, tone[::-1]])
