"""Which language a conversation is in, and who speaks it. Pure.

A recognizer names a language for any sound, and is often wrong about a short one: a single "OK" may be Welsh. So its
verdict counts only for speech that is long enough and when it is sure enough. Anything else is decoded in the language
of the conversation so far.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from voicecli.conversation.voice_registry import NoVoice, VoiceMatch, VoiceRegistry
from voicecli.errors import SettingsError
from voicecli.languages import code_of, name_of
from voicecli.speech_text.normalize import normalize
from voicecli.speech_text.phrases import PHRASES, SpokenPhrases, phrases_in

AUTO = "auto"

SURE = 0.8
"""The probability from which another language than the conversation's counts."""

LEAST_SPOKEN_S = 1.2
"""Shorter speech does not change the language.

Of 158 utterances of Kokoro's voices in eight languages, 0.4 to 6 s long and half of them in noise, whisper-base
named a wrong language for 47. With both bounds 71 of the 88 that are long enough are believed, and all of these are
right; at 1.0 s one would be wrong, at a probability of 0.7 another.
"""

KIN = {"ur": "hi"}
"""Languages that sound the same and differ in script. Whisper confuses them; the voice speaks the second one."""

_SCRIPTS = (
    ("ja", re.compile(r"[\u3041-\u30ff]")),  # before Chinese: Japanese has its characters too
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
)


@dataclass(frozen=True, slots=True)
class AnswerLanguage:
    """The language of one answer."""

    language: str  # ISO 639-1
    voice: str = ""  # speaks it, or says that the answer is written
    voice_language: str = "en"  # of that voice
    is_spoken: bool = True  # False: no voice speaks this language
    instruction: str = ""  # for the language model
    phrases: SpokenPhrases = PHRASES["en"]  # in the voice's language
    normalize: Callable[[str], str] = field(default=normalize, compare=False)  # written text -> spoken words


ENGLISH = AnswerLanguage("en")


class Voices(Protocol):
    """The voices that can speak."""

    def select(self, voice: str) -> None:
        """Speak with this voice from the next text on."""
        ...

    def language_of(self, voice: str) -> str:
        """Return the language of a voice, such as "en-us". Raise SettingsError where it cannot be used."""
        ...


class LanguagePolicy:
    """The languages of one conversation. Methods belong to its loop, except `choose` and `wanted`, which only read."""

    def __init__(
        self,
        wanted: str,
        voice_registry: VoiceRegistry,
        voices: Voices | None = None,
        heard: Callable[[str], str] = lambda wanted: wanted,
    ) -> None:
        """`wanted`: ISO 639-1, or auto; `voices`: where the voice of each answer is selected before it is spoken.

        `heard`: returns what the recognizer makes of a wanted language; raises SettingsError for an unknown one.
        """
        self._voice_registry = voice_registry
        self._voices = voices
        self._heard = heard
        self._wanted = wanted
        self._language = voice_registry.language if wanted == AUTO else wanted
        self._is_plain = wanted == "en"
        self._reported = {self._language}  # languages whose voice was reported to the user

    @property
    def wanted(self) -> str:
        """The language that is set, or auto."""
        return self._wanted

    @property
    def language(self) -> str:
        """The language of the conversation now."""
        return self._language

    def set_language(self, wanted: str) -> str:
        """Set the language, ISO 639-1 or auto, from the next utterance on. Return a sentence for the user.

        With auto the conversation stays in its language until another is heard. Raise SettingsError, which names the
        nearest language, where the recognizer does not know this one.
        """
        self._wanted = self._heard(wanted)
        self._is_plain = self._is_plain and self._wanted == "en"
        if self._wanted == AUTO:
            return f"The language is found in each utterance; now it is {name_of(self._language)}."
        self._language = self._wanted
        self._reported.add(self._language)
        only = " That is all that is heard by this model." if wanted == AUTO else ""
        return self.voice_status + only

    def set_voice(self, voice: str) -> str:
        """Select a voice for its language, from the next answer on. Return a sentence for the user.

        Raise SettingsError, with the nearest names, where there is no such voice or it cannot be used.
        """
        if self._voices is None:
            raise SettingsError("there is no speaker, so no voice is heard", "voicecli devices lists the speakers")
        language = code_of(self._voices.language_of(voice))
        self._voice_registry = self._voice_registry.with_voice(voice, language)
        if language == self._language:
            return f"{voice} speaks."
        other = f"{voice} speaks {name_of(language)}, and the conversation is in {name_of(self._language)}"
        return f"{other}." if self._wanted == AUTO else f"{other}: /language {language} changes that."

    @property
    def is_written(self) -> bool:
        """Whether no voice speaks the language of the conversation."""
        return isinstance(self._voice_registry.match(self._language), NoVoice)

    @property
    def voice_status(self) -> str:
        """A sentence: which voice speaks now, or why none does."""
        match self._voice_registry.match(self._language):
            case NoVoice() as unspoken:
                return written_notice(self._language, unspoken)
            case VoiceMatch(voice):  # pragma: no branch
                return (
                    f"{name_of(self._language)}: {voice} speaks."
                    if voice
                    else f"The language is {name_of(self._language)}."
                )

    def choose(self, ranked: Sequence[tuple[str, float]], spoken_s: float) -> tuple[str, float]:
        """Return the language to decode an utterance in, and its probability.

        `ranked`: languages and probabilities, most likely first; `spoken_s`: length of the utterance.
        """
        if self._wanted != AUTO:
            return self._wanted, 1.0
        likely: dict[str, float] = {}
        for language, probability in ranked:
            kin = KIN.get(language, language)
            likely[kin] = likely.get(kin, 0.0) + probability
        first = max(likely, key=likely.__getitem__)
        if first != self._language and (likely[first] < SURE or spoken_s < LEAST_SPOKEN_S):
            first = self._language
        return first, likely.get(first, 0.0)

    def detect_from_text(self, text: str) -> str:
        """Return the language of a typed question: by its script where that is unique, else the conversation's.

        Latin letters in a conversation in another script mean the selected voice's language.
        """
        if self._wanted != AUTO:
            return self._wanted
        own = [code for code, _ in _SCRIPTS]
        latin = next((code for code in (self._language, self._voice_registry.language) if code not in own), "en")
        is_latin = re.search(r"[A-Za-z]", text) is not None
        return next((code for code, script in _SCRIPTS if script.search(text)), latin if is_latin else self._language)

    def begin(self, language: str) -> AnswerLanguage:
        """Begin an answer: select the voice for it and return how it is spoken."""
        spoken = self._voice_registry.match(language)
        is_spoken = isinstance(spoken, VoiceMatch)
        voice = spoken.voice if isinstance(spoken, VoiceMatch) else self._voice_registry.voice
        voice_language = language if is_spoken else self._voice_registry.language
        if self._voices is not None:
            self._voices.select(voice)
        return AnswerLanguage(
            language,
            voice,
            voice_language,
            is_spoken,
            self.instruction(language),
            phrases_in(voice_language),
            partial(normalize, language=voice_language),
        )

    def instruction(self, language: str) -> str:
        """Return the instruction for the language model; empty where everything is English."""
        return "" if self._is_plain and language == "en" else f"Answer in {name_of(language)}."

    def adopt(self, language: str) -> str:
        """Switch the conversation to this language. Return a sentence about its voice; empty where it is known."""
        if language == self._language:
            return ""
        self._language = language
        known, self._reported = language in self._reported, self._reported | {language}
        return "" if known and self.is_written else self.voice_status


def written_notice(language: str, unspoken: NoVoice) -> str:
    """Return why answers are not spoken, for the screen."""
    hint = f" ({unspoken.hint})" if unspoken.hint else ""
    return f"Answers in {name_of(language)} are written, not spoken: {unspoken.why}{hint}."
