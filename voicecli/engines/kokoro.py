"""Text-to-speech with Kokoro, through kokoro-onnx on ONNX Runtime."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from kokoro_onnx import Kokoro as KokoroOnnx
from numpy.typing import NDArray

from voicecli.engines import gpu
from voicecli.engines.cpu import physical_cores
from voicecli.errors import EngineError, ModelMissing, SettingsError
from voicecli.settings import TtsSettings
from voicecli.types import Pcm, Stretch

RATE_HZ = 24_000
MAX_THREADS = 4  # the fourth still gives 8 % (k2-fsa/sherpa, Kokoro on a Raspberry Pi 4)
VOICE_SHAPE = (510, 1, 256)  # a style vector for each number of phonemes

LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "cmn",
}
"""Kokoro's voice names begin with their language; the values are what espeak calls it."""

SILENCE_RATIO = 0.02  # of the loudest 5 ms: Kokoro's lead-in hiss stays below, the softest first consonant above
STEP_SAMPLES = RATE_HZ // 200  # 5 ms, the grain of trimming and the length of the fades
HEAD_STEPS, TAIL_STEPS = 2, 6  # kept before the first and after the last loud step: soft onsets and endings
SENTENCE_PAUSE_S, CLAUSE_PAUSE_S = 0.22, 0.09  # between pieces; Kokoro's own pauses are trimmed away


class Kokoro:
    """A resident Kokoro model with one voice. `synthesize` blocks; one worker thread owns it."""

    sample_rate_hz = RATE_HZ

    def __init__(self, model: KokoroOnnx, voice: str, speed: float, name: str) -> None:
        self.name = name
        self._model = model
        self._voice = voice
        self._speed = speed
        self._language = LANGUAGES[voice[0]]

    @classmethod
    def load(cls, model: Path, voices: Path, settings: TtsSettings) -> Kokoro:
        """Load `model` (.onnx) and the voice from its folder of .bin files, and speak once to warm both.

        Raises ModelMissing, SettingsError (unknown voice) or EngineError (cannot run as asked).
        """
        if not model.is_file():
            raise ModelMissing(f"{model} is not there", "voicecli download-models")
        style = read_voice(voices, settings.voice)
        session = open_session(model, settings)
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:  # kokoro-onnx takes voices from one npz file
            np.savez(file, style)
            file.flush()
            kokoro_onnx = KokoroOnnx.from_session(session, file.name)
            kokoro_onnx.voices = {settings.voice: style}
        kokoro = cls(
            kokoro_onnx, settings.voice, settings.speed, f"{model.parent.name} {settings.voice} {settings.device}"
        )
        list(kokoro.synthesize("Hello there."))
        return kokoro

    def synthesize(self, text: str) -> Iterator[Stretch]:
        """One piece as one stretch, with the pause that its last mark calls for."""
        audio = self._create(text)
        if len(audio):
            yield Stretch(np.concatenate([to_pcm(trimmed(audio)), np.zeros(pause_samples(text), np.int16)]), 1.0)

    def _create(self, text: str) -> NDArray[np.float32]:
        if not any(c.isalnum() for c in text):
            return np.zeros(0, np.float32)
        try:
            audio, _ = self._model.create(text, self._voice, self._speed, self._language, trim=False)
        except ValueError as error:  # no phonemes: nothing that this voice can say
            if "phonemes" in str(error):
                return np.zeros(0, np.float32)
            raise EngineError(f"Kokoro failed on {text!r}: {error}") from error
        except RuntimeError as error:
            raise EngineError(f"Kokoro failed on {text!r}: {error}") from error
        return np.asarray(audio, np.float32)


def read_voice(folder: Path, name: str) -> NDArray[np.float32]:
    """The style table of a voice, shape (510, 1, 256), from `folder/name.bin` (raw float32)."""
    path = folder / f"{name}.bin"
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.bin"))
        if not known:
            raise ModelMissing(f"{folder} holds no voices", "voicecli download-models kokoro-voices")
        raise SettingsError(f"tts.voice: there is no voice {name!r}", f"voices: {', '.join(known)}")
    if name[0] not in LANGUAGES:
        raise SettingsError(f"tts.voice: {name!r} does not begin with a language", f"one of {', '.join(LANGUAGES)}")
    style = np.fromfile(path, np.float32)
    if style.size != np.prod(VOICE_SHAPE):
        raise ModelMissing(
            f"{path} has {style.size} values, not {np.prod(VOICE_SHAPE)}", "voicecli download-models --verify"
        )
    return style.reshape(VOICE_SHAPE)


def open_session(model: Path, settings: TtsSettings) -> onnxruntime.InferenceSession:
    """An inference session on the asked device. Spinning is off: idle threads would steal from the language model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads or physical_cores(MAX_THREADS)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    providers: list[str | tuple[str, dict[str, str]]] = ["CPUExecutionProvider"]
    if settings.device == "cuda":
        gpu.require_cuda_provider(onnxruntime.get_available_providers())
        # DEFAULT spares the exhaustive search for each new length (thewh1teagle/kokoro-onnx#125).
        providers.insert(0, ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "DEFAULT"}))
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no public base
        raise EngineError(f"Kokoro cannot load {model}: {error}", "voicecli download-models --verify") from error
    if settings.device == "cuda" and "CUDAExecutionProvider" not in session.get_providers():
        raise EngineError(
            f"Kokoro was asked to run on a GPU and ONNX Runtime fell back ({'; '.join(gpu.findings())})", gpu.CPU_HINT
        )
    return session


def trimmed(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the silence at both ends, and with 5 ms fades so that joins do not click."""
    steps = len(audio) // STEP_SAMPLES
    peaks = np.abs(audio[: steps * STEP_SAMPLES]).reshape(steps, STEP_SAMPLES).max(axis=1) if steps else np.zeros(0)
    loud = np.flatnonzero(peaks > SILENCE_RATIO * peaks.max(initial=0.0))
    if not len(loud):
        return audio[:0]
    begin = max(0, loud[0] - HEAD_STEPS) * STEP_SAMPLES
    end = min(steps, loud[-1] + 1 + TAIL_STEPS) * STEP_SAMPLES
    cut = audio[begin:end].copy()
    ramp = np.linspace(0, 1, min(STEP_SAMPLES, len(cut)), dtype=np.float32)
    cut[: len(ramp)] *= ramp
    cut[-len(ramp) :] *= ramp[::-1]
    return cut


def to_pcm(audio: NDArray[np.float32]) -> Pcm:
    """int16 samples, clipped instead of wrapped."""
    return np.clip(audio * 32767, -32768, 32767).astype(np.int16)


def pause_samples(text: str) -> int:
    """Silence after a piece: as long as its last mark calls for."""
    last = text.rstrip("\"'”’)] ")[-1:]
    pause_s = SENTENCE_PAUSE_S if last in ".!?…" else CLAUSE_PAUSE_S if last in ",;:–—" else 0.0
    return round(pause_s * RATE_HZ)
