"""Options of Whisper, and the errors for those that it cannot support."""

from __future__ import annotations

import pytest

from voicecli.engines.whisper.options import hotword_tokens, is_english_only, known_language, nearest
from voicecli.errors import SettingsError

KNOWN = ["de", "en", "fr", "ja", "pt", "zh"]


def encode(text: str) -> list[int]:
    """One token a character, like no tokenizer at all."""
    return list(map(ord, text))


@pytest.mark.parametrize("wanted", ["de", "auto"])
def test_a_language_that_is_known_is_taken(wanted: str) -> None:
    assert known_language(wanted, KNOWN, "base") == wanted


@pytest.mark.parametrize("wanted", ["en", "auto"])
def test_an_english_model_need_not_detect(wanted: str) -> None:
    assert known_language(wanted, ["en"], "base.en") == "en"


def test_an_english_model_refuses_another_language_and_says_what_to_do() -> None:
    with pytest.raises(SettingsError) as caught:
        known_language("de", ["en"], "base.en")
    assert "base.en knows only en" in caught.value.message
    assert "download-models --list" in caught.value.hint


@pytest.mark.parametrize(
    ("model", "is_english"),
    [
        ("whisper-base int8 cpu", False),
        ("whisper-large-v3-turbo", False),
        ("whisper-base.en int8 cpu", True),
        ("distil-whisper-medium.en", True),
        ("faster-distil-whisper-large-v3 float16 cuda", True),
        ("distil-large-v3-de", False),
        ("distil-large-v3-en", True),
    ],
)
def test_a_name_shows_that_a_model_knows_only_english(model: str, is_english: bool) -> None:
    assert is_english_only(model) is is_english


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("german", "de"),
        ("de-AT", "de"),
        ("EN", "en"),
        ("en_US", "en"),
        ("Japanese", "ja"),
        ("fra", "fr"),
        ("pt-br", "pt"),
    ],
)
def test_the_nearest_language_is_named(wanted: str, meant: str) -> None:
    assert nearest(wanted, KNOWN) == [meant]
    with pytest.raises(SettingsError, match=f"base does not know the language '{wanted}'") as caught:
        known_language(wanted, KNOWN, "base")
    assert caught.value.hint == f"did you mean {meant}? All: de en fr ja pt zh, or auto"


def test_where_none_is_near_all_are_named() -> None:
    with pytest.raises(SettingsError) as caught:
        known_language("x", KNOWN, "base")
    assert caught.value.hint == "All: de en fr ja pt zh, or auto"


def test_hotwords_are_taken_whole_and_in_order_while_there_is_room() -> None:
    assert hotword_tokens(encode, (" Ada ", "", "Lovelace", "I"), 4) == encode(" Ada")
    assert hotword_tokens(encode, ("Ada", "Lovelace", "I"), 13) == encode(" Ada Lovelace")
    assert hotword_tokens(encode, ("Ada", "Lovelace", "I"), 15) == encode(" Ada Lovelace I")
    assert hotword_tokens(encode, (), 15) == []
