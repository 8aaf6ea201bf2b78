"""Settings -> the languages of a conversation, without loading a model."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import cast

import pytest

from tests.defaults import SETTINGS
from tests.unit.engines.test_current_voice import Singer
from voicecli.assemble.languages import make_language_policy, opening_instruction, opening_voice
from voicecli.engines.base import Voices
from voicecli.engines.current_voice import CurrentVoice
from voicecli.engines.kokoro.voices import LANGUAGES
from voicecli.engines.whisper.engine import Whisper
from voicecli.errors import SettingsError
from voicecli.settings.model import Settings


@dataclass
class Recognizer:
    name: str = "whisper-base int8 cpu"
    languages: tuple[str, ...] = ("de", "en", "es", "fr", "ja")


class Choir:
    def speaking(self, voice: str, speed: float, language_code: str = "") -> Singer:
        if "nobody" in voice:
            raise SettingsError(f"there is no voice {voice!r}", "nearest: ff_siwis")
        singer = Singer(voice, speed, True)
        singer.language = LANGUAGES[voice[0]]
        return singer


def wanting(language: str, voice: str = "af_heart", **voices: str) -> Settings:
    tts = {"voice": voice, "voices": {**SETTINGS.tts.voices, **voices}}
    return SETTINGS.model_copy(
        update={
            "stt": SETTINGS.stt.model_copy(update={"language": language}),
            "tts": SETTINGS.tts.model_copy(update=tts),
        }
    )


def made(settings: Settings, recognizer: Recognizer | None = None) -> tuple[str, list[str], dict[str, str]]:
    """Return the configured language, the notices, and the voices."""
    reported = list[str]()
    choir = cast(Voices, Choir())
    voice = CurrentVoice(choir, choir.speaking(opening_voice(settings).voice, 1.0), 1.0)
    language_policy = make_language_policy(settings, cast(Whisper, recognizer or Recognizer()), voice, reported.append)
    speakers = {language: language_policy.begin(language) for language in ("en", "es", "fr", "de")}
    return language_policy.wanted, reported, {code: one.voice for code, one in speakers.items() if one.is_spoken}


@pytest.fixture(params=[True, False], ids=["extra", "no extra"])
def extra(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether what reads Japanese and Chinese is installed."""
    there = importlib.util.find_spec("json") if request.param else None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: there)
    return bool(request.param)


def test_with_auto_each_language_has_its_voice(extra: bool) -> None:
    wanted, reported, speakers = made(wanting("auto", "bm_george", es="em_alex"))
    assert (wanted, reported) == ("auto", [])
    assert speakers == {"en": "bm_george", "es": "em_alex", "fr": "ff_siwis"}
    assert opening_instruction(wanting("auto", "bm_george")) == "Answer in English."


def test_a_set_language_begins_with_its_voice(extra: bool) -> None:
    assert opening_voice(wanting("fr")).voice == "ff_siwis"
    assert opening_voice(wanting("fr", "ff_siwis:1+af_heart")).voice == "ff_siwis:1+af_heart"
    assert opening_voice(wanting("de")).voice == opening_voice(wanting("auto")).voice == "af_heart"
    assert opening_voice(wanting("ja")).voice == ("jf_alpha" if extra else "af_heart")
    assert made(wanting("fr"))[1] == []
    assert opening_instruction(wanting("fr")) == "Answer in French."
    assert not opening_instruction(wanting("en"))


def test_what_nobody_speaks_is_reported_at_the_start(extra: bool) -> None:
    (reported,) = made(wanting("de"))[1]
    assert reported.startswith("Answers in German are written, not spoken: there is no voice for German (voices speak ")
    assert ("Japanese" in reported) is extra
    reported_of_japanese = made(wanting("ja"))[1]
    if extra:
        assert reported_of_japanese == []
    else:
        assert "Japanese needs misaki" in reported_of_japanese[0]
        assert "pip install 'voicecli[languages]'" in reported_of_japanese[0]


def test_a_chosen_voice_that_cannot_speak_the_language_is_reported(extra: bool) -> None:
    wanted, reported, speakers = made(wanting("en", "ef_dora"))
    assert reported == ["ef_dora speaks Spanish and the conversation is in English: af_heart speaks."]
    assert (wanted, speakers["en"], speakers["es"]) == ("en", "af_heart", "ef_dora")


@pytest.mark.parametrize(
    ("voices", "part"),
    [({"fr": "ef_dora"}, "ef_dora speaks Spanish, not French"), ({"fr": "ff_nobody"}, "no voice 'ff_nobody'")],
)
def test_a_table_that_is_wrong_is_refused(extra: bool, voices: dict[str, str], part: str) -> None:
    with pytest.raises(SettingsError, match=part):
        made(wanting("auto", **voices))


def test_a_recognizer_of_english_alone_is_reported_of_and_refuses_others(extra: bool) -> None:
    english = Recognizer("whisper-base.en int8 cpu", ("en",))
    wanted, reported, _ = made(wanting("auto"), english)
    assert wanted == "en"
    assert reported == [
        "whisper-base.en int8 cpu only understands English, so other languages are not detected: "
        "--stt-model whisper-base understands all of them."
    ]
    with pytest.raises(SettingsError, match="knows only en, not 'fr'"):
        made(wanting("fr"), english)


def test_without_a_speaker_there_is_nothing_to_miss() -> None:
    reported = list[str]()
    language_policy = make_language_policy(wanting("de"), cast(Whisper, Recognizer()), None, reported.append)
    assert reported == []
    assert language_policy.begin("de").is_spoken
