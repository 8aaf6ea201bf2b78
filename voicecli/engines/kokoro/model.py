"""A resident Kokoro on ONNX Runtime, on which voices are opened: cut, so that they stream, or whole."""

from __future__ import annotations

import hashlib
import tempfile
import time
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
from voicecli.engines.kokoro.cache import StreamingCache
from voicecli.engines.kokoro.parts import NotCuttable, OnnxParts, Utterance
from voicecli.engines.kokoro.phonemes import NEEDED, Phonemize, phonemizer
from voicecli.engines.kokoro.sound import trim
from voicecli.engines.kokoro.statistics import StatisticsPredictor, calibrate
from voicecli.engines.kokoro.streaming import Sound, StreamingVoice, spoken_part
from voicecli.engines.kokoro.voices import VOICE_SHAPE, Styles
from voicecli.engines.kokoro.words import Batch, split_ends, word_ends
from voicecli.errors import EngineError
from voicecli.languages import code_of
from voicecli.settings.model import TtsSettings

MAX_THREADS = 4  # the fourth still gives 8 % (k2-fsa/sherpa, Kokoro on a Raspberry Pi 4)

CALIBRATION_LANGUAGE = "en-us"
"""What the sentences are in that a voice is got to know by, where its own reader would not read them."""

Narrate = Callable[[str], None]


class Voice(Protocol):
    """Says a text, without the silence at its ends."""

    @property
    def streams(self) -> bool:
        """The sound of a piece comes as it is computed, not all at once."""
        ...

    def say(self, text: str) -> Iterator[Sound]: ...


class Model(Protocol):
    """Voices cost little: they share the model."""

    def voice(self, styles: Styles, speed: float) -> Voice:
        """One that may be used at once."""
        ...

    def preparing(self, styles: Styles, narrate: Narrate) -> Iterator[int]:
        """Do what makes a voice stream, where that is not done yet; each step takes about a second."""
        ...


class CutModel:
    """The graph in two, made once and kept beside the model; so are the statistics of each voice that was prepared.

    A voice that was not is spoken by its own statistics, which are known once all of a piece is computed: it is as
    good, and its sound comes later.
    """

    def __init__(
        self, model: Path, settings: TtsSettings, narrate: Narrate, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Raises NotCuttable when the export is built differently."""
        self._clock = clock
        self._cache = StreamingCache(model)

        def cut_graphs() -> list[bytes]:
            from voicecli.engines.kokoro.graph import cut

            narrate("Preparing the voice model for streaming, this once…")
            return [part.SerializeToString() for part in cut(model)]

        front, generator = (
            open_session(content, settings)
            for content in self._cache.get_or_make(["front.onnx", "generator.onnx"], cut_graphs)
        )
        self._parts = OnnxParts(front, generator)
        self._tokenizer = Tokenizer(vocab=embedded_vocab(front))
        self._predictors: dict[str, StatisticsPredictor] = {}  # by the file that keeps it

    def voice(self, styles: Styles, speed: float) -> StreamingVoice:
        file = _statistics_file(styles)
        if file not in self._predictors and (content := self._cache.read(file)) is not None:
            self._predictors[file] = StatisticsPredictor.from_bytes(content)

        read = phonemizer(styles.language, self._tokenizer)

        def phonemize(text: str) -> list[Batch]:
            return token_batches(self._tokenizer, text, read)

        return StreamingVoice(self._parts, phonemize, styles.table, speed, self._predictors.get(file), self._clock)

    def preparing(self, styles: Styles, narrate: Narrate) -> Iterator[int]:
        reads_latin = code_of(styles.language) not in NEEDED
        read = phonemizer(styles.language if reads_latin else CALIBRATION_LANGUAGE, self._tokenizer)

        def utterances(text: str) -> list[Utterance]:
            batches = token_batches(self._tokenizer, text, read)
            return [spoken_part(self._parts, batch.tokens, styles.table, 1.0)[0] for batch in batches]

        if self.voice(styles, 1.0).streams:
            return
        narrate(f"Getting to know the voice {styles.name}, this once…")
        predictor = yield from calibrate(self._parts, utterances)
        file = _statistics_file(styles)
        self._cache.get_or_make([file], lambda: [predictor.to_bytes()])
        self._predictors[file] = predictor


def _statistics_file(styles: Styles) -> str:
    digest = hashlib.sha256(styles.table.tobytes()).hexdigest()[:12]
    return f"{'blend' if styles.is_blend else styles.name}-{digest}.npz"


class WholeModel:
    """Kokoro as kokoro-onnx runs it."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:  # it wants a file of voices; they are given later
            np.savez(file, np.zeros(VOICE_SHAPE, np.float32))
            file.flush()
            self._model = KokoroOnnx.from_session(session, file.name)

    def voice(self, styles: Styles, speed: float) -> WholeChunkVoice:
        return WholeChunkVoice(self._model, styles, speed, phonemizer(styles.language, self._model.tokenizer))

    def preparing(self, styles: Styles, narrate: Narrate) -> Iterator[int]:
        """There is nothing to prepare."""
        return iter(())


class WholeChunkVoice:
    """One voice of a whole Kokoro."""

    streams = False

    def __init__(self, model: KokoroOnnx, styles: Styles, speed: float, read: Phonemize) -> None:
        self._model = model
        self._styles = styles
        self._speed = speed
        self._read = read

    def say(self, text: str) -> Iterator[Sound]:
        """All of it in one step. The whole model does not tell how long its phonemes last."""
        phonemes = self._read(text)
        try:
            audio, _ = self._model.create(phonemes, self._styles.table, self._speed, is_phonemes=True, trim=False)
        except ValueError as error:
            if "phonemes" in str(error):  # none: nothing that this voice can say
                return
            raise EngineError(f"Kokoro failed on {text!r}: {error}") from error
        except RuntimeError as error:
            raise EngineError(f"Kokoro failed on {text!r}: {error}") from error
        if len(sound := trim(np.asarray(audio, np.float32))):
            yield Sound(sound, 1.0, None)


def token_batches(tokenizer: Tokenizer, text: str, read: Phonemize) -> list[Batch]:
    """The text as Kokoro's tokens, cut at marks and words where it is longer than the model takes."""
    spoken = read(text)
    ends = word_ends(spoken, [read(word) for word in text.split()])  # 1 ms for a long piece
    batches = split_phonemes(spoken)
    return [
        Batch(tokenizer.tokenize(batch), ends)
        for batch, ends in zip(batches, split_ends(ends, spoken, batches), strict=True)
    ]


def open_session(model: Path | bytes, settings: TtsSettings) -> onnxruntime.InferenceSession:
    """An inference session on the asked device. Spinning is off: idle threads would steal from the language model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads or physical_cores(MAX_THREADS)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # a pattern is kept for each length that was ever spoken, and none comes again
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
