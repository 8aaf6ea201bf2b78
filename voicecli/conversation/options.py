"""What the settings say about when a conversation does what."""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.conversation.partial_decoder import Cadence
from voicecli.conversation.wake_gate import Waking
from voicecli.turns.barge_in import BargeIn
from voicecli.turns.endpoint import Bounds


@dataclass(frozen=True, slots=True)
class Rules:
    barge_in: BargeIn
    drafts: Cadence
    endpoint: Bounds | None  # None: the segmenter's own silence is the end
    wait_s: float  # from a pause to the soonest endpoint
    prefill: bool  # send the question ahead while it is being asked
    echo: bool  # the microphone may hear the speaker
    first_piece_chars: int  # a longer first clause may be cut before a phrase
    waking: Waking | None = None  # None: all that is said is for the assistant
