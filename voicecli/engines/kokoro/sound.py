"""Process Kokoro's samples: trim silence, fade, add pauses, convert to int16. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicecli.types import Pcm

Audio = NDArray[np.float32]
"""Mono samples, shape (n,), full scale at 1."""

RATE_HZ = 24_000
SILENCE_RATIO = 0.02  # of the loudest 5 ms: Kokoro's lead-in hiss stays below, the softest first consonant above
STEP_SAMPLES = RATE_HZ // 200  # 5 ms, the grain of trimming and the length of the fades
HEAD_STEPS, TAIL_STEPS = 2, 6  # kept before the first and after the last loud step, for soft onsets and endings
SENTENCE_PAUSE_S, CLAUSE_PAUSE_S = 0.22, 0.09  # between text chunks, in place of Kokoro's trimmed pauses

RISE = np.linspace(0, 1, STEP_SAMPLES, dtype=np.float32)


class Trimmer:
    """Trims the silence at both ends of sound that comes in parts, and fades the two ends so that they do not click.

    Silence is held back until more sound follows. The joined result does not depend on the division into parts.
    """

    def __init__(self, loudest: float) -> None:
        """`loudest`: the peak of the voice, which the silence threshold is relative to."""
        self._threshold = SILENCE_RATIO * loudest
        self._held = np.zeros(0, np.float32)  # begins at a whole step of the sound
        self._found_sound = False  # something loud has come
        self._begun = False  # something has been returned
        self.left_out = 0  # samples trimmed before the first one returned

    def push(self, audio: Audio) -> Audio:
        """Add the next part and return the samples that are certain to be kept."""
        self._held = np.concatenate([self._held, audio])
        loud = self._loud_steps()
        if not self._found_sound:
            first = loud[0] if len(loud) else len(self._held) // STEP_SAMPLES
            silent = max(0, first - HEAD_STEPS) * STEP_SAMPLES
            self.left_out += silent
            self._held = self._held[silent:]
            self._found_sound = bool(len(loud))
            loud = self._loud_steps()
        # The last loud step stays: it may turn out to be the one that fades out.
        return self._release(loud[-1]) if len(loud) else self._held[:0]

    def finish(self) -> Audio:
        """Return the end of the sound; nothing if all was silence."""
        loud = self._loud_steps()
        if not len(loud):
            return self._held[:0]
        end = self._release(min(len(self._held) // STEP_SAMPLES, loud[-1] + 1 + TAIL_STEPS))
        end[-STEP_SAMPLES:] *= RISE[::-1]
        return end

    def _loud_steps(self) -> NDArray[np.intp]:
        steps = self._held[: len(self._held) // STEP_SAMPLES * STEP_SAMPLES].reshape(-1, STEP_SAMPLES)
        return np.flatnonzero(np.abs(steps).max(axis=1, initial=0.0) > self._threshold)

    def _release(self, steps: int) -> Audio:
        part, self._held = self._held[: steps * STEP_SAMPLES].copy(), self._held[steps * STEP_SAMPLES :]
        if len(part) and not self._begun:
            self._begun = True
            part[:STEP_SAMPLES] *= RISE
        return part


def trim(audio: Audio) -> Audio:
    """Remove the silence at both ends, and add 5 ms fades so that joins do not click."""
    trimmer = Trimmer(float(np.abs(audio).max(initial=0.0)))
    return np.concatenate([trimmer.push(audio), trimmer.finish()])


def to_pcm(audio: Audio) -> Pcm:
    """Convert to int16 samples, clipped instead of wrapped."""
    return np.clip(audio * 32767, -32768, 32767).astype(np.int16)


def pause_samples(text: str) -> int:
    """Return the samples of silence after a text chunk, by its last punctuation mark."""
    last = text.rstrip("\"'”’)] ")[-1:]
    pause_s = SENTENCE_PAUSE_S if last in set(".!?…") else CLAUSE_PAUSE_S if last in set(",;:–—") else 0.0
    return round(pause_s * RATE_HZ)
