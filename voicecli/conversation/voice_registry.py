"""Which voice speaks a language, or what is missing for that. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from voicecli.languages import name_of


@dataclass(frozen=True, slots=True)
class VoiceMatch:
    """The voice that speaks a language."""

    voice: str


@dataclass(frozen=True, slots=True)
class NoVoice:
    """Why no voice speaks a language: answers in it are written."""

    why: str  # a sentence without its full stop
    hint: str = ""  # what the user can do about it


@dataclass(frozen=True, slots=True)
class VoiceRegistry:
    """The voices of a conversation, by ISO 639-1 code. Without any voice, all answers are written."""

    voice: str  # the selected voice: it speaks its own language, and what is not part of an answer
    language: str  # of that voice
    others: Mapping[str, str] = field(default_factory=dict)  # language -> voice
    missing: Mapping[str, NoVoice] = field(
        default_factory=dict
    )  # languages whose voice lacks something on this machine

    def match(self, language: str) -> VoiceMatch | NoVoice:
        """Return the voice for a language; the selected voice takes precedence."""
        if language in self.missing and self.voice:
            return self.missing[language]
        if language == self.language or not self.voice:
            return VoiceMatch(self.voice)
        if language in self.others:
            return VoiceMatch(self.others[language])
        spoken = sorted({self.language, *self.others} - set(self.missing))
        return NoVoice(f"there is no voice for {name_of(language)}", f"voices speak {', '.join(map(name_of, spoken))}")

    def with_voice(self, voice: str, language: str) -> VoiceRegistry:
        """Select another voice. The previous one keeps its language, if that is a different one."""
        return replace(self, voice=voice, language=language, others={**self.others, self.language: self.voice})
