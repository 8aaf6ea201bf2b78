"""The sound of a timer that is over."""

from __future__ import annotations

import numpy as np

from voicecli.types import Pcm

RING_HZ = 24_000
"""Its sample rate."""

STROKES_S = (0.0, 0.16, 0.32, 0.7, 0.86, 1.02)
"""When each stroke begins: two groups of three, as kitchen timers do it."""

LENGTH_S = 1.5
PITCH_HZ = 987.77
"""B5: where small loudspeakers are loud, and above most voices."""

STROKE_S = 0.12
LEVEL = 0.2
"""Peak relative to full scale: about that of the voice."""


def ring() -> Pcm:
    """Shape (n,) at RING_HZ."""
    sound = np.zeros(round(LENGTH_S * RING_HZ))
    at_s = np.arange(round(STROKE_S * RING_HZ)) / RING_HZ
    stroke = np.sin(2 * np.pi * PITCH_HZ * at_s) + 0.3 * np.sin(4 * np.pi * PITCH_HZ * at_s)
    stroke *= np.sin(np.pi * at_s / STROKE_S) ** 0.5
    for begin_s in STROKES_S:
        begin = round(begin_s * RING_HZ)
        sound[begin : begin + len(stroke)] += stroke
    pcm: Pcm = (sound / np.abs(sound).max() * LEVEL * 32767).astype(np.int16)
    return pcm
