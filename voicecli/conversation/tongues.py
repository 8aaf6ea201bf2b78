"""Which language a conversation is in, and what follows from it for a turn. Pure.

A recogniser names a language for any sound, and is often wrong about a short one: a single "OK" may be Welsh. So what
was heard counts where it was long and sure enough; all else is taken to be in the language of before, and decoded so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from voicecli.conversation.language_names import name_of
from voicecli.conversation.notices import NOTICES, Notices, notices_in
from voicecli.conversation.repertoire import Repertoire, Spoken, Unspoken
from voicecli.conversation.verbalize import verbalize

AUTO = "auto"

SURE = 0.7
"""Probability from which a language counts that the conversation has not been in."""

LEAST_SPOKEN_S = 1.0
"""Speech that is shorter changes no language."""

KIN = {"ur": "hi"}
"""Languages that sound the same and are written in scripts of their own: Whisper mistakes one for the other. The voice
speaks the second."""

_SCRIPTS = (
    ("ja", re.compile(r"[\u3041-\u30ff]")),  # before Chinese: Japanese has its characters too
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
)


@dataclass(frozen=True, slots=True)
class Tongue:
    """The language of one answer."""

    language: str  # ISO 639-1
    voice: str = ""  # who speaks it; else who says that it is written
    voice_language: str = "en"  # of that voice
    is_spoken: bool = True  # False: nobody speaks this language
    instruction: str = ""  # for the language model
    notices: Notices = NOTICES["en"]  # in the voice's language
    say: Callable[[str], str] = field(default=verbalize, compare=False)  # a piece as it is written -> as it is said


ENGLISH = Tongue("en")


class Tongues:
    """All methods belong to the conversation's loop, but for `choose` and `wanted`, which only look."""

    def __init__(self, wanted: str, repertoire: Repertoire, attune: Callable[[str], None] = lambda voice: None) -> None:
        """`wanted`: ISO 639-1, or auto; `attune` is told the voice of each answer before it is spoken."""
        self._repertoire = repertoire
        self._attune = attune
        self._is_plain = wanted == "en"
        self._told: set[str] = set()  # languages whose voices need no more words
        self.want(wanted, repertoire.language)

    @property
    def wanted(self) -> str:
        """The language that is set, or auto."""
        return self._wanted

    @property
    def language(self) -> str:
        """That of the conversation just now."""
        return self._language

    @property
    def repertoire(self) -> Repertoire:
        return self._repertoire

    def want(self, wanted: str, language: str = "") -> None:
        """From the next utterance on. With auto the conversation goes on in `language`, or as it is."""
        self._wanted = wanted
        self._language = (language or self._language) if wanted == AUTO else wanted
        self._is_plain = self._is_plain and wanted == "en"
        self._told |= {self._language}

    def speak_with(self, repertoire: Repertoire) -> None:
        """From the next answer on."""
        self._repertoire = repertoire

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

    def of_text(self, text: str) -> str:
        """The language of a typed question: its script tells of a few, else it is that of the conversation."""
        if self._wanted != AUTO:
            return self._wanted
        return next((code for code, script in _SCRIPTS if script.search(text)), self._language)

    def begin(self, language: str) -> Tongue:
        """An answer in this language is about to be made; the voice is told."""
        spoken = self._repertoire.of(language)
        is_spoken = isinstance(spoken, Spoken)
        voice = spoken.voice if isinstance(spoken, Spoken) else self._repertoire.voice
        voice_language = language if is_spoken else self._repertoire.language
        self._attune(voice)
        return Tongue(
            language,
            voice,
            voice_language,
            is_spoken,
            self.instruction(language),
            notices_in(voice_language),
            partial(verbalize, language=voice_language),
        )

    def instruction(self, language: str) -> str:
        """What the language model is told. Nothing where all has been English: that is what it would answer in."""
        return "" if self._is_plain and language == "en" else f"Answer in {name_of(language)}."

    def keep(self, language: str) -> str:
        """An answer in this language is heard or shown from now on; returns what the user should know, if anything."""
        changed, self._language = language != self._language, language
        told = language in self._told
        self._told.add(language)
        match self._repertoire.of(language):
            case Unspoken() as unspoken:
                return "" if told else written_notice(language, unspoken)
            case Spoken(voice):  # pragma: no branch
                return f"{name_of(language)}: {voice} speaks." if changed and voice else ""


def written_notice(language: str, unspoken: Unspoken) -> str:
    """Why answers are not spoken, for the screen."""
    hint = f" ({unspoken.hint})" if unspoken.hint else ""
    return f"Answers in {name_of(language)} are written, not spoken: {unspoken.why}{hint}."
