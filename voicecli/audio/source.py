"""What stands in for the sound card where a conversation is measured or played again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from voicecli.audio.device import Microphone, Speaker
from voicecli.audio.echo.canceller import Played
from voicecli.events import Publish


class Room(Protocol):
    """Whoever speaks in it, and the loudspeaker that is heard there."""

    @property
    def echoes(self) -> bool:
        """The microphone hears the loudspeaker, so that an echo canceller has work."""
        ...

    def microphone(self, settled: Callable[[], bool], publish: Publish) -> Microphone:
        """`settled` tells that no turn is alive."""
        ...

    def speaker(self, publish: Publish, played: Played | None) -> Speaker:
        """`played` wants each block that sounds, silence included."""
        ...
