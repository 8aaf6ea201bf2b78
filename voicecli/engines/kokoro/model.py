"""A resident Kokoro on ONNX Runtime: cut in two, so that its voices stream, or whole."""

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
"""Language of the calibration sentences for voices whose own phonemizer cannot read Latin letters."""

Narrate = Callable[[str], None]


class Voice(Protocol):
    """Speaks a text, without the silence at its ends."""

    @property
    def streams(self) -> bool:
        """Whether sound comes as it is computed, not one whole text chunk at a time."""
        ...

    def say(self, text: str) -> Iterator[Sound]: ...


class Model(Protocol):
    """A model that its voices share, so that a voice costs little."""

    def voice(self, styles: Styles, speed: float) -> Voice:
        """Return a voice, ready for use."""
        ...

    def preparing(self, styles: Styles, narrate: Narrate) -> Iterator[int]:
        """Calibrate a voice so that it streams, unless that is done; each step takes about a second."""
        ...


class CutModel:
    """Kokoro cut in two. The graphs and the statistics of calibrated voices are made once and cached beside the model.

    A voice that is not calibrated uses the statistics of each text chunk itself, which are known only when all of it is
    computed: the quality is the same, and the sound comes later.
    """

    def __init__(
        self, model: Path, settings: TtsSettings, narrate: Narrate, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Raise NotCuttable if the export is built differently."""
        self._clock = clock
        self._cache = StreamingCache(model)

        def cut_graphs() -> list[bytes]:
            from voicecli.engines.kokoro.graph import cut

            narrate("Preparing the voice model for streaming (only once)…")
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
        narrate(f"Calibrating the voice {styles.name} (only once)…")
        predictor = yield from calibrate(self._parts, utterances)
        file = _statistics_file(styles)
        self._cache.get_or_make([file], lambda: [predictor.to_bytes()])
        self._predictors[file] = predictor


def _statistics_file(styles: Styles) -> str:
    digest = hashlib.sha256(styles.table.tobytes()).hexdigest()[:12]
    return f"{'blend' if styles.is_blend else styles.name}-{digest}.npz"


class WholeModel:
    """Kokoro in one graph, as kokoro-onnx runs it."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:  # it requires a file of voices; they are passed later
            np.savez(file, np.zeros(VOICE_SHAPE, np.float32))
            file.flush()
            self._model = KokoroOnnx.from_session(session, file.name)

    def voice(self, styles: Styles, speed: float) -> WholeChunkVoice:
        return WholeChunkVoice(self._model, styles, speed, phonemizer(styles.language, self._model.tokenizer))

    def preparing(self, styles: Styles, narrate: Narrate) -> Iterator[int]:
        """Do nothing: the whole model needs no calibration."""
        return iter(())


class WholeChunkVoice:
    """A voice of a whole Kokoro: its sound comes one whole text chunk at a time."""

    streams = False

    def __init__(self, model: KokoroOnnx, styles: Styles, speed: float, read: Phonemize) -> None:
        self._model = model
        self._styles = styles
        self._speed = speed
        self._read = read

    def say(self, text: str) -> Iterator[Sound]:
        """Yield all sound in one step, without word times: the whole model does not output durations."""
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
    """Convert text to Kokoro's tokens, in batches cut at marks and words if it exceeds the model's limit."""
    spoken = read(text)
    ends = word_ends(spoken, [read(word) for word in text.split()])  # 1 ms for a long text
    batches = split_phonemes(spoken)
    return [
        Batch(tokenizer.tokenize(batch), ends)
        for batch, ends in zip(batches, split_ends(ends, spoken, batches), strict=True)
    ]


def open_session(model: Path | bytes, settings: TtsSettings) -> onnxruntime.InferenceSession:
    """Open a session on the configured device, without spinning, which would slow the language model.

    Raise EngineError, or NotCuttable for the bytes of a cut graph, if it cannot run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads or physical_cores(MAX_THREADS)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # a pattern would be kept for each length, and lengths hardly ever repeat
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
