"""The two parts of a cut Kokoro graph as calls. `graph` cuts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from voicecli.engines.kokoro.sound import Audio
from voicecli.errors import EngineError

FRAMES_PER_TOKEN = "/encoder/Clip_output_0"
COLUMNS = "/decoder/decoder/decode.3/Div_4_output_0"
SOURCE = "/decoder/decoder/generator/Concat_3_output_0"
"""Tensors at which the graph is cut, by their names in the exports of kokoro-onnx for Kokoro v1.0."""

TOKENS, STYLE, SPEED, AUDIO = "tokens", "style", "speed", "audio"
GIVEN, USE_GIVEN, MEASURED = "given_statistics", "use_given", "measured_statistics"
"""Ports that the cut adds to the generator."""

COLUMN_SAMPLES = 300
COLUMNS_PER_FRAME = 2  # a token lasts a whole number of frames
SOURCE_PER_COLUMN = 60
HARMONIC_BINS = 11  # the source holds this many magnitudes, then as many phases

Values = NDArray[np.float32]


class NotCuttable(Exception):
    """Raised for an export that is built differently; the message names the difference."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Input of the generator: n columns of 12.5 ms."""

    columns: Values  # (1, 512, n)
    source: Values  # (1, 22, 60 n + 1): spectrum of the harmonic source
    style: Values  # (1, 256)

    def __len__(self) -> int:
        return int(self.columns.shape[2])

    @property
    def voicing(self) -> float:
        """Mean magnitude of the harmonic source: a measure of how much is speech, and how voiced it is."""
        return float(self.source[:, :HARMONIC_BINS].mean())

    def part(self, begin: int, end: int) -> Utterance:
        """Return the columns `begin` to `end`."""
        source = self.source[:, :, begin * SOURCE_PER_COLUMN : end * SOURCE_PER_COLUMN + 1]
        return Utterance(np.ascontiguousarray(self.columns[:, :, begin:end]), np.ascontiguousarray(source), self.style)


class Parts(Protocol):
    """The two halves of the model."""

    def utterance(self, tokens: Sequence[int], style: Values, speed: float) -> tuple[Utterance, NDArray[np.int64]]:
        """Return a text's columns and each token's duration in frames, with the silent tokens at both ends."""
        ...

    def sound(self, utterance: Utterance, statistics: Values | None, *, more: bool = False) -> tuple[Audio, Values]:
        """Return the samples and the utterance's own statistics (1, s, 1). Normalize by `statistics`, or by its own.

        `more`: another part of the same text follows. Raise EngineError on failure.
        """
        ...


EDGE_SAMPLES = 20
"""Length of the generator's inverse Fourier transform (istftnet's n_fft). Where the silence before a text was cut off,
it begins with a click of up to 14 times full scale, followed by 30 to 60 ms of silence. A trimmer would take the click
for the voice, so these samples are muted.
"""

SHRINK = "memory.enable_memory_arena_shrinkage"
"""Run option that releases memory after a run (onnxruntime_run_options_config_keys.h). Otherwise ONNX Runtime keeps it,
and each window longer than all before adds to it: 24 texts of 2 to 28 words left 423 MB in a process with only Kokoro,
and 380 MB with the option at the end of each text, at the same speed. The front does not use it: it would allocate
40 MB again for each text, while the user waits for the first sound.
"""


class OnnxParts:
    """`Parts` on ONNX Runtime."""

    def __init__(self, front: onnxruntime.InferenceSession, generator: onnxruntime.InferenceSession) -> None:
        self._front = front
        self._generator = generator
        given = next(port for port in generator.get_inputs() if port.name == GIVEN)
        self._unused = np.zeros(given.shape, np.float32)
        self._shrinking = onnxruntime.RunOptions()
        self._shrinking.add_run_config_entry(SHRINK, "cpu:0")

    def utterance(self, tokens: Sequence[int], style: Values, speed: float) -> tuple[Utterance, NDArray[np.int64]]:
        feeds: dict[str, object] = {
            TOKENS: np.array([[0, *tokens, 0]], np.int64),
            STYLE: style,
            SPEED: np.array([speed], np.float32),
        }
        columns, source, frames = _run(self._front, [COLUMNS, SOURCE, FRAMES_PER_TOKEN], feeds, None)
        return Utterance(columns, source, style), frames.reshape(-1).astype(np.int64)

    def sound(self, utterance: Utterance, statistics: Values | None, *, more: bool = False) -> tuple[Audio, Values]:
        feeds: dict[str, object] = {
            COLUMNS: utterance.columns,
            SOURCE: utterance.source,
            STYLE: utterance.style,
            GIVEN: self._unused if statistics is None else statistics,
            USE_GIVEN: np.array(statistics is not None),
        }
        audio, measured = _run(self._generator, [AUDIO, MEASURED], feeds, None if more else self._shrinking)
        sound = audio.reshape(-1)
        sound[:EDGE_SAMPLES] = 0
        return sound, measured


def _run(
    session: onnxruntime.InferenceSession,
    outputs: list[str],
    feeds: dict[str, object],
    options: onnxruntime.RunOptions | None,
) -> list[Values]:
    try:
        made: list[Values] = session.run(outputs, feeds, options)
    except Exception as error:  # onnxruntime's exceptions share no public base
        raise EngineError(f"Kokoro failed: {error}") from error
    return made
