"""What the settings say about when a conversation does what."""

from __future__ import annotations

from dataclasses import dataclass

from voicecli.conversation.partial_decoder import PartialSchedule
from voicecli.conversation.wake_gate import WakeOptions
from voicecli.turns.barge_in import BargeIn
from voicecli.turns.endpoint import EndpointBounds


@dataclass(frozen=True, slots=True)
class ConversationOptions:
    barge_in: BargeIn
    partials: PartialSchedule
    endpoint: EndpointBounds | None  # None: the segmenter's own silence is the end
    wait_s: float  # from a pause to the soonest endpoint
    prefill: bool  # send the question ahead while it is being asked
    echo: bool  # the microphone may hear the speaker
    first_chunk_chars: int  # a longer first clause may be cut before a phrase
    wake: WakeOptions | None = None  # None: all that is said is for the assistant
