"""Speech-to-text with faster-whisper (CTranslate2).

Whisper's encoder is built for 30 s and faster-whisper always feeds it 30 s. CTranslate2 takes fewer frames, but the
decoder then misses the silence after the speech and repeats the sentence with high confidence. So the short window
encodes the speech plus a margin and appends *encoder states of silence* that were computed once at start-up; a decode
that still looks wrong is done again at the full window. Measured over 211 utterances with `base` on two cores: a
quarter of the time at the quality of a greedy full-window decode.
"""

from __future__ import annotations

import math
import zlib
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
from voicecli.types import LISTEN_RATE_HZ, Pcm, SpeechSegment, Transcript

MAX_THREADS = 4  # more gain little at batch size one (SYSTRAN/faster-whisper#33)
FULL_FRAMES = 3000  # 30 s of 10 ms mel frames: Whisper's window
FULL_STATES = FULL_FRAMES // 2
MARGIN_FRAMES = 200  # frames after the speech that are encoded too; less restarts the sentence more often
SHORT_STATES = {512: 750}  # by encoder width: `base` needs no more; `tiny` loses 4 points of slot recall at 750
MIN_LOGPROB_SHORT = -0.5  # below: decode again at the full window (with the two other signs: 4.3 % of utterances)
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
    def suspicious(self) -> bool:
        """The short window may have misled the decoder."""
        return not self.ended or restarts(self.text) or self.logprob < MIN_LOGPROB_SHORT


def restarts(text: str) -> bool:
    """Whether the text begins again: its first three words, or any four words in a row, stand in it twice."""
    words = "".join(c for c in text.lower() if c.isalnum() or c.isspace()).split()
    fours = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    head = tuple(words[:3])
    again = len(words) > 5 and any(tuple(words[i : i + 3]) == head for i in range(3, len(words) - 2))
    return again or len(set(fours)) < len(fours)


def withheld(decoded: Decoded) -> str:
    """Why the text should not count as speech; empty when it should."""
    if decoded.no_speech > MAX_NO_SPEECH and decoded.logprob < MIN_LOGPROB_NO_SPEECH:
        return "no speech"
    if decoded.logprob < MIN_LOGPROB:
        return "low confidence"
    if decoded.compression > MAX_COMPRESSION:
        return "repetition"
    return "" if any(c.isalnum() for c in decoded.text) else "no words"


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
        """Final text, greedy; decoded again at the full window where the short one looks misled."""
        decoded = self._decode(segment.pcm, short=True)
        misled = decoded.suspicious and self._silence is not None
        if misled:
            decoded = self._decode(segment.pcm, short=False)
        return self._transcript(decoded, segment, redecoded=misled)

    def draft(self, segment: SpeechSegment) -> Transcript:
        """Quick hypothesis on growing speech; one that looks misled is withheld."""
        decoded = self._decode(segment.pcm, short=True)
        if restarts(decoded.text) or not decoded.ended:
            return Transcript("", self._language, segment.audio_s, "restart", provisional=True)
        return replace(self._transcript(decoded, segment), provisional=decoded.suspicious)

    def _transcript(self, decoded: Decoded, segment: SpeechSegment, *, redecoded: bool = False) -> Transcript:
        reason = withheld(decoded)
        return Transcript("" if reason else decoded.text, self._language, segment.audio_s, reason, redecoded)

    def _decode(self, pcm: Pcm, *, short: bool) -> Decoded:
        try:
            features = self._features(pcm)
            audio_s = len(pcm) / LISTEN_RATE_HZ
            if short and self._fits(features):
                return self._generate(self._encode_short(features), TOKENS_BASE + TOKENS_PER_S * audio_s)
            return self._generate(self._encode_full(features), TOKENS_BASE + TOKENS_PER_S_FULL * audio_s)
        except RuntimeError as error:
            raise EngineError(f"Whisper failed on {len(pcm) / LISTEN_RATE_HZ:.1f} s of speech: {error}") from error

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

    def _generate(self, encoded: ctranslate2.StorageView, most_tokens: float) -> Decoded:
        tokenizer = self._tokenizer(encoded)
        cap = min(math.ceil(most_tokens), MOST_TOKENS)
        result = self._model.model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]],
            beam_size=1,
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
