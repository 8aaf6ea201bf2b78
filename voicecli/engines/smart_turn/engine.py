"""End-of-turn detection with Smart Turn v3. Implements `base.EndOfTurn`.

It has 8 M parameters on Whisper's encoder, and judges intonation and rhythm, not words.
https://github.com/pipecat-ai/smart-turn
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime

from voicecli.engines.smart_turn.features import features
from voicecli.errors import EngineError
from voicecli.types import LISTEN_RATE_HZ, SpeechSegment

INPUT = "input_features"


class SmartTurn:
    """A resident Smart Turn model. It uses one thread, because it runs while Whisper decodes the same speech."""

    def __init__(self, session: onnxruntime.InferenceSession, name: str) -> None:
        self.name = name
        self._session = session

    @classmethod
    def load(cls, model: Path) -> Self:
        """Load and warm the model. Raise EngineError if the file is not a Smart Turn v3."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no common base class for what it raises
            raise EngineError(f"{model} is not an ONNX model: {error}", "voicecli download-models --verify") from error
        if [port.name for port in session.get_inputs()] != [INPUT]:
            raise EngineError(f"{model} has no input {INPUT}", "listen.endpoint_model must be a Smart Turn v3")
        turn = cls(session, model.stem)
        turn.probability(SpeechSegment(np.zeros(LISTEN_RATE_HZ, np.int16), 0.0, 1.0))
        return turn

    def probability(self, segment: SpeechSegment) -> float:
        """Return the probability, 0 to 1, that the speaker is done after `segment`. Raise EngineError on failure."""
        try:
            (output,) = self._session.run(None, {INPUT: features(segment.pcm)})
        except Exception as error:
            raise EngineError(f"Smart Turn failed: {error}", "listen.endpoint = silence works without it") from error
        return float(np.clip(output.ravel()[0], 0, 1))
