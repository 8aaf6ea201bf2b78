"""What a conversation is made of: devices, engines, options, and the clock, events and tasks that its parts share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from voicecli.audio.device import Speaker
from voicecli.audio.speech_input import SpeechInput
from voicecli.conversation.language import LanguagePolicy
from voicecli.conversation.partial_decoder import PartialSchedule
from voicecli.conversation.voice_registry import VoiceRegistry
from voicecli.engines.base import EndOfTurn, LanguageModel, SpeechToText, TextToSpeech, Worker
from voicecli.events import Clock, Event, Publish
from voicecli.turns.barge_in import BargeIn
from voicecli.turns.endpoint import EndpointBounds
from voicecli.turns.wake_phrase import WakePhrase
from voicecli.types import ToolCall, TurnId

StartWork = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Runs work of a stage beside the conversation. When it ends, the stage's `filter` is called again."""


class Toolbox(Protocol):
    """Tools, by the names that the language model calls them by."""

    @property
    def names(self) -> Sequence[str]:
        """Return the names that the language model calls the tools by."""
        ...

    def answer(self, question: str, language: str) -> tuple[str, ToolCall] | None:
        """Return the answer to a question that needs no language model, such as a sum, and the call it is due to.

        The call changes nothing, so the answer may be prepared before it is made. None for any other question.
        """
        ...

    def title(self, name: str) -> str:
        """Return the name that the user sees: "set_timer" or "server.tool"."""
        ...

    def needs_approval(self, name: str) -> bool:
        """Return whether the user has to approve a call."""
        ...

    def allow(self, name: str) -> None:
        """Stop asking for approval of this tool."""
        ...

    async def run(self, call: ToolCall) -> str:
        """Make a call and return its result for the language model. Raise ToolError. Cancelling cancels the call."""
        ...


@dataclass(frozen=True, slots=True)
class Devices:
    """Where the conversation listens and speaks."""

    speech_input: SpeechInput
    speaker: Speaker


@dataclass(frozen=True, slots=True)
class Engines:
    """The models of a conversation, and the worker threads that run them."""

    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech | None  # None: answers are written only
    turn: EndOfTurn | None  # None: only silence ends a turn
    stt_worker: Worker
    tts_worker: Worker
    turn_worker: Worker
    language_policy: LanguagePolicy = field(default_factory=lambda: LanguagePolicy("en", VoiceRegistry("", "en")))
    tools: Toolbox | None = None


@dataclass(frozen=True, slots=True)
class WakeOptions:
    """Answer only after the wake phrase."""

    phrase: WakePhrase
    timeout_s: float  # after an exchange, the phrase is not needed for this long


@dataclass(frozen=True, slots=True)
class ConversationOptions:
    """What the settings say about when a conversation does what."""

    barge_in: BargeIn
    partials: PartialSchedule
    endpoint: EndpointBounds | None  # None: the segmenter's fixed silence ends a turn
    wait_s: float  # from a pause to the earliest endpoint
    prefill: bool  # send the question to the language model while the user is still speaking
    echo: bool  # the microphone may hear the speaker
    most_answer_tokens: int  # where the language model stops
    first_chunk_chars: int  # a longer first clause may be cut before a phrase
    wake: WakeOptions | None = None  # None: everything that is said is meant for the assistant


class Runtime:
    """The clock, the events and the tasks of one conversation."""

    def __init__(self, clock: Clock, publish: Publish) -> None:
        self.clock = clock
        self.tasks = asyncio.TaskGroup()
        self.observers: list[Publish] = []
        """Parts of the conversation that follow its events, in this order."""
        self._publish = publish
        self._last_turn = 0

    def publish(self, event: Event) -> None:
        """Report an event to the outside, then to the observers."""
        self._publish(event)
        for observe in self.observers:
            observe(event)

    def new_turn_id(self) -> TurnId:
        """Return the next turn's id: 1, 2, ..."""
        self._last_turn += 1
        return TurnId(self._last_turn)
