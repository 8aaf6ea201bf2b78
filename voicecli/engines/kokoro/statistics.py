"""Predict the statistics of a voice's instance norms over an utterance before the generator has run.

A mean over time is a mixture of speech and silence, so it is linear in the share of voiced sound, which the harmonic
source shows in advance. This one number explains most of the difference between utterances of a voice (its correlation
with the first principal component of all statistics is 0.99). The line is fitted to a few calibration sentences. It
holds for one style only, so the decoder's half of the style, which Kokoro chooses by length, is fixed to one row.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np

from voicecli.engines.kokoro.parts import Parts, Utterance, Values

STYLE_ROW = 50  # of the voice's table of styles by length; half of the answers' text chunks are longer
DECODER_STYLE = 128  # values of a style that the decoder reads; the rest is for the prosody

SENTENCES = (
    "Yes.",
    "Is that all?",
    "Your order has been placed and should arrive on Friday.",
    "Okay, the kitchen lights are off now.",
    "I found three restaurants near you that are open right now.",
    "Water boils at one hundred degrees at sea level.",
)
"""Calibration sentences; the two very short ones determine the slope of the line."""

LEAST_VARIANCE = 0.5  # of the smallest measured one, so that the line never predicts zero


@dataclass(frozen=True, slots=True)
class StatisticsPredictor:
    """Statistics as lines over an utterance's voicing, and the voice's loudness."""

    moments: Values  # (2, s): offset and slope of all means, then of all mean squares
    least_variances: Values  # (s / 2,)
    loudest: float  # typical peak of the voice

    def __call__(self, utterance: Utterance) -> Values:
        """Return means and variances to normalize `utterance` by, (1, s, 1)."""
        means, squares = np.split(self.moments[0] + utterance.voicing * self.moments[1], 2)
        variances = np.maximum(squares - means**2, self.least_variances)
        return np.concatenate([means, variances]).astype(np.float32).reshape(1, -1, 1)

    def to_bytes(self) -> bytes:
        """Return the content of an npz file."""
        file = io.BytesIO()
        np.savez(file, moments=self.moments, least_variances=self.least_variances, loudest=self.loudest)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> StatisticsPredictor:
        """Read the content of an npz file. Raise ValueError if it is something else."""
        try:
            with np.load(io.BytesIO(content)) as arrays:
                return cls(arrays["moments"], arrays["least_variances"], float(arrays["loudest"]))
        except (zipfile.BadZipFile, ValueError, KeyError, OSError, EOFError) as error:
            raise ValueError(f"not the statistics of a voice: {error}") from error


def fit(
    voicings: Sequence[float], columns: Sequence[int], measured: Sequence[Values], loudest: float
) -> StatisticsPredictor:
    """Fit by least squares over utterances, each weighted by its length in columns. `measured`: (1, s, 1) each."""
    means, variances = np.split(
        np.stack([np.asarray(values, np.float64).reshape(-1) for values in measured]), 2, axis=1
    )
    moments = np.concatenate([means, variances + means**2], axis=1)
    weights = np.sqrt(np.asarray(columns, np.float64))[:, None]
    line = np.stack([np.ones(len(voicings)), np.asarray(voicings)], axis=1)
    solved, *_ = np.linalg.lstsq(line * weights, moments * weights, rcond=None)
    return StatisticsPredictor(
        solved.astype(np.float32), (LEAST_VARIANCE * variances.min(axis=0)).astype(np.float32), loudest
    )


def calibrate(
    parts: Parts, utterances: Callable[[str], Sequence[Utterance]]
) -> Generator[int, None, StatisticsPredictor]:
    """Synthesize one calibration sentence a step, yielding its number: about 5 s in all on two cores."""
    voicings, columns, measured, peaks = [], [], [], []
    for number, sentence in enumerate(SENTENCES, start=1):
        for utterance in utterances(sentence):
            audio, statistics = parts.sound(utterance, None)
            voicings.append(utterance.voicing)
            columns.append(len(utterance))
            measured.append(statistics)
            peaks.append(float(np.abs(audio).max(initial=0.0)))
        yield number
    return fit(voicings, columns, measured, float(np.median(peaks)))


def held_style(styles: Values, tokens: int) -> Values:
    """Return the style for a text of `tokens`, (1, 256): prosody by length as in Kokoro, the decoder's half fixed."""
    by_length, held = styles[min(tokens, len(styles)) - 1], styles[STYLE_ROW]
    return np.concatenate([held[:, :DECODER_STYLE], by_length[:, DECODER_STYLE:]], axis=1)
