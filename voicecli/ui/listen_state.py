"""Listening mode and state as shown on the screen. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from voicecli.events import AwakeChanged, HoldChanged, Ready
from voicecli.printable import printable
from voicecli.settings.model import ListenMode


@dataclass(frozen=True, slots=True)
class ListenState:
    """The listening mode and its current state. `apply` each event in order."""

    mode: ListenMode = "hands-free"
    phrase: str = ""
    held: bool = False  # the push-to-talk key
    awake: bool = False  # no wake phrase is needed

    def apply(self, event: Ready | HoldChanged | AwakeChanged) -> ListenState:
        """Return the state after one more event."""
        match event:
            case Ready(mode=mode, wake_phrase=phrase):
                return replace(self, mode=mode, phrase=printable(phrase))
            case HoldChanged(held=held):
                return replace(self, held=held)
            case AwakeChanged(awake=awake):  # pragma: no branch
                return replace(self, awake=awake)

    @property
    def by_key(self) -> bool:
        return self.mode == "push-to-talk"

    @property
    def idle(self) -> Literal["Ready", "Listening", "Hearing", "Asleep"]:
        """The state while nobody speaks."""
        match self.mode:
            case "push-to-talk":
                return "Hearing" if self.held else "Ready"
            case "wake-phrase" if not self.awake:
                return "Asleep"
            case _:
                return "Listening"

    @property
    def welcome(self) -> str:
        """The text of an empty conversation."""
        match self.mode:
            case "push-to-talk":
                return "Hold the space bar while you speak. Your words appear here."
            case "wake-phrase":
                return f'Say "{self.phrase}" and your question. It appears here; everything else is ignored.'
            case _:
                return "Say something. Your words appear here while you speak."

    @property
    def hint(self) -> str:
        """What the user has to say to be heard; empty if anything is heard."""
        return f'say "{self.phrase}"' if self.idle == "Asleep" else ""

    def keys(self, *, muted: bool, tapped: bool) -> list[tuple[str, str]]:
        """Return the keys for listening and what each does now; `tapped`: the key is up but counts as held."""
        if not self.by_key:
            return [("space", "unmute" if muted else "mute")]
        if muted:
            return [("m", "unmute")]
        if not self.held:
            return [("hold space", "to talk")]
        return [("space", "to send")] if tapped else [("release space", "to send")]
