"""Push-to-talk: which frames of the microphone are passed on. Pure."""

from __future__ import annotations

from collections import deque

from voicecli.types import FRAME_S, AudioFrame

PRE_ROLL_S = 0.2
"""Sound from before the key press that counts too, since many people begin to speak while they press."""


class PushToTalkKey:
    """A key that is held while the user speaks."""

    def __init__(self) -> None:
        self.held = False
        self._before: deque[AudioFrame] = deque(maxlen=round(PRE_ROLL_S / FRAME_S))

    def hold(self, held: bool, *, pre_roll: bool = True) -> None:
        """Press or release the key. Without `pre_roll`, sound from before the press does not count."""
        self.held = held
        if not pre_roll:
            self._before.clear()

    def push(self, frame: AudioFrame) -> tuple[AudioFrame, ...]:
        """Add a frame and return those to pass on, in order."""
        self._before.append(frame)
        if not self.held:
            return ()
        heard = tuple(self._before)
        self._before.clear()
        return heard
