"""One run of `voicecli transcribe`: sound files -> text, by the recogniser of the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from voicecli.assemble.devices import CLOCK, make_vad
from voicecli.assemble.engines import load_recogniser
from voicecli.audio.files.cutting import cut_at_pauses
from voicecli.audio.files.wav import read_clip
from voicecli.audio.speech_input import VoiceActivityDetector, level_db
from voicecli.engines.base import SpeechToText
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.whisper.long_audio import WINDOW_S
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import VoiceCliError
from voicecli.events import Clock
from voicecli.models.store import open_store
from voicecli.settings.model import ListenSettings, Settings
from voicecli.types import FRAME_S, FRAME_SAMPLES, LISTEN_RATE_HZ, AudioFrame, Pcm, SpeechSegment, Transcript


@dataclass(frozen=True, slots=True)
class Withheld:
    """A part of a file that gave no text, and why."""

    from_s: float
    until_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class FileTranscript:
    """What was understood of a file."""

    file: Path
    text: str  # empty when nothing was said
    audio_s: float
    decode_s: float  # time in the recogniser
    redecoded: bool | None  # some part of it was decoded twice; None: a server did it, which does not tell
    withheld: tuple[Withheld, ...]

    @property
    def reason(self) -> str:
        """Why there is no text; empty when there is some."""
        reasons = dict.fromkeys(part.reason for part in self.withheld)
        return "" if self.text else ", ".join(reasons) or "no speech"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that gave nothing; the others go on."""

    file: Path
    error: VoiceCliError


Outcome = FileTranscript | Unreadable


def transcribe_files(files: Sequence[Path], settings: Settings, show: Callable[[Outcome], None]) -> None:
    """Tell `show` of each file as soon as it is done.

    Raises ModelMissing, EngineError or SettingsError when the recogniser cannot start.
    """
    asyncio.run(_transcribe_files(files, settings, show))


async def _transcribe_files(files: Sequence[Path], settings: Settings, show: Callable[[Outcome], None]) -> None:
    """On a worker, since Ctrl-C would wait for a decode on the main thread."""
    sleep_while_waiting()
    recogniser: SpeechToText | None = None
    with ThreadWorker("stt") as worker:
        for file in files:
            try:
                pcm = await worker.run(read_clip, file)
            except VoiceCliError as error:
                show(Unreadable(file, error))
                continue
            if recogniser is None:
                recogniser = await load_recogniser(worker, open_store(settings), settings.stt)
            parts = partial(speech_parts, make_gate=partial(make_vad, settings.listen), listen=settings.listen)
            try:
                show(await worker.run(understand, file, pcm, recogniser, parts, CLOCK))
            except VoiceCliError as error:
                show(Unreadable(file, error))


def understand(
    file: Path, pcm: Pcm, recogniser: SpeechToText, parts_of: Callable[[Pcm], list[SpeechSegment]], clock: Clock
) -> FileTranscript:
    """Decode each part of a clip. Raises EngineError."""
    decode_s = 0.0
    heard: list[tuple[SpeechSegment, Transcript]] = []
    for part in parts_of(pcm):
        began_s = clock()
        heard.append((part, recogniser.transcribe(part)))
        decode_s += clock() - began_s
    return FileTranscript(
        file,
        " ".join(transcript.text for _, transcript in heard if transcript.text),
        len(pcm) / LISTEN_RATE_HZ,
        decode_s,
        any(transcript.redecoded for _, transcript in heard),
        tuple(
            Withheld(part.started_at_s, part.ended_at_s, transcript.reason)
            for part, transcript in heard
            if transcript.reason
        ),
    )


def speech_parts(
    pcm: Pcm, make_gate: Callable[[], VoiceActivityDetector], listen: ListenSettings
) -> list[SpeechSegment]:
    """All of a clip that the recogniser takes in one go; of a longer one what is speech, cut at its pauses."""
    if len(pcm) < FRAME_SAMPLES:  # too short for a single mel frame, let alone a word
        return []
    if len(pcm) <= WINDOW_S * LISTEN_RATE_HZ:
        return [SpeechSegment(pcm, 0.0, len(pcm) / LISTEN_RATE_HZ)]
    gate = make_gate()
    frames = np.pad(pcm, (0, -len(pcm) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
    voiced = [gate.is_speech(AudioFrame(frame, index * FRAME_S)) for index, frame in enumerate(frames)]
    levels_db = [level_db(frame) for frame in frames]
    ranges = cut_at_pauses(voiced, levels_db, listen.end_ms / 1000, WINDOW_S)
    return [
        SpeechSegment(frames[part.start : part.stop].ravel(), part.start * FRAME_S, part.stop * FRAME_S)
        for part in ranges
    ]
