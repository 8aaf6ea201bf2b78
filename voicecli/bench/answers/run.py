"""Ask a language model the battery, in conversations of the product without sound: its prompt, sampling and tools.

What is typed goes through `Conversation`, so that an answer is made as in `voicecli talk` on a machine without
microphone and speaker. Timers are real and end with their question; MCP servers are not started, since a question may
make the model use them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from voicecli import events
from voicecli.assemble.conversation import conversation_options, new_history
from voicecli.assemble.engines import example_turns
from voicecli.assemble.tools import Tools, open_tools
from voicecli.audio.device import NoMicrophone
from voicecli.audio.files.wav import WavSpeaker
from voicecli.audio.speech_input import SpeechInput
from voicecli.bench.answers.grade import CallMade
from voicecli.bench.answers.questions import Question
from voicecli.bench.answers.report import Answered
from voicecli.conversation.conversation import Conversation
from voicecli.conversation.history import History
from voicecli.conversation.language import LanguagePolicy
from voicecli.conversation.parts import Devices, Engines
from voicecli.conversation.prefill import ANY_QUESTION
from voicecli.conversation.voice_registry import VoiceRegistry
from voicecli.engines.llm.select import Narrate, Opened
from voicecli.engines.worker import ThreadWorker
from voicecli.errors import EngineError, VoiceCliError
from voicecli.events import CLOCK, Event
from voicecli.settings.model import Settings
from voicecli.tools.toolbox import Toolbox
from voicecli.turns.segmenter import Segmenter
from voicecli.types import AudioFrame, SpeechSegment, ToolCall, Transcript

MOST_FAILURES = 3
"""After so many answers in a row that failed, the model is given up."""

TIMER_MINUTES = 10
"""Length of the timers that run when a question is asked."""


class NoSpeech:
    """Stands for the recognizer and the voice activity detector: nothing is spoken here."""

    name = ""
    may_be_speech = False

    def is_speech(self, frame: AudioFrame) -> bool:
        """See `VoiceActivityDetector.is_speech`."""
        return False

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """See `SpeechToText.transcribe`."""
        raise EngineError("nothing is spoken in this measurement")

    def draft(self, segment: SpeechSegment) -> Transcript:
        """See `SpeechToText.draft`."""
        return self.transcribe(segment)


@dataclass
class Listener:
    """Collects the events of the answer under way."""

    ended: asyncio.Future[Event] | None = None
    seen: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.seen.append(event)
        if isinstance(event, events.TurnDone | events.TurnFailed) and self.ended and not self.ended.done():
            self.ended.set_result(event)


@dataclass(frozen=True)
class Asker:
    """Asks one model."""

    settings: Settings
    name: str  # of the model, in the result
    opened: Opened
    asking: Callable[[Question], None]  # called before each question
    report: Callable[[Answered], None]  # called with each answer at once
    note: Narrate  # called with what is missing, such as tools

    async def ask_all(self, questions: Sequence[Question]) -> None:
        """Ask all questions, those in a row in one conversation. Raise EngineError if MOST_FAILURES answers fail."""
        failures = 0
        for asked in together(questions):
            async with open_conversation(self.settings, self.opened, asked[0], self.note) as (conversation, listener):
                for question in asked:
                    self.asking(question)
                    answered = await ask(conversation, listener, self.name, question)
                    self.report(answered)
                    failures = failures + 1 if answered.failed else 0
                    if failures == MOST_FAILURES:
                        raise EngineError(
                            f"{self.name} failed {failures} times in a row: {answered.failed}",
                            "voicecli doctor looks for the cause",
                        )


def together(questions: Sequence[Question]) -> Iterator[tuple[Question, ...]]:
    """Yield the questions of each conversation."""
    row = tuple(one for one in questions if one.is_in_a_row)
    yield from ((one,) for one in questions if not one.is_in_a_row)
    if row:
        yield row


@asynccontextmanager
async def open_conversation(
    settings: Settings, opened: Opened, question: Question, narrate: Narrate
) -> AsyncIterator[tuple[Conversation, Listener]]:
    """Begin a conversation in which a question can be typed, with a warm prefix."""
    language = question.language or "en"
    spoken_in = settings.stt.model_copy(update={"language": language})
    only_built_in = settings.tools.model_copy(update={"servers": {}, "allow": ("builtin",)})
    settings = settings.model_copy(update={"stt": spoken_in, "tools": only_built_in})
    listener = Listener()
    async with AsyncExitStack() as stack:
        history = new_history(settings)
        history.set_examples(example_turns(opened))
        for asked, answered in question.before:
            history.add(asked, answered)
        toolbox = await _offer_tools(stack, settings, opened, history, question, narrate)
        with suppress(VoiceCliError):  # the answer will fail too, and report it
            await opened.model.warm(history.prompt(ANY_QUESTION))
        worker, silent = stack.enter_context(ThreadWorker("unused")), NoSpeech()
        policy = LanguagePolicy(language, VoiceRegistry("", language))
        engines = Engines(silent, opened.model, None, None, worker, worker, worker, policy, toolbox)
        speaker = await stack.enter_async_context(WavSpeaker(None, CLOCK, listener))
        speech_input = SpeechInput(NoMicrophone(), silent, Segmenter(settings.listen), CLOCK, listener)
        options = conversation_options(settings, prefill=False)
        conversation = Conversation(Devices(speech_input, speaker), engines, history, options, CLOCK, listener)
        async with asyncio.TaskGroup() as tasks:  # a conversation that fails ends the block
            running = tasks.create_task(conversation.run(), name="conversation")
            await asyncio.sleep(0)  # until it runs
            yield conversation, listener
            running.cancel()


async def _offer_tools(
    stack: AsyncExitStack, settings: Settings, opened: Opened, history: History, question: Question, narrate: Narrate
) -> Toolbox | None:
    """Offer the built-in tools, as a conversation does, and start the timers of the question."""
    if not settings.tools.enabled:
        return None
    tools: Tools = await stack.enter_async_context(open_tools(settings.tools, lambda text: None))
    toolbox = await tools.offered_to(opened.model, history, opened.context_tokens, narrate)
    for label in question.timers:
        arguments = json.dumps({"minutes": TIMER_MINUTES, "label": label})
        await toolbox.run(ToolCall("before", "set_timer", arguments))
    return toolbox


async def ask(conversation: Conversation, listener: Listener, model: str, question: Question) -> Answered:
    """Type a question and return the whole answer."""
    listener.seen.clear()
    listener.ended = asyncio.get_running_loop().create_future()
    conversation.ask(question.ask)
    return answered_by(listener.seen, await listener.ended, model, question)


def answered_by(seen: Sequence[Event], end: Event, model: str, question: Question) -> Answered:
    """Return the answer that the events of a turn hold."""
    mine = [event for event in seen if event.turn == end.turn]
    asked_at_s = next(event.at_s for event in mine if isinstance(event, events.UserTyped))
    tokens = [event for event in mine if isinstance(event, events.TokenArrived) and event.text]
    asked_for = {event.call: event for event in mine if isinstance(event, events.ToolCalled)}
    calls = tuple(
        CallMade(
            event.tool, asked_for[event.call].arguments if event.call in asked_for else "", event.outcome, event.text
        )
        for event in mine
        if isinstance(event, events.ToolDone)
    )
    text = end.spoken if isinstance(end, events.TurnDone) else "".join(token.text for token in tokens)
    writing_s = tokens[-1].at_s - tokens[0].at_s if tokens else 0.0
    return Answered(
        model=model,
        question=question.name,
        text=text.strip(),
        calls=calls,
        first_token_s=round(tokens[0].at_s - asked_at_s, 4) if tokens else None,
        writing_tps=round((len(tokens) - 1) / writing_s, 3) if writing_s > 0 and not calls else None,
        failed=end.message if isinstance(end, events.TurnFailed) else "",
    )
