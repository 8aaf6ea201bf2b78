"""The ways to talk that one asks for, and those that are refused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from voicecli.errors import SettingsError

if TYPE_CHECKING:
    from voicecli.assemble.devices import Files
    from voicecli.settings.model import Settings

INSTEAD = "--mode hands-free, or --mode wake-phrase"


def mode_of(mode: str | None, wake_phrase: str | None) -> str | None:
    """Whoever names a wake phrase wants to say it. Raises SettingsError where something else is asked for too."""
    if wake_phrase is None:
        return mode
    if mode not in (None, "wake-phrase"):
        raise SettingsError(f"--wake-phrase goes with --mode wake-phrase, not with --mode {mode}", "one of the two")
    return "wake-phrase"


def require_key(settings: Settings, files: Files) -> None:
    """Raises SettingsError where somebody is to hold a key that there is not."""
    if settings.listen.mode != "push-to-talk":
        return
    if files.inputs:
        raise SettingsError("push-to-talk is asked for, and nobody holds a key while files are played", INSTEAD)
    if sys.stdin is None or not sys.stdin.isatty():
        raise SettingsError("push-to-talk needs a keyboard, and the input is not a terminal", INSTEAD)
