"""To whom the assistant listens just now, as a screen tells it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from voicecli.events import AwakeChanged, HoldChanged, Ready
from voicecli.printable import printable
from voicecli.settings.model import ListenMode


@dataclass(frozen=True, slots=True)
class ListenState:
    """`apply` each event in order."""

    mode: ListenMode = "hands-free"
    phrase: str = ""  # as it is said
    held: bool = False  # the key of push-to-talk
    awake: bool = False  # no wake phrase is needed

    def apply(self, event: Ready | HoldChanged | AwakeChanged) -> ListenState:
        """After one more event."""
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
        """What it does while nothing is said or answered."""
        match self.mode:
            case "push-to-talk":
                return "Hearing" if self.held else "Ready"
            case "wake-phrase" if not self.awake:
                return "Asleep"
            case _:
                return "Listening"

    @property
    def welcome(self) -> str:
        """How a conversation begins."""
        match self.mode:
            case "push-to-talk":
                return "Hold the space bar while you speak. Your words appear here."
            case "wake-phrase":
                return f'Say "{self.phrase}" and your question. It appears here; all else is passed over.'
            case _:
                return "Say something. Your words appear here while you speak."

    @property
    def hint(self) -> str:
        """What it waits for, where that is not plain."""
        return f'say "{self.phrase}"' if self.idle == "Asleep" else ""

    def keys(self, *, muted: bool, tapped: bool) -> list[tuple[str, str]]:
        """Those that have to do with listening, and what they do now; `tapped`: the key is up, and counts as held."""
        if not self.by_key:
            return [("space", "unmute" if muted else "mute")]
        if muted:
            return [("m", "unmute")]
        if not self.held:
            return [("hold space", "to talk")]
        return [("space", "to send")] if tapped else [("release space", "to send")]
