"""An earlier answer as the words of a turn that says it again. Pure."""

from __future__ import annotations

from voicecli.conversation.speakable import SpeakableFilter
from voicecli.conversation.turn import Turn


def recite(turn: Turn, answer: str) -> None:
    """All that `turn` has to say is `answer`, as it was written."""
    turn.repeats, turn.written = True, answer
    speakable = SpeakableFilter()
    for span in (*speakable.feed(answer), *speakable.close()):
        turn.pieces.feed(span)
    turn.pieces.close()
