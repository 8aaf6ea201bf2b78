"""A recording of any length -> its transcripts, one for each part, as soon as each is decoded.

Parts are decoded one after the other, each when it is its turn: other clients are served between two of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from voicecli.audio.files.rolling_cut import Part, RollingCut
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.engines.whisper.long_audio import WINDOW_S
from voicecli.engines.worker import ThreadWorker
from voicecli.server.stt.containers import read_blocks
from voicecli.server.stt.scheduler import DecodeQueueClient
from voicecli.types import FRAME_S, FRAME_SAMPLES, AudioFrame, Transcript

PAUSE_S = 0.7
"""A silence that parts two utterances: the default of `listen.end_ms`, which `voicecli transcribe` goes by."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One part and its words."""

    part: Part
    transcript: Transcript


class Recording:
    """One upload, read once. Its own thread reads and judges it; raises Unplayable or TooLong there."""

    def __init__(self, file: BinaryIO, gate: VoiceActivityDetector, longest_s: float) -> None:
        self._file = file
        self._gate = gate
        self._longest_s = longest_s
        self._cut = RollingCut(PAUSE_S, WINDOW_S)

    @property
    def audio_s(self) -> float:
        """What has been read so far."""
        return self._cut.heard_s

    async def transcripts(self, queue: DecodeQueueClient) -> AsyncGenerator[Heard]:
        """In order. Raises EngineError too."""
        steps = self._read()
        with ThreadWorker("recording") as worker:
            while (parts := await worker.run(_next, steps)) is not None:
                for part in parts:
                    yield Heard(part, (await queue.final(part.segment)).transcript)

    def _read(self) -> Iterator[list[Part]]:
        """The parts that each block completes."""
        rest = np.zeros(0, np.int16)
        for block in read_blocks(self._file, self._longest_s):
            pcm = np.concatenate([rest, block])
            full = len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES
            rest = pcm[full:]
            yield self._judge(pcm[:full].reshape(-1, FRAME_SAMPLES))
        yield [
            *self._judge(np.pad(rest, (0, -len(rest) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)),
            *self._cut.finish(),
        ]

    def _judge(self, frames: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> list[Part]:
        began_s = self._cut.heard_s
        voiced = [
            self._gate.is_speech(AudioFrame(frame, began_s + index * FRAME_S)) for index, frame in enumerate(frames)
        ]
        return self._cut.push(frames, voiced)


def _next(steps: Iterator[list[Part]]) -> list[Part] | None:
    return next(steps, None)
