"""What the voice says when an answer fails. Pure."""

from __future__ import annotations

from voicecli.conversation.turn import StageError
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull
from voicecli.speech_text.phrases import PHRASES, SpokenPhrases


def spoken_error(failure: StageError, *, begun: bool, phrases: SpokenPhrases = PHRASES["en"]) -> str:
    """Return one plain sentence, or an empty one where only the screen can show the error.

    `begun`: some of the answer was already spoken. Names, addresses and hints are left to the screen.
    """
    if failure.stage != "llm":
        return ""
    match failure.error:
        case ContextFull():
            return phrases.too_long
        case BackendRefuses():
            return phrases.refuses
        case BackendUnavailable():
            return phrases.lost if begun else phrases.silent
        case _:
            return phrases.failed
