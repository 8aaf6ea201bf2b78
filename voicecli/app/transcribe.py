"""One run of `voicecli transcribe` on sound files, with the recognizer of the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from voicecli.assemble.devices import make_vad
from voicecli.assemble.engines import load_recognizer
from voicecli.audio.files.cutting import Part, RollingCut
from voicecli.audio.files.reader import read_clip
from voicecli.audio.speech_input import VoiceActivityDetector
from voicecli.engines.base import DECODE_WINDOW_S, SpeechToText
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import VoiceCliError
from voicecli.events import CLOCK, Clock
from voicecli.models.store import open_store
from voicecli.settings.model import ListenSettings, Settings
from voicecli.types import FRAME_SAMPLES, LISTEN_RATE_HZ, Pcm, SpeechSegment, Transcript


@dataclass(frozen=True, slots=True)
class Withheld:
    """A part of a file without text, and the reason."""

    from_s: float
    until_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class FileTranscript:
    """The transcript of a file."""

    file: Path
    text: str  # empty if nothing was said
    audio_s: float
    decode_s: float  # time in the recognizer
    redecoded: bool | None  # whether a part was decoded twice; None: a server decoded it and does not report that
    withheld: tuple[Withheld, ...]

    @property
    def reason(self) -> str:
        """Why there is no text; empty if there is some."""
        reasons = dict.fromkeys(part.reason for part in self.withheld)
        return "" if self.text else ", ".join(reasons) or "no speech"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that could not be transcribed. The others go on."""

    file: Path
    error: VoiceCliError


Outcome = FileTranscript | Unreadable


def transcribe_files(files: Sequence[Path], settings: Settings, show: Callable[[Outcome], None]) -> None:
    """Transcribe files, and call `show` for each as soon as it is done.

    Raise ModelMissing, EngineError or SettingsError if the recognizer cannot start.
    """
    asyncio.run(_transcribe_files(files, settings, show))


async def _transcribe_files(files: Sequence[Path], settings: Settings, show: Callable[[Outcome], None]) -> None:
    """Transcribe on a worker: on the main thread Ctrl-C would wait for a decode."""
    sleep_while_waiting()
    recognizer: SpeechToText | None = None
    cut = partial(speech_parts, make_vad=partial(make_vad, settings.listen), listen=settings.listen)
    with ThreadWorker("stt") as worker:
        for file in files:
            try:
                pcm = await worker.run(read_clip, file)
            except VoiceCliError as error:
                show(Unreadable(file, error))
                continue
            if recognizer is None:
                recognizer = await load_recognizer(worker, open_store(settings), settings.stt)
            try:
                show(await worker.run(transcribe_clip, file, pcm, recognizer, cut, CLOCK))
            except VoiceCliError as error:
                show(Unreadable(file, error))


def transcribe_clip(
    file: Path, pcm: Pcm, recognizer: SpeechToText, cut: Callable[[Pcm], list[Part]], clock: Clock
) -> FileTranscript:
    """Decode each part of a clip. Raise EngineError if that fails."""
    decode_s = 0.0
    transcripts: list[Transcript] = []
    parts = cut(pcm)
    for part in parts:
        began_s = clock()
        transcripts.append(recognizer.transcribe(part.segment))
        decode_s += clock() - began_s
    return FileTranscript(
        file,
        " ".join(transcript.text for transcript in transcripts if transcript.text),
        len(pcm) / LISTEN_RATE_HZ,
        decode_s,
        any(transcript.redecoded for transcript in transcripts),
        tuple(
            Withheld(part.begin_s, part.begin_s + part.segment.audio_s, transcript.reason)
            for part, transcript in zip(parts, transcripts, strict=True)
            if transcript.reason
        ),
    )


def speech_parts(pcm: Pcm, make_vad: Callable[[], VoiceActivityDetector], listen: ListenSettings) -> list[Part]:
    """Return a clip whole if the recognizer can decode it in one go, else its speech, cut at pauses."""
    if len(pcm) < FRAME_SAMPLES:  # too short for a single mel frame, let alone a word
        return []
    if len(pcm) <= DECODE_WINDOW_S * LISTEN_RATE_HZ:
        return [Part(SpeechSegment(pcm, 0.0, len(pcm) / LISTEN_RATE_HZ), 0.0)]
    cut = RollingCut(make_vad(), listen.end_ms / 1000, DECODE_WINDOW_S)
    return [*cut.push(pcm), *cut.finish()]
