"""What is said in a measurement: recordings in any of the usual layouts, or questions that Kokoro asks.

FOLDER/**/*.wav, .flac ...     sound files; `name.txt` beside one is what is said in it
FOLDER/**/slots.json           file -> phrases that have to be heard; files as seen from its own folder
FOLDER/SPEAKER/*               a folder inside is taken for a speaker
FOLDER/84/121123/*.flac        LibriSpeech: speaker and chapter, with the texts in 84-121123.trans.txt
FOLDER/commands, sentences     where one of them is there, nothing else is read
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from voicecli.assemble.devices import make_vad
from voicecli.audio.files.reader import read_clip
from voicecli.bench.questions import QUESTIONS, TIMES, VOICES, spoken_questions
from voicecli.bench.speech import Utterance, utterance
from voicecli.errors import DeviceError, SettingsError
from voicecli.settings.model import ListenSettings, Settings

SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a"})
INSIDE = ("commands", "sentences")
SHUFFLED = 3
"""Seed of the order in which a folder's recordings are said: the same in every run, with speakers mixed."""

NAMED = 3
"""So many of the files that are left out are named."""

HINT = "--speech FOLDER takes WAV or FLAC files of one voice each; name.txt beside name.wav says what is said in it"

SYNTHETIC = (
    "the questions are spoken by Kokoro: people are harder to understand, so words count on --speech FOLDER alone"
)

Slots = Mapping[str, tuple[str, ...]]
SLOTS: TypeAdapter[Slots] = TypeAdapter(dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound file, not yet read, and what is known of it."""

    path: Path
    name: str  # as seen from the corpus' folder, with slashes
    text: str = ""  # what is said; empty where nobody knows
    slots: tuple[str, ...] = ()
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is said, in the order in which it is said."""

    reported: str  # in words
    said: tuple[Utterance, ...]
    synthetic: bool = False  # nobody has spoken it

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why figures on it may mislead."""
        return (SYNTHETIC,) if self.synthetic else ()

    def first(self, most: int) -> Corpus:
        """The first so many of it; all where there are no more."""
        return (
            self
            if most >= len(self.said)
            else replace(self, reported=f"{most} of {self.reported}", said=self.said[:most])
        )


def load_corpus(
    folder: Path | None, settings: Settings, narrate: Callable[[str], None], most: int | None = None
) -> Corpus:
    """`most` recordings of a folder, or all; None: the built-in questions, which are synthesised by the first call.

    Blocks, and must not be called on an event loop. What is left out is narrated. Raises SettingsError where the folder
    holds nothing to measure with or a file that tells of the recordings is no such thing; ModelMissing or EngineError
    where the questions cannot be spoken.
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
    """The corpus in words, without its place on the disk."""
    each = list(said)
    known = {"text": sum(bool(one.text) for one in each), "phrases to hear": sum(bool(one.slots) for one in each)}
    speakers = len({one.speaker for one in each if one.speaker})
    median_s = statistics.median(one.voiced_until_s - one.voiced_from_s for one in each)
    parts = [f"{count} with {what}" for what, count in known.items() if count]
    parts += [f"{speakers} speakers"] if speakers else []
    return f"{len(each)} recordings of {median_s:.1f} s in the median" + (f" ({', '.join(parts)})" if parts else "")


def recordings(folder: Path) -> list[Recording]:
    """Sound files of a folder, in the order of their names. Raises SettingsError."""
    if not folder.is_dir():
        raise SettingsError(f"{folder} is no folder", HINT)
    inside = [folder / name for name in INSIDE if (folder / name).is_dir()] or [folder]
    files = sorted(path for one in inside for path in one.rglob("*") if path.suffix.lower() in SUFFIXES)
    slots = {
        path: phrases
        for one in inside
        for reported in one.rglob("slots.json")
        for path, phrases in read_slots(reported)
    }
    folders = {path.parent for path in files}
    transcripts = {one: list(one.glob("*.trans.txt")) for one in folders}
    texts = {
        name: text for one in folders for reported in transcripts[one] for name, text in read_transcripts(reported)
    }
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
    """The name of its folder; empty for a file that lies among those of everybody."""
    return "" if path.parent in inside else path.parent.name


def text_beside(path: Path) -> str:
    """Of the .txt with the same name; empty without one. Raises SettingsError."""
    reported = path.with_suffix(".txt")
    return read_text(reported).strip() if reported.is_file() else ""


def read_transcripts(reported: Path) -> Iterator[tuple[Path, str]]:
    """Of LibriSpeech: the path of each recording without its suffix, and its text. Raises SettingsError."""
    for line in read_text(reported).splitlines():
        name, _, text = line.partition(" ")
        yield reported.parent / name, text.strip()


def read_slots(reported: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Path and phrases. Raises SettingsError."""
    try:
        slots = SLOTS.validate_json(read_text(reported))
    except ValidationError as error:
        raise SettingsError(
            f"{reported} is no JSON of file -> phrases: {error.errors()[0]['msg']}", '{"order.wav": ["large", "latte"]}'
        ) from error
    for name, phrases in slots.items():
        yield reported.parent / name, phrases


def read_text(path: Path) -> str:
    """Raises SettingsError for what is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is no text in UTF-8: {error.reason}", "save it as UTF-8") from error


def read(
    found: Iterable[Recording], listen: ListenSettings, narrate: Callable[[str], None], most: int | None = None
) -> Iterator[Utterance]:
    """`most` of them, or all, with their true ends; those without speech or that cannot be read are narrated."""
    left_out: list[str] = []
    count = 0
    for one in found:
        if count == most:
            break
        try:
            cut = utterance(one.name, read_clip(one.path), make_vad(listen), one.slots)
        except DeviceError as error:
            left_out.append(error.message)
            continue
        if cut is None:
            left_out.append(f"nobody speaks in {one.name}")
            continue
        count += 1
        yield replace(cut, text=one.text, speaker=one.speaker)
    if left_out:
        more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
        narrate(f"Left out: {'; '.join(left_out[:NAMED])}{more}")
