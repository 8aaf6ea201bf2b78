"""Errors that a user can act on.

    VoiceCliError(message, hint)          exit code
    ├─ SettingsError                      2   a setting is unknown or out of range
    ├─ ModelMissing                       3   a model file is missing or damaged
    ├─ DeviceError                        4   a sound device is missing or cannot be opened
    ├─ BackendUnavailable                 5   a server does not answer
    │  └─ BackendRefuses                  5   it rejects the request: wrong key or model name
    ├─ ToolError                          5   a tool fails, or its server is unavailable
    ├─ EngineError                        6   an engine cannot start or fails
    │  └─ ContextFull                     6   a prompt exceeds the context of the language model
    └─ HistoryError, HistoryDamaged       7   the history cannot be read or written; its file is damaged

`voicecli.cli` prints the message and the hint on stderr and exits with the code. Inside a conversation an
EngineError or BackendUnavailable ends the turn, not the program.
"""

from __future__ import annotations

INTERRUPTED_EXIT_CODE = 130


class VoiceCliError(Exception):
    """An error whose message says what was wanted and found; `hint` says what to do next."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SettingsError(VoiceCliError):
    """A setting is unknown, malformed or out of range."""

    exit_code = 2


class ModelMissing(VoiceCliError):
    """A required model is not on disk, or its checksum is wrong."""

    exit_code = 3


class DeviceError(VoiceCliError):
    """A microphone or speaker is missing, ambiguous or cannot be opened."""

    exit_code = 4


class BackendUnavailable(VoiceCliError):
    """A server does not answer, is full or lacks the model."""

    exit_code = 5


class BackendRefuses(BackendUnavailable):
    """A server rejects the request: the key is wrong, or it lacks the model. A retry does not help."""


class ToolError(VoiceCliError):
    """A tool fails, or its server is unavailable. The language model gets the message."""

    exit_code = 5


class EngineError(VoiceCliError):
    """An engine cannot start (for example without a GPU) or fails."""

    exit_code = 6


class ContextFull(EngineError):
    """A prompt exceeds the context of the language model; there is no answer."""


class HistoryError(VoiceCliError):
    """The history of conversations cannot be read or written, or lacks the requested conversation."""

    exit_code = 7


class HistoryDamaged(VoiceCliError):
    """The history file is not a valid database."""

    exit_code = 7


def first_of(group: ExceptionGroup[Exception]) -> Exception:
    """Return the first error of the group that a user can act on; if there is none, the first error."""
    inner = [first_of(error) if isinstance(error, ExceptionGroup) else error for error in group.exceptions]
    return next((error for error in inner if isinstance(error, VoiceCliError)), inner[0])


_SYSTEM_LIBRARIES = {
    "PortAudio": "apt install libportaudio2 (Debian, Ubuntu), dnf install portaudio (Fedora)",
    "libgomp": "apt install libgomp1 (Debian, Ubuntu), dnf install libgomp (Fedora)",
}


def import_advice(package: str, why: str) -> str:
    """Return what to do about a package whose import failed with the words `why`."""
    reinstall = f"pip install --force-reinstall {package}"
    return next((cure for library, cure in _SYSTEM_LIBRARIES.items() if library in why), reinstall)
