"""What the voice says when there is no answer, or no more of it. Pure."""

from __future__ import annotations

from voicecli.conversation.turn import StageError
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull
from voicecli.speech_text.phrases import PHRASES, SpokenPhrases


def spoken_error(failure: StageError, *, begun: bool, notices: SpokenPhrases = PHRASES["en"]) -> str:
    """One plain sentence; empty where only the screen can tell. `begun`: some of the answer was already spoken.

    Names, addresses and hints are for the eye: the screen has them.
    """
    if failure.stage != "llm":
        return ""
    match failure.error:
        case ContextFull():
            return notices.too_long
        case BackendRefuses():
            return notices.refuses
        case BackendUnavailable():
            return notices.lost if begun else notices.silent
        case _:
            return notices.failed
