"""Load the speech of a measurement: recordings in any of the usual layouts, or questions spoken by Kokoro.

FOLDER/**/*.wav, .flac ...     audio files; `name.txt` beside one has its text
FOLDER/**/slots.json           file -> phrases that must be recognized; paths are relative to its folder
FOLDER/SPEAKER/*               a subfolder is named after the speaker
FOLDER/84/121123/*.flac        LibriSpeech: speaker and chapter, with the texts in 84-121123.trans.txt
FOLDER/commands, sentences     if one of them exists, nothing else is read
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from voicecli.assemble.devices import make_vad
from voicecli.audio.files.wav import read_clip
from voicecli.bench.questions import QUESTIONS, TIMES, VOICES, spoken_questions
from voicecli.bench.speech import Utterance, utterance
from voicecli.errors import DeviceError, SettingsError
from voicecli.settings.model import ListenSettings, Settings

SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a"})
INSIDE = ("commands", "sentences")
SHUFFLED = 3
"""Seed of the order of a folder's recordings: the same in every run, with speakers mixed."""

NAMED = 3
"""The most skipped files that are named."""

HINT = "--speech FOLDER needs WAV or FLAC files of one voice each; name.txt beside name.wav has its text"

SYNTHETIC = (
    "the questions are spoken by Kokoro: people are harder to understand, so measure word errors with --speech FOLDER"
)

Slots = Mapping[str, tuple[str, ...]]
SLOTS: TypeAdapter[Slots] = TypeAdapter(dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True)
class Recording:
    """An audio file, not yet read, and what is known about it."""

    path: Path
    name: str  # path relative to the folder of the corpus, with slashes
    text: str = ""  # what is said; empty if unknown
    slots: tuple[str, ...] = ()
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The utterances of a measurement, in order."""

    reported: str  # description
    said: tuple[Utterance, ...]
    synthetic: bool = False  # spoken by Kokoro

    @property
    def doubts(self) -> tuple[str, ...]:
        """Return why figures measured with it may mislead."""
        return (SYNTHETIC,) if self.synthetic else ()

    def first(self, most: int) -> Corpus:
        """Return the first `most` utterances; all if there are no more."""
        return (
            self
            if most >= len(self.said)
            else replace(self, reported=f"{most} of {self.reported}", said=self.said[:most])
        )


def load_corpus(
    folder: Path | None, settings: Settings, narrate: Callable[[str], None], most: int | None = None
) -> Corpus:
    """Return at most `most` recordings of a folder. Without a folder: the built-in questions, spoken once.

    This blocks, so do not call it on an event loop. Skipped files are narrated. Raise SettingsError if the folder has
    no speech, or if a text or slots.json is invalid; ModelMissing or EngineError if the questions cannot be spoken.
    """
    if folder is None:
        found = sorted(recordings(spoken_questions(settings, narrate)), key=lambda one: one.path.name)
        said = tuple(read(found, settings.listen, narrate, most))
        reported = f"{len(QUESTIONS)} questions, {TIMES} times each, by {len(VOICES)} voices of Kokoro"
        return Corpus(reported if len(said) == len(found) else f"{len(said)} of {reported}", said, synthetic=True)
    found = recordings(folder)
    random.Random(SHUFFLED).shuffle(found)
    if most is not None and len(found) > most:
        narrate(f"{most} of {len(found)} recordings, the same in every run (--most N)")
    said = tuple(read(found, settings.listen, narrate, most))
    if not said:
        raise SettingsError(f"no recording with speech in {folder}", HINT)
    return Corpus(described(said), said)


def described(said: Iterable[Utterance]) -> str:
    """Return a description of the corpus, without its path."""
    each = list(said)
    known = {"text": sum(bool(one.text) for one in each), "phrases": sum(bool(one.slots) for one in each)}
    speakers = len({one.speaker for one in each if one.speaker})
    median_s = statistics.median(one.voiced_until_s - one.voiced_from_s for one in each)
    parts = [f"{count} with {what}" for what, count in known.items() if count]
    parts += [f"{speakers} speakers"] if speakers else []
    return f"{len(each)} recordings of {median_s:.1f} s in the median" + (f" ({', '.join(parts)})" if parts else "")


def recordings(folder: Path) -> list[Recording]:
    """Return the audio files of a folder, sorted by name. Raise SettingsError if it is not a folder."""
    if not folder.is_dir():
        raise SettingsError(f"{folder} is not a folder", HINT)
    inside = [folder / name for name in INSIDE if (folder / name).is_dir()] or [folder]
    files = sorted(path for one in inside for path in one.rglob("*") if path.suffix.lower() in SUFFIXES)
    slots = {path: phrases for one in inside for file in one.rglob("slots.json") for path, phrases in read_slots(file)}
    folders = {path.parent for path in files}
    transcripts = {one: list(one.glob("*.trans.txt")) for one in folders}
    texts = {name: text for one in folders for file in transcripts[one] for name, text in read_transcripts(file)}
    return [
        Recording(
            path,
            path.relative_to(folder).as_posix(),
            texts.get(path.with_suffix("")) or text_beside(path),
            slots.get(path, ()),
            path.name.partition("-")[0] if transcripts[path.parent] else speaker_of(path, inside),
        )
        for path in files
    ]


def speaker_of(path: Path, inside: list[Path]) -> str:
    """Return the name of the file's folder; empty for a file directly in the corpus."""
    return "" if path.parent in inside else path.parent.name


def text_beside(path: Path) -> str:
    """Return the content of the .txt file with the same name; empty without one. Raise SettingsError if not UTF-8."""
    file = path.with_suffix(".txt")
    return read_text(file).strip() if file.is_file() else ""


def read_transcripts(file: Path) -> Iterator[tuple[Path, str]]:
    """Yield path without suffix, and text, of LibriSpeech's recordings. Raise SettingsError if not UTF-8."""
    for line in read_text(file).splitlines():
        name, _, text = line.partition(" ")
        yield file.parent / name, text.strip()


def read_slots(file: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield path and phrases of each recording in a slots.json. Raise SettingsError if it is invalid."""
    try:
        slots = SLOTS.validate_json(read_text(file))
    except ValidationError as error:
        raise SettingsError(
            f"{file} is not JSON of file -> phrases: {error.errors()[0]['msg']}", '{"order.wav": ["large", "latte"]}'
        ) from error
    for name, phrases in slots.items():
        yield file.parent / name, phrases


def read_text(path: Path) -> str:
    """Return the text of a file. Raise SettingsError if it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text: {error.reason}", "save it as UTF-8") from error


def read(
    found: Iterable[Recording], listen: ListenSettings, narrate: Callable[[str], None], most: int | None = None
) -> Iterator[Utterance]:
    """Yield at most `most` utterances with their true ends; narrate files without speech or that cannot be read."""
    skipped: list[str] = []
    count = 0
    for one in found:
        if count == most:
            break
        try:
            cut = utterance(one.name, read_clip(one.path), make_vad(listen), one.slots)
        except DeviceError as error:
            skipped.append(error.message)
            continue
        if cut is None:
            skipped.append(f"no speech in {one.name}")
            continue
        count += 1
        yield replace(cut, text=one.text, speaker=one.speaker)
    if skipped:
        more = f" and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        narrate(f"Skipped: {'; '.join(skipped[:NAMED])}{more}")
