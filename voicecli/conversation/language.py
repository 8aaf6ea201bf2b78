"""Which language a conversation is in, and what follows from it for a turn. Pure.

A recogniser names a language for any sound, and is often wrong about a short one: a single "OK" may be Welsh. So what
was heard counts where it was long and sure enough; all else is taken to be in the language of before, and decoded so.
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
"""Probability from which a language counts that the conversation is not in."""

LEAST_SPOKEN_S = 1.2
"""Speech that is shorter changes no language.

Of 158 utterances of Kokoro's voices in eight languages, 0.4 to 6 s long and half of them in noise, whisper-base
named a wrong language for 47. With both bounds 71 of the 88 that are long enough are believed, and all of these are
right; at 1.0 s one would be wrong, at a probability of 0.7 another.
"""

KIN = {"ur": "hi"}
"""Languages that sound the same and are written in scripts of their own: Whisper mistakes one for the other. The voice
speaks the second."""

_SCRIPTS = (
    ("ja", re.compile(r"[\u3041-\u30ff]")),  # before Chinese: Japanese has its characters too
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
)


@dataclass(frozen=True, slots=True)
class AnswerLanguage:
    """The language of one answer."""

    language: str  # ISO 639-1
    voice: str = ""  # who speaks it; else who says that it is written
    voice_language: str = "en"  # of that voice
    is_spoken: bool = True  # False: nobody speaks this language
    instruction: str = ""  # for the language model
    phrases: SpokenPhrases = PHRASES["en"]  # in the voice's language
    normalize: Callable[[str], str] = field(
        default=normalize, compare=False
    )  # a piece as it is written -> as it is said


ENGLISH = AnswerLanguage("en")


class Voices(Protocol):
    """What can be spoken with."""

    def select(self, voice: str) -> None:
        """Speak with this one from the next text on."""
        ...

    def language_of(self, voice: str) -> str:
        """What it speaks, such as "en-us". Raises SettingsError where it cannot be spoken with."""
        ...


class LanguagePolicy:
    """All methods belong to the conversation's loop, but for `choose` and `wanted`, which only look."""

    def __init__(
        self,
        wanted: str,
        voice_registry: VoiceRegistry,
        voices: Voices | None = None,
        heard: Callable[[str], str] = lambda wanted: wanted,
    ) -> None:
        """`wanted`: ISO 639-1, or auto; `voices` are told that of each answer before it is spoken.

        `heard`: what the recogniser makes of a wanted language. Raises SettingsError where it knows none of that name.
        """
        self._voice_registry = voice_registry
        self._voices = voices
        self._heard = heard
        self._wanted = wanted
        self._language = voice_registry.language if wanted == AUTO else wanted
        self._is_plain = wanted == "en"
        self._reported = {self._language}  # languages of which the user knows who speaks them

    @property
    def wanted(self) -> str:
        """The language that is set, or auto."""
        return self._wanted

    @property
    def language(self) -> str:
        """That of the conversation just now."""
        return self._language

    def set_language(self, wanted: str) -> str:
        """ISO 639-1, or auto, from the next utterance on; returns what to tell the user.

        With auto the conversation goes on in its language until another is heard. Raises SettingsError that names the
        nearest, where the recogniser does not know the language.
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
        """The voice of its language from the next answer on; returns what to tell the user.

        Raises SettingsError, with the nearest names, where there is no such voice or it cannot be spoken with.
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
        """Nobody speaks the language of the conversation."""
        return isinstance(self._voice_registry.match(self._language), NoVoice)

    @property
    def voice_status(self) -> str:
        """Who speaks just now, or why nobody does."""
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
        """The language to decode an utterance in, and how probable it is.

        `ranked`: languages and probabilities, the likeliest first; `spoken_s`: how long the utterance is.
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
        """The language of a typed question: its script tells of a few, else it is that of the conversation.

        A text in Latin letters, where the conversation is in another script, is in the chosen voice's language.
        """
        if self._wanted != AUTO:
            return self._wanted
        own = [code for code, _ in _SCRIPTS]
        latin = next((code for code in (self._language, self._voice_registry.language) if code not in own), "en")
        is_latin = re.search(r"[A-Za-z]", text) is not None
        return next((code for code, script in _SCRIPTS if script.search(text)), latin if is_latin else self._language)

    def begin(self, language: str) -> AnswerLanguage:
        """An answer in this language is about to be made; the voice is told."""
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
        """What the language model is told. Nothing where all is English: that is what it would answer in."""
        return "" if self._is_plain and language == "en" else f"Answer in {name_of(language)}."

    def adopt(self, language: str) -> str:
        """An answer in this language is heard or shown from now on; returns what the user should know, if anything."""
        if language == self._language:
            return ""
        self._language = language
        known, self._reported = language in self._reported, self._reported | {language}
        return "" if known and self.is_written else self.voice_status


def written_notice(language: str, unspoken: NoVoice) -> str:
    """Why answers are not spoken, for the screen."""
    hint = f" ({unspoken.hint})" if unspoken.hint else ""
    return f"Answers in {name_of(language)} are written, not spoken: {unspoken.why}{hint}."
