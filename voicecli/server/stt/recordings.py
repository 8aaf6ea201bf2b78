"""Transcribe a recording of any length in parts, and yield each transcript as soon as it is decoded.

Parts are decoded one after the other, each in its turn: other clients are served between two of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from voicecli.audio.files.cutting import Part, RollingCut
from voicecli.audio.files.reader import read_blocks
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.engines.base import DECODE_WINDOW_S
from voicecli.engines.worker import ThreadWorker
from voicecli.server.stt.scheduler import DecodeQueueClient
from voicecli.types import Transcript

PAUSE_S = 0.7
"""A silence that separates two utterances: the default of `listen.end_ms`, which `voicecli transcribe` uses."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A part of a recording, and its transcript."""

    part: Part
    transcript: Transcript


class Recording:
    """One upload, read and classified once, on a thread of its own."""

    def __init__(self, file: BinaryIO, vad: VoiceActivityDetector, longest_s: float) -> None:
        self._blocks = read_blocks(file, longest_s)
        self._cut = RollingCut(vad, PAUSE_S, DECODE_WINDOW_S)

    @property
    def audio_s(self) -> float:
        """Length of what has been read so far."""
        return self._cut.heard_s

    async def transcripts(self, queue: DecodeQueueClient) -> AsyncGenerator[Heard]:
        """Yield the parts in order. Raise Unplayable, TooLong or EngineError."""
        steps = self._read()
        with ThreadWorker("recording") as worker:
            while (parts := await worker.run(_next, steps)) is not None:
                for part in parts:
                    yield Heard(part, (await queue.final(part.segment)).transcript)

    def _read(self) -> Iterator[list[Part]]:
        """Yield the parts that each block completes."""
        for block in self._blocks:
            yield self._cut.push(block)
        yield self._cut.finish()


def _next(steps: Iterator[list[Part]]) -> list[Part] | None:
    return next(steps, None)
