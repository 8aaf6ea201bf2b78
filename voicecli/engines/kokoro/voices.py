"""Kokoro's voices on disk, and blends of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from voicecli.engines.kokoro.parts import Values
from voicecli.errors import ModelMissing, SettingsError

VOICE_SHAPE = (510, 1, 256)  # a style vector for each number of phonemes
MAX_BLENDED = 8

LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "cmn",
}
"""espeak's language names by the first letter of Kokoro's voice names."""

_PART = re.compile(r"(?P<voice>\w+)(?::(?P<weight>\d{1,6}(?:\.\d{1,6})?))?")


@dataclass(frozen=True, slots=True)
class Styles:
    """The style vectors of a voice or blend."""

    name: str  # for a blend the weighted voices, by their full names
    table: Values  # VOICE_SHAPE
    language: str  # espeak's name

    @property
    def is_blend(self) -> bool:
        return not self.name.isidentifier()


def known_voices(folder: Path) -> list[str]:
    """Return the names of the voices on disk. Raise ModelMissing if there are none."""
    known = sorted(file.stem for file in folder.glob("*.bin") if file.stem[0] in LANGUAGES)
    if not known:
        raise ModelMissing(f"{folder} contains no voices", "voicecli download-models kokoro-voices")
    return known


def read_voice(folder: Path, asked: str) -> Styles:
    """Return a voice by name, or a weighted mean of several ("af_heart:2+bm_george:1") in the language of the first.

    A name needs no prefix if only one voice has it: "heart" is af_heart. Raise SettingsError if there is no such voice,
    ModelMissing if its file is damaged.
    """
    known = known_voices(folder)
    shares = [(_resolved(name, known), weight) for name, weight in _parts(asked)]
    total = sum(weight for _, weight in shares)
    if not total:
        raise SettingsError(f"the weights of {asked!r} sum to zero", "for example af_heart:2+bm_george:1")
    table = np.zeros(VOICE_SHAPE, np.float32)
    for name, weight in shares:
        table += np.float32(weight / total) * _read_table(folder / f"{name}.bin")
    first = shares[0][0]
    name = first if len(shares) == 1 else "+".join(f"{name}:{weight:g}" for name, weight in shares)
    return Styles(name, table, LANGUAGES[first[0]])


def language_of(code: str) -> str:
    """Return espeak's name of the language of one of Kokoro's codes. Raise SettingsError if there is no such code."""
    if code not in LANGUAGES:
        codes = ", ".join(f"{code} ({name})" for code, name in LANGUAGES.items())
        raise SettingsError(f"there is no language {code!r}", f"one of {codes}")
    return LANGUAGES[code]


def _parts(asked: str) -> list[tuple[str, float]]:
    """Parse the names and weights of a blend. Raise SettingsError if they are malformed."""
    parts = [_PART.fullmatch(part.strip()) for part in asked.split("+")]
    found = [(part["voice"], float(part["weight"] or 1)) for part in parts if part is not None]
    if len(found) < len(parts) or len(parts) > MAX_BLENDED:
        raise SettingsError(
            f"{asked[:80]!r} is neither a voice nor a blend",
            f"use a name, or up to {MAX_BLENDED} names with weights: af_heart:2+bm_george:1",
        )
    return found


def _resolved(name: str, known: Sequence[str]) -> str:
    if name in known:
        return name
    alike = [voice for voice in known if voice.partition("_")[2] == name]
    if len(alike) == 1:
        return alike[0]
    near = alike or get_close_matches(name, known, n=3, cutoff=0)
    raise SettingsError(
        f"there is no voice {name!r}" if not alike else f"several voices are called {name!r}",
        f"nearest: {', '.join(near)}; voices: {', '.join(known)}",
    )


def _read_table(path: Path) -> Values:
    """Read a style table from raw float32 values."""
    table = np.fromfile(path, np.float32)
    if table.size != np.prod(VOICE_SHAPE):
        raise ModelMissing(
            f"{path} has {table.size} values, not {np.prod(VOICE_SHAPE)}", "voicecli download-models --verify"
        )
    return table.reshape(VOICE_SHAPE)
