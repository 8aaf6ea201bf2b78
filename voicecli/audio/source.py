"""Where a conversation's sound comes from and goes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from voicecli.audio.device import Microphone, Speaker
from voicecli.audio.echo.canceller import Played
from voicecli.events import Publish


class SoundSource(Protocol):
    """Something in place of the sound card: files, a simulated room, or a recorded conversation."""

    @property
    def echoes(self) -> bool:
        """Whether the microphone hears the loudspeaker, so that an echo canceller has work."""
        ...

    def microphone(self, is_idle: Callable[[], bool], publish: Publish) -> Microphone | None:
        """Return a microphone that is not open yet; None for the device. `is_idle` returns whether no turn is alive."""
        ...

    def speaker(self, publish: Publish, played: Played | None) -> Speaker | None:
        """Return a speaker that is not open yet; None for the device. `played` is given each block that sounds."""
        ...
