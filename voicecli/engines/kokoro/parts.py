"""The two parts of a cut Kokoro graph, as calls. How they are cut: `kokoro_graph`."""

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
"""Tensors at which the graph is cut; the names are those of the exports that kokoro-onnx publishes for Kokoro v1.0."""

TOKENS, STYLE, SPEED, AUDIO = "tokens", "style", "speed", "audio"
GIVEN, USE_GIVEN, MEASURED = "given_statistics", "use_given", "measured_statistics"
"""Ports that cutting adds to the generator."""

COLUMN_SAMPLES = 300
COLUMNS_PER_FRAME = 2  # a token lasts a whole number of frames
SOURCE_PER_COLUMN = 60
HARMONIC_BINS = 11  # the source holds as many magnitudes, then as many phases

Values = NDArray[np.float32]


class NotCuttable(Exception):
    """An export that is built differently; the message says in what."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the generator makes sound of; n columns of 12.5 ms."""

    columns: Values  # (1, 512, n)
    source: Values  # (1, 22, 60 n + 1): spectrum of the harmonic source
    style: Values  # (1, 256)

    def __len__(self) -> int:
        return int(self.columns.shape[2])

    @property
    def voicing(self) -> float:
        """Mean magnitude of the harmonic source: how much of it is speech, and how voiced."""
        return float(self.source[:, :HARMONIC_BINS].mean())

    def part(self, begin: int, end: int) -> Utterance:
        """Columns `begin` to `end`."""
        source = self.source[:, :, begin * SOURCE_PER_COLUMN : end * SOURCE_PER_COLUMN + 1]
        return Utterance(np.ascontiguousarray(self.columns[:, :, begin:end]), np.ascontiguousarray(source), self.style)


class Parts(Protocol):
    """The two halves of the model."""

    def utterance(self, tokens: Sequence[int], style: Values, speed: float) -> tuple[Utterance, NDArray[np.int64]]:
        """A text's columns, and how many frames each token lasts, silent ones before and after included."""
        ...

    def sound(self, utterance: Utterance, statistics: Values | None, *, more: bool = False) -> tuple[Audio, Values]:
        """Its samples and its own statistics (1, s, 1); normalized by `statistics` or, without, by its own.

        `more`: another part of the same text follows.
        """
        ...


EDGE_SAMPLES = 20
"""Length of the generator's inverse Fourier transform (istftnet's n_fft). It begins with a click of up to 14 times full
scale where the silence before a text was cut off; a trimmer takes that for the voice, and after it come 30 to 60 ms of
silence.
"""


SHRINK = "memory.enable_memory_arena_shrinkage"
"""A run with it gives back what runs needed (onnxruntime_run_options_config_keys.h). ONNX Runtime keeps that else, each
window that is longer than all before adds to it, and 24 texts of 2 to 28 words left 423 MB in a process with Kokoro
alone; with it at the end of each text 380, and speech was computed no slower. The front is left alone: it would then
take 40 MB anew for each text, while somebody waits for its first sound.
"""


class OnnxParts:
    """`Parts` on ONNX Runtime. Raises EngineError when a run fails."""

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
