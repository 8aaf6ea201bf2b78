"""Which language a conversation is in, and who speaks it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.conversation.language import ENGLISH, KIN, LEAST_SPOKEN_S, SURE, LanguagePolicy
from voicecli.conversation.voice_registry import NoVoice, VoiceMatch, VoiceRegistry
from voicecli.errors import SettingsError
from voicecli.speech_text.phrases import PHRASES

EXTRA = NoVoice("Japanese needs misaki", "install it")
VOICES = VoiceRegistry("af_heart", "en", {"en": "af_bella", "fr": "ff_siwis", "ja": "jf_alpha"}, {"ja": EXTRA})
LANGUAGES = {"af_heart": "en-us", "bf_emma": "en-gb", "ff_siwis": "fr-fr", "ef_dora": "es"}


@dataclass
class Choir:
    """Voices that note who was to speak."""

    current_voice: list[str] = field(default_factory=list)

    def select(self, voice: str) -> None:
        self.current_voice.append(voice)

    def language_of(self, voice: str) -> str:
        if voice not in LANGUAGES:
            raise SettingsError(f"there is no voice {voice!r}", "nearest: bf_emma")
        return LANGUAGES[voice]


def heard(wanted: str) -> str:
    if wanted == "klingon":
        raise SettingsError("whisper-base does not know the language 'klingon'")
    return wanted


def auto(choir: Choir | None = None) -> LanguagePolicy:
    return LanguagePolicy("auto", VOICES, choir or Choir(), heard)


@pytest.mark.parametrize(
    ("language", "probability", "spoken_s", "chosen"),
    [
        ("fr", 0.9, 2.0, "fr"),
        ("fr", SURE, LEAST_SPOKEN_S, "fr"),
        ("fr", SURE - 0.01, 2.0, "en"),
        ("fr", 0.99, LEAST_SPOKEN_S - 0.01, "en"),
        ("en", 0.2, 0.1, "en"),
        ("ur", 0.9, 2.0, "hi"),
    ],
    ids=lambda value: str(value),
)
def test_only_what_is_long_and_sure_changes_the_language(
    language: str, probability: float, spoken_s: float, chosen: str
) -> None:
    rest = "it" if language == "en" else "en"
    found, reported = auto().choose([(language, probability), (rest, round(1 - probability, 9))], spoken_s)
    assert found == chosen
    assert reported == pytest.approx(probability if chosen == KIN.get(language, language) else 1 - probability)


def test_a_doubtful_utterance_is_in_the_language_of_before() -> None:
    language_policy = auto()
    language_policy.adopt("fr")
    assert language_policy.choose([("cy", 0.6), ("fr", 0.1)], 3.0) == ("fr", 0.1)
    assert language_policy.choose([("cy", 0.99)], 0.4) == ("fr", 0.0)


def test_a_set_language_needs_no_detection() -> None:
    assert LanguagePolicy("de", VOICES).choose([("fr", 1.0)], 9.0) == ("de", 1.0)
    assert LanguagePolicy("de", VOICES).wanted == "de"


rankings = st.dictionaries(st.sampled_from(["en", "fr", "hi", "ur", "cy"]), st.floats(0, 1), min_size=1).map(
    lambda found: sorted(found.items(), key=lambda entry: -entry[1])
)


@given(rankings, st.floats(0, 30))
def test_the_choice_is_the_language_of_before_or_one_that_is_sure(
    ranked: list[tuple[str, float]], spoken_s: float
) -> None:
    language, probability = auto().choose(ranked, spoken_s)
    assert language == "en" or (probability >= SURE and spoken_s >= LEAST_SPOKEN_S)
    assert language not in KIN


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What time is it?", "en"),
        ("東京の天気は？", "ja"),
        ("北京的天气怎么样？", "zh"),
        ("मौसम कैसा है?", "hi"),
        ("¿Qué hora es?", "en"),
    ],
)
def test_a_script_tells_the_language_of_a_typed_question(text: str, language: str) -> None:
    assert auto().detect_from_text(text) == language
    assert LanguagePolicy("fr", VOICES).detect_from_text(text) == "fr"


def test_latin_letters_leave_a_conversation_in_another_script() -> None:
    language_policy = auto()
    language_policy.adopt("ja")
    assert [language_policy.detect_from_text(text) for text in ("What time is it?", "3 + 4 = ?", "はい")] == [
        "en",
        "ja",
        "ja",
    ]
    language_policy.adopt("fr")
    assert language_policy.detect_from_text("Quelle heure ?") == "fr"
    japanese = LanguagePolicy("auto", VoiceRegistry("jf_alpha", "ja"))
    assert japanese.detect_from_text("What time is it?") == "en"


def test_an_answer_has_the_voice_of_its_language() -> None:
    choir = Choir()
    answer_language = auto(choir).begin("fr")
    assert (answer_language.voice, answer_language.voice_language, answer_language.is_spoken) == (
        "ff_siwis",
        "fr",
        True,
    )
    assert (answer_language.instruction, answer_language.phrases) == ("Answer in French.", PHRASES["fr"])
    assert answer_language.normalize("Il y a 3 chats.") == "Il y a trois chats."
    assert choir.current_voice == ["ff_siwis"]


@pytest.mark.parametrize("language", ["de", "ja"])
def test_without_a_voice_the_chosen_one_says_so_in_its_own_language(language: str) -> None:
    choir = Choir()
    answer_language = auto(choir).begin(language)
    assert (answer_language.voice, answer_language.voice_language, answer_language.is_spoken) == (
        "af_heart",
        "en",
        False,
    )
    assert answer_language.phrases is PHRASES["en"]
    assert choir.current_voice == ["af_heart"]


def test_a_change_is_reported_and_what_is_missing_once() -> None:
    language_policy = auto()
    assert language_policy.adopt("en") == ""
    assert language_policy.adopt("fr") == "French: ff_siwis speaks."
    assert language_policy.adopt("fr") == ""
    assert language_policy.adopt("de") == (
        "Answers in German are written, not spoken: there is no voice for German (voices speak English, French)."
    )
    assert language_policy.adopt("ja") == (
        "Answers in Japanese are written, not spoken: Japanese needs misaki (install it)."
    )
    assert language_policy.adopt("de") == ""
    assert language_policy.adopt("en") == "English: af_heart speaks."


def test_without_a_speaker_nobody_is_missed() -> None:
    language_policy = LanguagePolicy("auto", VoiceRegistry("", "en", missing={"ja": EXTRA}))
    assert language_policy.adopt("ja") == "The language is Japanese."
    assert not language_policy.is_written
    assert language_policy.begin("ja").is_spoken
    with pytest.raises(SettingsError, match="no speaker"):
        language_policy.set_voice("af_heart")


def test_the_model_is_reported_nothing_while_all_is_english() -> None:
    language_policy = LanguagePolicy("en", VOICES)
    assert language_policy.begin("en").instruction == "" == ENGLISH.instruction
    language_policy.set_language("fr")
    language_policy.set_language("en")
    assert language_policy.begin("en").instruction == "Answer in English."
    assert auto().begin("en").instruction == "Answer in English."


def test_the_language_is_set_and_found_again() -> None:
    language_policy = auto()
    assert language_policy.set_language("fr") == "French: ff_siwis speaks."
    assert (language_policy.wanted, language_policy.language) == ("fr", "fr")
    assert language_policy.set_language("auto") == "The language is found in each utterance; now it is French."
    assert (language_policy.wanted, language_policy.language) == ("auto", "fr")
    assert language_policy.set_language("de").startswith("Answers in German are written")
    assert language_policy.is_written
    with pytest.raises(SettingsError, match="klingon"):
        language_policy.set_language("klingon")
    assert language_policy.wanted == "de"


def test_a_recognizer_of_one_language_finds_no_other() -> None:
    language_policy = LanguagePolicy("en", VOICES, Choir(), lambda wanted: "en")
    assert language_policy.set_language("auto") == "English: af_heart speaks. That is all that is heard by this model."
    assert language_policy.wanted == "en"


def test_a_voice_is_set_for_its_language() -> None:
    choir = Choir()
    language_policy = auto(choir)
    assert language_policy.set_voice("bf_emma") == "bf_emma speaks."
    assert language_policy.begin("en").voice == "bf_emma"
    assert language_policy.set_voice("ef_dora") == "ef_dora speaks Spanish, and the conversation is in English."
    assert (language_policy.begin("es").voice, language_policy.begin("en").voice) == ("ef_dora", "bf_emma")
    language_policy.set_language("en")
    assert language_policy.set_voice("ff_siwis").endswith("the conversation is in English: /language fr changes that.")
    assert choir.current_voice == ["bf_emma", "ef_dora", "bf_emma"]
    with pytest.raises(SettingsError, match="no voice 'nobody'"):
        language_policy.set_voice("nobody")


def test_the_chosen_voice_comes_before_the_table() -> None:
    assert VOICES.match("en") == VoiceMatch("af_heart")
    assert VOICES.match("fr") == VoiceMatch("ff_siwis")
    assert VOICES.match("ja") == EXTRA
    assert VoiceRegistry("jf_alpha", "ja", {}, {"ja": EXTRA}).match("ja") == EXTRA


def test_all_voices_have_all_notices() -> None:
    for language, notices in PHRASES.items():
        sentences = [getattr(notices, name) for name in notices.__slots__]
        assert all(sentences), language
        assert len(set(sentences)) == len(sentences), language
        ends = [one[-1] for name, one in zip(notices.__slots__, sentences, strict=True) if not name.endswith("inside")]
        assert set(ends) <= set(".。।"), language
