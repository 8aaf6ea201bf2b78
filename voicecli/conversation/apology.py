"""What the voice says when there is no answer, or no more of it. Pure."""

from __future__ import annotations

from voicecli.conversation.turn import StageError
from voicecli.errors import BackendRefuses, BackendUnavailable, ContextFull

LOST = "I lost the connection to the language model."
SILENT = "The language model does not answer."
REFUSES = "The language model refuses to answer."
TOO_LONG = "That is more than the language model can hold."
FAILED = "The language model failed."


def apology(failure: StageError, *, begun: bool) -> str:
    """One plain sentence; empty where only the screen can tell. `begun`: some of the answer was already spoken.

    Names, addresses and hints are for the eye: the screen has them.
    """
    if failure.stage != "llm":
        return ""
    match failure.error:
        case ContextFull():
            return TOO_LONG
        case BackendRefuses():
            return REFUSES
        case BackendUnavailable():
            return LOST if begun else SILENT
        case _:
            return FAILED
