"""Text-to-speech with Kokoro on ONNX Runtime, phonemes by kokoro-onnx: in windows, or piece by piece."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from kokoro_onnx import Kokoro as KokoroOnnx
from kokoro_onnx.chunker import split_phonemes
from kokoro_onnx.session import embedded_vocab
from kokoro_onnx.tokenizer import Tokenizer

from voicecli.engines import gpu
from voicecli.engines.cpu import physical_cores
from voicecli.engines.kokoro_cache import StreamingCache
from voicecli.engines.kokoro_parts import NotCuttable, OnnxParts, Utterance, Values
from voicecli.engines.kokoro_sound import RATE_HZ, pause_samples, to_pcm, trimmed
from voicecli.engines.kokoro_statistics import Foretelling, calibrate
from voicecli.engines.kokoro_streaming import Sound, StreamingVoice, spoken_part
from voicecli.engines.kokoro_words import Batch, spread, word_ends
from voicecli.errors import EngineError, ModelMissing, SettingsError
from voicecli.settings import TtsSettings
from voicecli.types import Stretch

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

Narrate = Callable[[str], None]


class Voice(Protocol):
    """Says a text, without the silence at its ends."""

    def say(self, text: str) -> Iterator[Sound]: ...


class Kokoro:
    """A resident Kokoro model with one voice. `synthesize` blocks; one worker thread owns it."""

    sample_rate_hz = RATE_HZ

    def __init__(self, voice: Voice, name: str) -> None:
        self.name = name
        self._voice = voice

    @classmethod
    def load(cls, model: Path, voices: Path, settings: TtsSettings, narrate: Narrate = lambda text: None) -> Kokoro:
        """Load `model` (.onnx) and the voice from its folder of .bin files, and speak once to warm both.

        The first load of a model cuts its graph, the first load of a voice calibrates it; both are kept beside the
        model, and `narrate` is told. Raises ModelMissing, SettingsError (unknown voice) or EngineError (cannot run as
        asked).
        """
        if not model.is_file():
            raise ModelMissing(f"{model} is not there", "voicecli download-models")
        styles = read_voice(voices, settings.voice)
        name = f"{model.parent.name} {settings.voice} {settings.device}"
        try:
            voice = open_voice(model, styles, settings, narrate)
        except NotCuttable as reason:
            narrate(f"The voice does not stream, it speaks piece by piece: {model.name} differs, {reason}")
            name += " (does not stream)"
            voice = WholePieces(open_session(model, settings), styles, settings)
        kokoro = cls(voice, name)
        list(kokoro.synthesize("Hello there."))
        return kokoro

    def synthesize(self, text: str) -> Iterator[Stretch]:
        """One piece, a stretch at a time, with the pause that its last mark calls for."""
        if not any(c.isalnum() for c in text):
            return
        for sound in self._voice.say(text):
            pause = np.zeros(pause_samples(text) if sound.share == 1 else 0, np.int16)
            yield Stretch(np.concatenate([to_pcm(sound.audio), pause]), sound.share, sound.word_ends_s)


class WholePieces:
    """One voice of a whole Kokoro, as kokoro-onnx runs it."""

    def __init__(self, session: onnxruntime.InferenceSession, styles: Values, settings: TtsSettings) -> None:
        self._settings = settings
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:  # kokoro-onnx takes voices from one npz file
            np.savez(file, styles)
            file.flush()
            self._model = KokoroOnnx.from_session(session, file.name)
        self._model.voices = {settings.voice: styles}

    def say(self, text: str) -> Iterator[Sound]:
        """All of it in one step. The whole model does not tell how long its phonemes last."""
        voice = self._settings.voice
        try:
            audio, _ = self._model.create(text, voice, self._settings.speed, LANGUAGES[voice[0]], trim=False)
        except ValueError as error:
            if "phonemes" in str(error):  # none: nothing that this voice can say
                return
            raise EngineError(f"Kokoro failed on {text!r}: {error}") from error
        except RuntimeError as error:
            raise EngineError(f"Kokoro failed on {text!r}: {error}") from error
        if len(sound := trimmed(np.asarray(audio, np.float32))):
            yield Sound(sound, 1.0, None)


def open_voice(model: Path, styles: Values, settings: TtsSettings, narrate: Narrate) -> Voice:
    """The voice as the settings want it. Raises NotCuttable when it should stream and cannot."""
    if not settings.streaming:
        return WholePieces(open_session(model, settings), styles, settings)
    if settings.device != "cpu":
        raise NotCuttable("streaming is for the CPU")
    cache = StreamingCache(model)

    def cut_graphs() -> list[bytes]:
        from voicecli.engines.kokoro_graph import cut

        narrate("Preparing the voice model for streaming, this once…")
        return [part.SerializeToString() for part in cut(model)]

    front, generator = (
        open_session(content, settings) for content in cache.kept(["front.onnx", "generator.onnx"], cut_graphs)
    )
    parts = OnnxParts(front, generator)
    tokenizer = Tokenizer(vocab=embedded_vocab(front))
    language = LANGUAGES[settings.voice[0]]

    def phonemise(text: str) -> list[Batch]:
        return token_batches(tokenizer, text, language)

    def utterances(text: str) -> list[Utterance]:
        return [spoken_part(parts, batch.tokens, styles, 1.0)[0] for batch in phonemise(text)]

    def calibrated() -> list[bytes]:
        narrate(f"Getting to know the voice {settings.voice}, this once…")
        return [calibrate(parts, utterances).to_bytes()]

    digest = hashlib.sha256(styles.tobytes()).hexdigest()[:12]
    (content,) = cache.kept([f"{settings.voice}-{digest}.npz"], calibrated)
    return StreamingVoice(parts, phonemise, styles, settings.speed, Foretelling.from_bytes(content))


def token_batches(tokenizer: Tokenizer, text: str, language: str) -> list[Batch]:
    """The text as Kokoro's tokens, cut at marks and words where it is longer than the model takes."""

    def phonemes(said: str) -> str:
        return " ".join(tokenizer.phonemize(said, language).split())

    try:
        spoken = phonemes(text)
        ends = word_ends(spoken, [phonemes(word) for word in text.split()])  # 1 ms for a long piece
    except RuntimeError as error:
        raise EngineError(f"espeak failed on {text!r}: {error}") from error
    batches = split_phonemes(spoken)
    return [
        Batch(tokenizer.tokenize(batch), ends)
        for batch, ends in zip(batches, spread(ends, spoken, batches), strict=True)
    ]


def read_voice(folder: Path, name: str) -> Values:
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


def open_session(model: Path | bytes, settings: TtsSettings) -> onnxruntime.InferenceSession:
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
        session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=providers
        )
    except Exception as error:  # onnxruntime's exceptions share no public base
        if isinstance(model, bytes):
            raise NotCuttable(f"ONNX Runtime does not take its parts: {error}") from error
        raise EngineError(f"Kokoro cannot load {model}: {error}", "voicecli download-models --verify") from error
    if settings.device == "cuda" and "CUDAExecutionProvider" not in session.get_providers():
        raise EngineError(
            f"Kokoro was asked to run on a GPU and ONNX Runtime fell back ({'; '.join(gpu.findings())})", gpu.CPU_HINT
        )
    return session
