"""Voices by name, and blends of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voicecli.engines.kokoro.voices import LANGUAGES, VOICE_SHAPE, known_voices, language_of, read_voice
from voicecli.errors import ModelMissing, SettingsError

LEVELS = {"af_heart": 1.0, "af_alloy": 2.0, "am_santa": 3.0, "bm_george": 4.0, "em_santa": 5.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Voices whose every number tells which voice it is."""
    for name, level in LEVELS.items():
        np.full(VOICE_SHAPE, level, np.float32).tofile(tmp_path / f"{name}.bin")
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "name", "level", "language"),
    [
        ("af_heart", "af_heart", 1.0, "en-us"),
        ("heart", "af_heart", 1.0, "en-us"),
        ("af_heart:7", "af_heart", 1.0, "en-us"),
        ("af_heart:2+bm_george:1", "af_heart:2+bm_george:1", 2.0, "en-us"),
        ("george + heart:2", "bm_george:1+af_heart:2", 2.0, "en-gb"),
        ("af_heart:0.25+alloy:0.75", "af_heart:0.25+af_alloy:0.75", 1.75, "en-us"),
        ("af_heart:0+em_santa", "af_heart:0+em_santa:1", 5.0, "en-us"),
    ],
)
def test_a_blend_is_the_weighted_mean_and_speaks_as_its_first(
    folder: Path, asked: str, name: str, level: float, language: str
) -> None:
    styles = read_voice(folder, asked)
    assert (styles.name, styles.language, styles.is_blend) == (name, language, "+" in name)
    assert styles.table.shape == VOICE_SHAPE
    np.testing.assert_allclose(styles.table, level, rtol=1e-6)
    assert read_voice(folder, styles.name).name == styles.name


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        ("af_hart", "no voice 'af_hart'", "nearest: af_heart"),
        ("af_heart+bm_goerge", "no voice 'bm_goerge'", "nearest: bm_george"),
        ("santa", "several voices", "nearest: am_santa, em_santa"),
        ("", "neither a voice nor a blend", "af_heart:2"),
        ("af_heart:-1", "neither a voice nor a blend", "af_heart:2"),
        ("af_heart:nan", "neither a voice nor a blend", "af_heart:2"),
        ("../af_heart", "neither a voice nor a blend", "af_heart:2"),
        ("af_heart:0+bm_george:0", "sum to zero", "af_heart:2"),
        ("+".join(["af_heart"] * 9), "neither a voice nor a blend", "up to 8"),
    ],
)
def test_what_is_no_voice_is_reported_with_a_way_out(folder: Path, asked: str, message: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        read_voice(folder, asked)
    assert hint in caught.value.hint


def test_files_that_are_missing_or_damaged_are_reported(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="contains no voices"):
        known_voices(tmp_path / "absent")
    (folder / "af_heart.bin").write_bytes(b"1234")
    with pytest.raises(ModelMissing, match="has 1 values"):
        read_voice(folder, "af_heart+bm_george")


def test_languages_have_codes() -> None:
    assert [language_of(code) for code in LANGUAGES] == list(LANGUAGES.values())
    with pytest.raises(SettingsError, match="'english'"):
        language_of("english")
