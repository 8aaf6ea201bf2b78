"""Codes and names of languages."""

from __future__ import annotations

import pytest

from voicecli.engines.kokoro.voices import LANGUAGES
from voicecli.languages import NAMES, code_of, language_of_name, name_of
from voicecli.speech_text.phrases import PHRASES


def test_languages_have_english_names() -> None:
    assert (name_of("de"), name_of("ht"), name_of("zh"), name_of("tlh")) == (
        "German",
        "Haitian Creole",
        "Chinese",
        "tlh",
    )
    assert len(NAMES) == 100  # as many as Whisper large-v3 knows


@pytest.mark.parametrize(
    ("voice", "language"),
    [("af_heart", "en"), ("bm_george", "en"), ("ef_dora", "es"), ("zf_xiaobei:2+af_heart", "zh"), ("heart", "en")],
)
def test_a_voices_name_tells_its_language(voice: str, language: str) -> None:
    assert language_of_name(voice) == language


def test_each_language_of_a_voice_has_a_code_a_name_and_notices() -> None:
    for letter, spoken in LANGUAGES.items():
        assert code_of(spoken) == language_of_name(f"{letter}f_name")
        assert code_of(spoken) in PHRASES
        assert code_of(spoken) in NAMES
