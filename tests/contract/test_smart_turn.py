"""What the end-of-turn model must do, on the real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.defaults import SETTINGS
from voicecli.audio.resample import resample
from voicecli.engines.kokoro.engine import Kokoro
from voicecli.engines.smart_turn.engine import SmartTurn
from voicecli.errors import EngineError
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment

pytestmark = pytest.mark.model

PAUSE = np.zeros(round(SETTINGS.listen.pause_ms / 1000 * LISTEN_RATE_HZ), np.int16)
QUESTIONS = (
    "Can you tell me why the sky is blue in the morning?",
    "How do I get red wine out of a white cotton shirt?",
    "What should I cook tonight with rice and a few eggs?",
)


@pytest.fixture(scope="module")
def turn(model_folder: Callable[[str], Path]) -> SmartTurn:
    return SmartTurn.load(next(model_folder("smart-turn-v3.2").glob("*.onnx")))


@pytest.fixture(scope="module")
def kokoro(model_folder: Callable[[str], Path]) -> Kokoro:
    model = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    return Kokoro.load(model, model_folder("kokoro-voices"), SETTINGS.tts)


def at_pause(pcm: Pcm) -> SpeechSegment:
    """As the segmenter gives it."""
    return SpeechSegment(np.concatenate([pcm, PAUSE]), 0.0, len(pcm) / LISTEN_RATE_HZ)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_finished_question_sounds_more_like_the_end_than_when_it_is_cut(
    turn: SmartTurn, kokoro: Kokoro, question: str
) -> None:
    spoken = np.concatenate([audio_chunk.pcm for audio_chunk in kokoro.synthesize(question)])
    whole = resample(spoken, kokoro.sample_rate_hz, LISTEN_RATE_HZ)
    cuts = [turn.probability(at_pause(whole[: round(len(whole) * share)])) for share in (0.35, 0.5, 0.65)]
    finished = turn.probability(at_pause(whole))
    assert finished > 0.5
    assert finished > float(np.mean(cuts)) + 0.2


def test_any_length_has_a_probability(turn: SmartTurn) -> None:
    for samples in (0, 1, 320, 20 * LISTEN_RATE_HZ):
        noise = np.random.default_rng(0).normal(0, 500, samples).astype(np.int16)
        assert 0 <= turn.probability(at_pause(noise)) <= 1


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "turn.onnx"
    wrong.write_bytes(b"not a model")
    with pytest.raises(EngineError, match=r"turn\.onnx is not an ONNX model"):
        SmartTurn.load(wrong)


def test_a_model_of_another_kind_is_named(model_folder: Callable[[str], Path]) -> None:
    kokoro = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    with pytest.raises(EngineError, match="has no input input_features"):
        SmartTurn.load(kokoro)
