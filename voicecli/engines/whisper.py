"""Speech-to-text with faster-whisper (CTranslate2).

Whisper's encoder is built for 30 s and faster-whisper always feeds it 30 s. CTranslate2 takes fewer frames, but the
decoder then misses the silence after the speech and repeats the sentence with high confidence. So the short window
encodes the speech plus a margin and appends *encoder states of silence* that were computed once at start-up; a decode
that begins again all the same is done once more at the full window. Measured over 211 utterances with `base` on two
cores: a quarter of the time at the quality of a greedy full-window decode.

A greedy decode that is unsure of its words is read again with a beam from the same states, which costs no encoding.
Of 143 phrases in 40 spoken orders, 122 are heard without that and 126 with it, against 123 by a greedy decode of the
full window and 126 by a beam of 5 there; under pink noise at 10 dB it is 124 and 127. One in eleven is read again, one
in five under noise, each for about 0.1 s. What the whole recogniser hears: `python -m benchmarks.stt`.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

from voicecli.engines import gpu
from voicecli.engines.cpu import physical_cores
from voicecli.errors import EngineError, ModelMissing
from voicecli.settings import SttSettings
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm, SpeechSegment, Transcript

MAX_THREADS = 4  # more gain little at batch size one (SYSTRAN/faster-whisper#33)
FULL_FRAMES = 3000  # 30 s of 10 ms mel frames: Whisper's window
FULL_STATES = FULL_FRAMES // 2
MARGIN_FRAMES = 200  # frames after the speech that are encoded too; less restarts the sentence more often
SHORT_STATES = {512: 750}  # by encoder width: `base` needs no more; `tiny` loses 4 points of slot recall at 750
MIN_LOGPROB_GREEDY = -0.3  # below: read again with a beam; at -0.2 twice as many are, for nothing gained
BEAM = 5  # faster-whisper's own; 2 or 3 find two thirds of what 5 finds
TAIL_DB, TAIL_S = 40.0, 0.3  # what follows the last sound above this level, and what of it is kept: soft endings
LOUDEST_STEPS = 10  # 0.2 s, so that a click does not make soft speech a tail
MIN_LOGPROB = -1.0  # Whisper's own bound (Radford et al. 2022, section 4.5); 46 real utterances stayed above -0.75
MAX_NO_SPEECH = 0.6  # Whisper's own bound ...
MIN_LOGPROB_NO_SPEECH = -0.4  # ... with a stricter one: silence is "you" at 0.91 and -0.49; speech stays below 0.35
MAX_COMPRESSION = 2.4  # Whisper's own sign of a repetition loop
TOKENS_BASE, TOKENS_PER_S = 8, 4  # no full-window decode of 211 utterances came near 8 + 4 tokens a second ...
TOKENS_PER_S_FULL = 8  # ... but hasty speech has 6.4 a second (Kokoro at double speed) and would lose its end
MOST_TOKENS = 224  # half of Whisper's text context: CTranslate2 gives no more


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decode, before any gate."""

    text: str
    logprob: float  # mean over tokens, end token included
    no_speech: float  # probability
    ended: bool  # an end token came before the cap

    @property
    def compression(self) -> float:
        raw = self.text.encode()
        return len(raw) / len(zlib.compress(raw)) if raw else 0.0

    @property
    def misled(self) -> bool:
        """It began again after the end of the speech, as the short window makes the decoder do."""
        return not self.ended or restarts(self.text)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Speech as the decoder reads it, any number of times."""

    states: ctranslate2.StorageView
    most_tokens: float
    short: bool  # not the full window


def restarts(text: str) -> bool:
    """Whether the text begins again: its first three words, or any four words in a row, stand in it twice."""
    words = "".join(c for c in text.lower() if c.isalnum() or c.isspace()).split()
    fours = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    head = tuple(words[:3])
    again = len(words) > 5 and any(tuple(words[i : i + 3]) == head for i in range(3, len(words) - 2))
    return again or len(set(fours)) < len(fours)


def without_tail(pcm: Pcm) -> Pcm:
    """The recording up to shortly after its last sound: encoding silence takes as long as encoding speech."""
    steps = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].astype(np.float32).reshape(-1, FRAME_SAMPLES)
    levels_db = 10 * np.log10((steps**2).mean(axis=1) + 1)
    if not len(levels_db):
        return pcm
    sounding = np.flatnonzero(levels_db > np.sort(levels_db)[-LOUDEST_STEPS:].mean() - TAIL_DB)
    return pcm[: (sounding[-1] + 1) * FRAME_SAMPLES + round(TAIL_S * LISTEN_RATE_HZ)]


def withheld(decoded: Decoded) -> str:
    """Why the text should not count as speech; empty when it should."""
    if decoded.no_speech > MAX_NO_SPEECH and decoded.logprob < MIN_LOGPROB_NO_SPEECH:
        return "no speech"
    if decoded.logprob < MIN_LOGPROB:
        return "low confidence"
    if decoded.compression > MAX_COMPRESSION:
        return "repetition"
    return "" if any(c.isalnum() for c in decoded.text) else "no words"


@contextmanager
def failing_on(segment: SpeechSegment) -> Iterator[None]:
    """CTranslate2's errors as EngineError."""
    try:
        yield
    except RuntimeError as error:
        raise EngineError(f"Whisper failed on {segment.audio_s:.1f} s of speech: {error}") from error


class Whisper:
    """A resident Whisper model. Both calls block; one worker thread owns it."""

    def __init__(self, model: WhisperModel, settings: SttSettings, name: str) -> None:
        self.name = name
        self._model = model
        self._language = settings.language if model.model.is_multilingual else "en"
        self._silence = self._encode_silence() if settings.window == "short" else None

    @classmethod
    def load(cls, folder: Path, settings: SttSettings) -> Whisper:
        """Load from a CTranslate2 folder and decode once, so that the first utterance finds everything warm.

        Raises ModelMissing when the folder holds no model, EngineError when it cannot run as asked.
        """
        if not (folder / "model.bin").is_file():
            raise ModelMissing(f"{folder} holds no CTranslate2 Whisper model", "voicecli download-models whisper-base")
        if settings.device == "cuda":
            gpu.preload_libraries()
            gpu.require_cuda("Whisper", ctranslate2.get_cuda_device_count())
        try:
            model = WhisperModel(
                str(folder),
                device=settings.device,
                compute_type=settings.compute_type,
                cpu_threads=settings.threads or physical_cores(MAX_THREADS),
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError(
                f"Whisper cannot run as {settings.compute_type} on {settings.device}: {error}",
                "voicecli talk --profile cpu, or set stt.device and stt.compute_type",
            ) from error
        whisper = cls(model, settings, f"{folder.name} {settings.compute_type} {settings.device}")
        noise = np.random.default_rng(0).normal(0, 1000, LISTEN_RATE_HZ).astype(np.int16)
        whisper.transcribe(SpeechSegment(noise, 0.0, 1.0))
        return whisper

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """Final text: greedy at the short window, and again where that looks misled or unsure."""
        pcm = without_tail(segment.pcm)
        with failing_on(segment):
            encoded = self._hear(pcm, short=True)
            first = decoded = self._read(encoded)
            if not first.misled and first.logprob < MIN_LOGPROB_GREEDY:
                decoded = self._read(encoded, BEAM)
            if decoded.misled and encoded.short:
                decoded = self._read(self._hear(pcm, short=False), 1 if decoded is first else BEAM)
        return self._transcript(decoded, segment, redecoded=decoded is not first)

    def draft(self, segment: SpeechSegment) -> Transcript:
        """Quick hypothesis on growing speech; one that looks misled is withheld."""
        with failing_on(segment):
            decoded = self._read(self._hear(segment.pcm, short=True))
        if decoded.misled:
            return Transcript("", self._language, segment.audio_s, "restart", provisional=True)
        unsure = decoded.logprob < MIN_LOGPROB_GREEDY
        return replace(self._transcript(decoded, segment), provisional=unsure)

    def _transcript(self, decoded: Decoded, segment: SpeechSegment, *, redecoded: bool = False) -> Transcript:
        reason = withheld(decoded)
        text = "" if reason else decoded.text
        return Transcript(text, self._language, segment.audio_s, reason, redecoded=redecoded)

    def _hear(self, pcm: Pcm, *, short: bool) -> Encoded:
        audio_s = len(pcm) / LISTEN_RATE_HZ
        features = self._features(pcm)
        if short and self._fits(features):
            return Encoded(self._encode_short(features), TOKENS_BASE + TOKENS_PER_S * audio_s, short=True)
        return Encoded(self._encode_full(features), TOKENS_BASE + TOKENS_PER_S_FULL * audio_s, short=False)

    def _features(self, pcm: Pcm) -> NDArray[np.float32]:
        """Log-mel spectrogram, shape (mels, frames), frames of 10 ms, at most 30 s."""
        audio = pcm.astype(np.float32) / 32768
        features: NDArray[np.float32] = self._model.feature_extractor(audio, padding=0)
        return features[:, :FULL_FRAMES]

    def _fits(self, features: NDArray[np.float32]) -> bool:
        return self._silence is not None and features.shape[1] + MARGIN_FRAMES <= FULL_FRAMES

    def _encode_full(self, features: NDArray[np.float32]) -> ctranslate2.StorageView:
        # Padded like faster-whisper itself does for the full window: with zeros.
        padded = np.zeros((features.shape[0], FULL_FRAMES), np.float32)
        padded[:, : features.shape[1]] = features
        return self._encode(padded)

    def _encode_short(self, features: NDArray[np.float32]) -> ctranslate2.StorageView:
        """Encode speech and margin, then go on with states of silence that cost nothing."""
        assert self._silence is not None
        frames = features.shape[1] + MARGIN_FRAMES
        frames += frames % 2  # two frames make one state
        padded = np.full((features.shape[0], frames), features.min(), np.float32)  # the log floor is silence
        padded[:, : features.shape[1]] = features
        states = np.asarray(self._encode(padded))
        target = SHORT_STATES.get(states.shape[2], FULL_STATES)
        target = target if states.shape[1] < target else FULL_STATES
        joined = np.concatenate([states, self._silence[:, states.shape[1] : target]], axis=1)
        return ctranslate2.StorageView.from_array(np.ascontiguousarray(joined))

    def _encode_silence(self) -> NDArray[np.float32]:
        """Encoder states of 30 s of digital silence, shape (1, 1500, width): they depend on position alone."""
        floor = self._features(np.zeros(LISTEN_RATE_HZ, np.int16)).min()
        mels = self._model.feature_extractor.mel_filters.shape[0]
        return np.asarray(self._encode(np.full((mels, FULL_FRAMES), floor, np.float32)))

    def _encode(self, features: NDArray[np.float32]) -> ctranslate2.StorageView:
        batch = ctranslate2.StorageView.from_array(np.ascontiguousarray(features[np.newaxis]))
        return self._model.model.encode(batch, to_cpu=self._model.model.device == "cpu")

    def _read(self, encoded: Encoded, beam: int = 1) -> Decoded:
        tokenizer = self._tokenizer(encoded.states)
        cap = min(math.ceil(encoded.most_tokens), MOST_TOKENS)
        result = self._model.model.generate(
            encoded.states,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]],
            beam_size=beam,
            max_length=2 * cap,  # CTranslate2 stops after half of max_length
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0]
        length = len(tokens)
        return Decoded(
            text=tokenizer.decode(tokens).strip(),
            logprob=result.scores[0] * length / (length + 1),
            no_speech=result.no_speech_prob,
            ended=length < cap,
        )

    def _tokenizer(self, encoded: ctranslate2.StorageView) -> Tokenizer:
        language = self._language
        if language == "auto":
            language = self._model.model.detect_language(encoded)[0][0][0].strip("<|>")
        return Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=language
        )
