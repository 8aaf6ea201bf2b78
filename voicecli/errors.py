"""Errors that a user can act on.

    VoiceCliError(message, hint)          exit code
    ├─ SettingsError                      2   a setting is unknown or out of range
    ├─ ModelMissing                       3   a model file is absent or damaged
    ├─ DeviceError                        4   a sound device is absent or refuses to open
    ├─ BackendUnavailable                 5   a server does not answer
    │  └─ BackendRefuses                  5   it answers, and will not do this: a key, a name of a model
    ├─ ToolError                          5   a tool cannot do what it was asked, or its server is not there
    ├─ EngineError                        6   an engine cannot start or failed at its work
    │  └─ ContextFull                     6   a language model was given more than it can hold
    └─ HistoryError, HistoryDamaged       7   the history cannot be read or written; its file is damaged

`voicecli.cli` prints the message and the hint on stderr and ends with the code. Inside a conversation an
EngineError or BackendUnavailable ends the turn, not the program.
"""

from __future__ import annotations

INTERRUPTED_EXIT_CODE = 130


class VoiceCliError(Exception):
    """What was wanted and what was found; `hint` says what to do next."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SettingsError(VoiceCliError):
    """A setting is unknown, malformed or out of range."""

    exit_code = 2


class ModelMissing(VoiceCliError):
    """A model that is needed is not on disk, or its bytes are wrong."""

    exit_code = 3


class DeviceError(VoiceCliError):
    """A microphone or speaker is absent, ambiguous or refuses to open."""

    exit_code = 4


class BackendUnavailable(VoiceCliError):
    """A server does not answer, is full or lacks the model."""

    exit_code = 5


class BackendRefuses(BackendUnavailable):
    """A server answers and refuses: the key is wrong, or it lacks the model. To ask again changes nothing."""


class ToolError(VoiceCliError):
    """A tool was asked for something that it cannot do, or its server is not there. The language model is told."""

    exit_code = 5


class EngineError(VoiceCliError):
    """An engine cannot start (a GPU that is not there) or failed at its work."""

    exit_code = 6


class ContextFull(EngineError):
    """A language model was given more than its context can hold; nothing of it was answered."""


class HistoryError(VoiceCliError):
    """The history of conversations cannot be read or written, or does not hold what was asked for."""

    exit_code = 7


class HistoryDamaged(VoiceCliError):
    """The history file is no whole database."""

    exit_code = 7


def first_of(group: ExceptionGroup[Exception]) -> Exception:
    """The error that a user can act on, where there is one; else the first."""
    inner = [first_of(error) if isinstance(error, ExceptionGroup) else error for error in group.exceptions]
    return next((error for error in inner if isinstance(error, VoiceCliError)), inner[0])
