"""Whisper's encoder at the length of the speech.

The encoder is built for 30 s, and faster-whisper always gives it 30 s. CTranslate2 accepts fewer frames, but the
decoder then misses the silence after the speech and repeats the sentence with high confidence. So the short window
encodes the speech plus a margin and appends *encoder states of silence* that were computed once at startup. Over 211
utterances with `base` on two cores, this took a quarter of the time at the quality of a greedy full-window decode.

Several utterances at the short window are encoded at the length of the longest, so the shorter ones have more silence
of their own and less of the cached one. That may change a mark or an unclear word: of 46 recordings in batches of four
it changed 4 texts. At the full window there is no difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from voicecli.types import LISTEN_RATE_HZ, Pcm

FULL_FRAMES = 3000  # 30 s of 10 ms mel frames: Whisper's window
FULL_STATES = FULL_FRAMES // 2
FRAMES_PER_S = 100
MARGIN_FRAMES = 200  # encoded after the speech; with fewer the decoder repeats the sentence more often
SHORT_STATES = {512: 750}  # by encoder width: `base` needs no more; `tiny` loses 4 points of slot recall at 750
TOKENS_BASE, TOKENS_PER_S = 8, 4  # no full-window decode of 211 utterances came near 8 + 4 tokens a second ...
TOKENS_PER_S_FULL = 8  # ... but fast speech has 6.4 a second (Kokoro at double speed) and would lose its end


@dataclass(frozen=True, slots=True)
class Encoded:
    """Encoded utterances, which can be decoded any number of times."""

    states: ctranslate2.StorageView  # (utterances, states of 20 ms, width)
    frames: tuple[int, ...]  # length of each utterance in 10 ms
    short: bool  # not the full window

    @property
    def most_tokens(self) -> list[int]:
        """Token limit of each utterance's text; a decode that reaches it went wrong."""
        per_s = TOKENS_PER_S if self.short else TOKENS_PER_S_FULL
        return [math.ceil(TOKENS_BASE + per_s * frames / FRAMES_PER_S) for frames in self.frames]


class Encoder:
    """The encoder of a resident model, with cached states of silence."""

    def __init__(self, model: WhisperModel, *, short: bool) -> None:
        """`short`: allow the short window."""
        self._model = model
        self._silence = self._encode_silence() if short else None

    def encode(self, pcms: Sequence[Pcm], *, short: bool = True) -> Encoded:
        """Encode utterances together, at the short window if that is wanted and the longest one fits in."""
        features = [self._features(pcm) for pcm in pcms]
        frames = tuple(one.shape[1] for one in features)
        if short and self._silence is not None and max(frames) + MARGIN_FRAMES <= FULL_FRAMES:
            return Encoded(self._encode_short(features, self._silence), frames, short=True)
        # Pad with zeros, as faster-whisper does for the full window.
        padded = _batch(features, FULL_FRAMES, [0.0] * len(features))
        return Encoded(self._encode(padded, to_cpu=self._model.model.device == "cpu"), frames, short=False)

    def _features(self, pcm: Pcm) -> NDArray[np.float32]:
        """Return the log-mel spectrogram, shape (mels, frames), frames of 10 ms, at most 30 s."""
        audio = pcm.astype(np.float32) / 32768
        features: NDArray[np.float32] = self._model.feature_extractor(audio, padding=0)
        return features[:, :FULL_FRAMES]

    def _encode_short(
        self, features: Sequence[NDArray[np.float32]], silence: NDArray[np.float32]
    ) -> ctranslate2.StorageView:
        """Encode speech and margin, then append the cached states of silence."""
        frames = max(one.shape[1] for one in features) + MARGIN_FRAMES
        frames += frames % 2  # two frames make one state
        states = self._states(_batch(features, frames, [one.min() for one in features]))  # the log floor is silence
        target = SHORT_STATES.get(states.shape[2], FULL_STATES)
        target = target if states.shape[1] < target else FULL_STATES
        rest = np.repeat(silence[:, states.shape[1] : target], len(states), axis=0)
        return ctranslate2.StorageView.from_array(np.ascontiguousarray(np.concatenate([states, rest], axis=1)))

    def _encode_silence(self) -> NDArray[np.float32]:
        """Return encoder states of 30 s of digital silence, shape (1, 1500, width); they depend only on position."""
        floor = self._features(np.zeros(LISTEN_RATE_HZ, np.int16)).min()
        mels = self._model.feature_extractor.mel_filters.shape[0]
        return self._states(np.full((1, mels, FULL_FRAMES), floor, np.float32))

    def _states(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return encoder states in CPU memory as float32, so that NumPy can join them."""
        states = self._encode(features, to_cpu=True)
        return np.asarray(
            states if states.dtype == ctranslate2.DataType.float32 else states.to(ctranslate2.DataType.float32)
        )

    def _encode(self, features: NDArray[np.float32], *, to_cpu: bool) -> ctranslate2.StorageView:
        return self._model.model.encode(ctranslate2.StorageView.from_array(features), to_cpu=to_cpu)


def _batch(features: Sequence[NDArray[np.float32]], frames: int, rest: Sequence[float]) -> NDArray[np.float32]:
    """Pad spectrograms to one length with their `rest` levels, shape (utterances, mels, frames)."""
    batch = np.empty((len(features), features[0].shape[0], frames), np.float32)
    for row, one, level in zip(batch, features, rest, strict=True):
        row[:, : one.shape[1]] = one
        row[:, one.shape[1] :] = level
    return batch
