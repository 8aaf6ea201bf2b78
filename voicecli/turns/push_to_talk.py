"""Push-to-talk at the ear: which frames of the microphone go further. Pure."""

from __future__ import annotations

from collections import deque

from voicecli.types import FRAME_S, AudioFrame

PRE_ROLL_S = 0.2
"""Sound from before the key that is heard too: many begin to speak while they press. Older frames are forgotten."""


class PushToTalkKey:
    """A key that is held while one speaks."""

    def __init__(self) -> None:
        self.held = False
        self._before: deque[AudioFrame] = deque(maxlen=round(PRE_ROLL_S / FRAME_S))

    def hold(self, held: bool, *, pre_roll: bool = True) -> None:
        """Press it or let it go. Without `pre_roll` nothing from before counts: an answer was sounding."""
        self.held = held
        if not pre_roll:
            self._before.clear()

    def push(self, frame: AudioFrame) -> tuple[AudioFrame, ...]:
        """The frames that are heard now that this one has come, in order."""
        self._before.append(frame)
        if not self.held:
            return ()
        heard = tuple(self._before)
        self._before.clear()
        return heard
