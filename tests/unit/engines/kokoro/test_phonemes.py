"""What Kokoro is given to say, by espeak; Japanese and Chinese are in tests/contract/test_languages.py."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from kokoro_onnx.tokenizer import Tokenizer

from voicecli.engines.kokoro import phonemes as kokoro_phonemes
from voicecli.engines.kokoro.engine import speakable
from voicecli.engines.kokoro.phonemes import NEEDED, missing_packages, phonemizer
from voicecli.engines.kokoro.voices import Styles
from voicecli.errors import EngineError, SettingsError


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer()


def said(tokenizer: Tokenizer, language: str, text: str) -> str:
    return phonemizer(language, tokenizer)(text)


def test_english_is_read_as_kokoro_onnx_reads_it(tokenizer: Tokenizer) -> None:
    text = "Nice weather, isn't it?  Yes."
    assert said(tokenizer, "en-us", text) == " ".join(tokenizer.phonemize(text, "en-us").split())
    assert said(tokenizer, "en-gb", "tomato") != said(tokenizer, "en-us", "tomato")


@pytest.mark.parametrize(
    ("language", "text", "part"),
    [
        ("es", "¿Qué hora es? ¡Chao!", "ʧ"),
        ("it", "Ciao, come stai?", "ʧ"),
        ("pt-br", "Bom dia.", "ʤ"),
        ("hi", "नमस्ते। आप कैसे हैं?", "."),
        ("fr-fr", "Il a dit « bonjour ».", "“"),
    ],
)
def test_other_languages_are_read_with_kokoros_own_symbols(
    tokenizer: Tokenizer, language: str, text: str, part: str
) -> None:
    phonemes = said(tokenizer, language, text)
    assert part in phonemes
    assert phonemes == tokenizer.known(phonemes)
    assert not set("^-()") & set(phonemes)


def test_a_foreign_word_leaves_no_flag_in_the_sound(tokenizer: Tokenizer) -> None:
    """espeak writes "(en)…(fr)" around it; Kokoro would say the letters."""
    phonemes = said(tokenizer, "fr-fr", "Un bon weekend avec le software.")
    assert "(" not in phonemes
    assert "fɹ" not in phonemes


def test_an_unreadable_text_is_an_engines_error(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> str:
        raise RuntimeError("no such voice")

    monkeypatch.setattr(kokoro_phonemes, "_reader", lambda language: broken)
    with pytest.raises(EngineError, match="'Hola' cannot be pronounced: no such voice"):
        said(tokenizer, "es", "Hola")


@pytest.mark.parametrize(("language", "code", "name"), [("ja", "ja", "Japanese"), ("cmn", "zh", "Chinese")])
def test_what_is_not_installed_is_named_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch, language: str, code: str, name: str
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda one: None if one == "misaki" else there("json"))
    assert missing_packages(language) == missing_packages(code) == ("misaki",)
    with pytest.raises(SettingsError, match=f"jf_alpha speaks {name}, which needs misaki") as caught:
        speakable(Styles("jf_alpha", np.zeros((1, 1, 1), np.float32), language))
    assert "pip install 'voicecli[languages]'" in caught.value.hint


def test_all_other_languages_need_nothing_more() -> None:
    assert missing_packages("fr-fr") == missing_packages("fr") == ()
    assert set(NEEDED) == {"ja", "zh"}
