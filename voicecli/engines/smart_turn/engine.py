"""Smart Turn v3: does this sound as if the speaker were done? Satisfies `base.EndOfTurn`.

8 M parameters on Whisper's encoder; it hears melody and rhythm, not words. https://github.com/pipecat-ai/smart-turn
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
    """One thread: it is asked while Whisper decodes the same words."""

    def __init__(self, session: onnxruntime.InferenceSession, name: str) -> None:
        self.name = name
        self._session = session

    @classmethod
    def load(cls, model: Path) -> Self:
        """Load and warm. Raises EngineError when the file is not a Smart Turn v3."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no common base class for what it raises
            raise EngineError(f"{model} is not an ONNX model: {error}", "voicecli download-models --verify") from error
        if [taken.name for taken in session.get_inputs()] != [INPUT]:
            raise EngineError(f"{model} does not take {INPUT}", "listen.endpoint_model wants a Smart Turn v3")
        turn = cls(session, model.stem)
        turn.probability(SpeechSegment(np.zeros(LISTEN_RATE_HZ, np.int16), 0.0, 1.0))
        return turn

    def probability(self, segment: SpeechSegment) -> float:
        """That the speaker is done after `segment`, 0 to 1. Raises EngineError."""
        try:
            (output,) = self._session.run(None, {INPUT: features(segment.pcm)})
        except Exception as error:
            raise EngineError(f"Smart Turn failed: {error}", "listen.endpoint = silence goes without it") from error
        return float(np.clip(output.ravel()[0], 0, 1))
