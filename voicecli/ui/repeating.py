"""An earlier answer that is being said again. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from voicecli.events import AnswerReplayed, Audible, Event, TurnDone, TurnFailed, TurnInterrupted
from voicecli.types import TurnId


@dataclass(frozen=True, slots=True)
class Repeat:
    """Under way."""

    turn: TurnId
    audible: bool = False


def repeat_after(repeat: Repeat | None, event: Event) -> Repeat | None:
    """What is repeated after one more event."""
    match event:
        case AnswerReplayed(turn=turn) if turn is not None:
            return Repeat(turn)
        case Audible(turn=turn) if repeat is not None and repeat.turn == turn:
            return replace(repeat, audible=True)
        case TurnDone(turn=turn) | TurnInterrupted(turn=turn) | TurnFailed(turn=turn):
            return None if repeat is not None and repeat.turn == turn else repeat
        case _:
            return repeat
