"""What the recognizer and the voice must do, on the real models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.defaults import SETTINGS
from tests.speech import FOLDER, SENTENCES, clip
from tests.words import word_error_rate
from voicecli.audio.resample import resample
from voicecli.engines.kokoro.engine import Kokoro
from voicecli.engines.kokoro.sound import SENTENCE_PAUSE_S
from voicecli.engines.whisper.decoded import restarts
from voicecli.engines.whisper.engine import Whisper
from voicecli.errors import EngineError, ModelMissing, SettingsError
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def kokoro(model_folder: Callable[[str], Path]) -> Kokoro:
    model = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    return Kokoro.load(model, model_folder("kokoro-voices"), SETTINGS.tts)


@pytest.fixture(scope="module")
def whisper(model_folder: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_folder("whisper-base"), SETTINGS.stt)


def sound(kokoro: Kokoro, text: str) -> Pcm:
    """Return the sound of a whole text; check that only its last audio chunk is marked as the last."""
    audio_chunks = list(kokoro.synthesize(text))
    assert [audio_chunk.share == 1.0 for audio_chunk in audio_chunks[-1:]] in ([], [True])
    return np.concatenate([np.zeros(0, np.int16), *(audio_chunk.pcm for audio_chunk in audio_chunks)])


def segment(pcm: Pcm) -> SpeechSegment:
    return SpeechSegment(pcm, 0.0, len(pcm) / LISTEN_RATE_HZ)


@pytest.mark.parametrize("path", SENTENCES, ids=lambda path: path.stem)
def test_read_sentences_are_understood(whisper: Whisper, path: Path) -> None:
    reference = path.with_suffix(".txt").read_text(encoding="utf8")
    assert word_error_rate(reference, whisper.transcribe(segment(clip(path))).text) <= 0.35


@pytest.mark.parametrize(
    "text",
    ["What is the capital of France?", "Please remind me to call my sister tomorrow morning, before nine o'clock."],
)
def test_what_the_voice_says_the_recognizer_understands(kokoro: Kokoro, whisper: Whisper, text: str) -> None:
    pcm = resample(sound(kokoro, text), kokoro.sample_rate_hz, LISTEN_RATE_HZ)
    assert word_error_rate(text, whisper.transcribe(segment(pcm)).text) <= 0.15


def test_the_short_window_hears_what_the_full_one_hears(model_folder: Callable[[str], Path], whisper: Whisper) -> None:
    if not FOLDER.is_dir():
        pytest.skip("needs the recordings that lie beside the checkout")
    full = Whisper.load(model_folder("whisper-base"), SETTINGS.stt.model_copy(update={"window": "full"}))
    for path in SENTENCES[:3]:
        pcm = clip(path)
        assert word_error_rate(full.transcribe(segment(pcm)).text, whisper.transcribe(segment(pcm)).text) <= 0.25


@pytest.mark.parametrize(
    ("name", "pcm"),
    [
        ("digital silence", np.zeros(2 * LISTEN_RATE_HZ, np.int16)),
        ("hiss", np.random.default_rng(2).normal(0, 300, 2 * LISTEN_RATE_HZ).astype(np.int16)),
        ("hum", (2000 * np.sin(np.arange(2 * LISTEN_RATE_HZ) * 2 * np.pi * 50 / LISTEN_RATE_HZ)).astype(np.int16)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_silence_and_noise_give_no_text(whisper: Whisper, name: str, pcm: Pcm) -> None:
    transcript = whisper.transcribe(segment(pcm))
    assert transcript.text == ""
    assert transcript.reason


def test_a_draft_of_half_a_sentence_is_its_beginning(kokoro: Kokoro, whisper: Whisper) -> None:
    pcm = resample(sound(kokoro, "The weather is very nice in Paris today."), 24_000, LISTEN_RATE_HZ)
    draft = whisper.draft(segment(pcm[: len(pcm) // 2]))
    assert draft.text.lower().startswith("the weather")


def test_an_utterance_of_the_longest_length_is_decoded(kokoro: Kokoro, whisper: Whisper) -> None:
    sentence = resample(sound(kokoro, "I have a great deal to say about this matter."), 24_000, LISTEN_RATE_HZ)
    transcript = whisper.transcribe(segment(np.tile(sentence, 12)[: 29 * LISTEN_RATE_HZ]))
    assert transcript.text.lower().startswith("i have a great deal") or transcript.reason == "repetition"


def test_a_voice_begins_at_once_ends_in_a_pause_and_does_not_click(kokoro: Kokoro) -> None:
    pcm = sound(kokoro, "Hello there.").astype(np.int32)
    loud = np.flatnonzero(np.abs(pcm) > 0.05 * np.abs(pcm).max())
    assert loud[0] < 0.06 * kokoro.sample_rate_hz
    assert not pcm[-round(SENTENCE_PAUSE_S * kokoro.sample_rate_hz) :].any()
    assert abs(pcm[0]) < 50


@pytest.mark.parametrize("text", ["", "...", "—", "🎉"])
def test_nothing_to_say_is_no_sound(kokoro: Kokoro, text: str) -> None:
    assert len(sound(kokoro, text)) == 0


@pytest.mark.timeout(180)
def test_a_text_beyond_kokoros_limit_is_spoken_whole(kokoro: Kokoro) -> None:
    pcm = sound(kokoro, "This is one of many sentences that follow each other without an end. " * 9)
    assert len(pcm) / kokoro.sample_rate_hz > 20


def test_an_unknown_voice_names_the_known_ones(model_folder: Callable[[str], Path]) -> None:
    model = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    with pytest.raises(SettingsError) as caught:
        Kokoro.load(model, model_folder("kokoro-voices"), SETTINGS.tts.model_copy(update={"voice": "af_nobody"}))
    assert "af_heart" in caught.value.hint


def test_a_gpu_that_is_not_there_is_never_replaced_in_silence(model_folder: Callable[[str], Path]) -> None:
    model = next(model_folder("kokoro-v1.0-int8").glob("*.onnx"))
    with pytest.raises(EngineError) as stt:
        Whisper.load(model_folder("whisper-base"), SETTINGS.stt.model_copy(update={"device": "cuda"}))
    with pytest.raises(EngineError) as tts:
        Kokoro.load(model, model_folder("kokoro-voices"), SETTINGS.tts.model_copy(update={"device": "cuda"}))
    for error in (stt.value, tts.value):
        assert error.exit_code == 6
        assert "NVIDIA driver (libcuda): not found" in error.message
        assert "--profile cpu" in error.hint


def test_missing_models_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        Whisper.load(tmp_path, SETTINGS.stt)
    with pytest.raises(ModelMissing):
        Kokoro.load(tmp_path / "kokoro.onnx", tmp_path, SETTINGS.tts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The child almost hurt the small dog. The child almost hurt", True),
        ("I would like a coffee and then I would like a coffee please", True),
        ("Give me a large coffee with milk and sugar", False),
        ("no no no", False),
        ("", False),
    ],
)
def test_a_sentence_that_begins_again_is_noticed(text: str, expected: bool) -> None:
    assert restarts(text) is expected


@pytest.mark.parametrize("path", SENTENCES[:2], ids=lambda path: path.stem)
def test_a_long_silence_after_the_speech_changes_nothing(whisper: Whisper, path: Path) -> None:
    pcm = clip(path)
    quiet = np.random.default_rng(0).normal(0, 5, 6 * LISTEN_RATE_HZ).astype(np.int16)
    reference = path.with_suffix(".txt").read_text(encoding="utf8")
    assert word_error_rate(reference, whisper.transcribe(segment(np.concatenate([pcm, quiet]))).text) <= 0.15


def test_a_final_is_never_provisional(whisper: Whisper) -> None:
    silence = whisper.transcribe(segment(np.zeros(2 * LISTEN_RATE_HZ, np.int16)))
    assert silence.redecoded
    assert not silence.provisional
