"""Ignore what is said until it begins with the wake phrase. Nothing of it leaves this module before.

The stage between the overlap and the conversation. While asleep, an utterance is held back and decoded. If it begins
with the phrase, it is passed on from its onset; otherwise it is forgotten. After an exchange the phrase is not needed
for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from voicecli import events
from voicecli.conversation.partial_decoder import PartialDecoder, PartialSchedule, SoFar
from voicecli.conversation.parts import ConversationOptions, Devices, Engines, Runtime, StartWork, WakeOptions
from voicecli.engines.base import SpeechToText
from voicecli.errors import VoiceCliError
from voicecli.events import Event
from voicecli.turns.activity import Activity
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Resume, SegmenterEvent
from voicecli.turns.wake_phrase import WakePhrase
from voicecli.types import SpeechSegment, Transcript

ALONE_S = 5.0
"""After the phrase alone, wait at least this long for a question; `WakeOptions.timeout_s` may be 0."""

ALONE = "only the wake phrase: go on"
"""Why a turn that was only the wake phrase has no question."""

FAILED = "Asleep, and the wake phrase cannot be recognized: {}"


class WithoutWakePhrase:
    """A recognizer for what is said to the assistant: it removes the phrase from the front."""

    def __init__(self, recognizer: SpeechToText, phrase: WakePhrase) -> None:
        self.name = recognizer.name
        self._recognizer = recognizer
        self._phrase = phrase

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """Return the final text without the phrase. Raise EngineError when decoding fails."""
        return self._strip(self._recognizer.transcribe(segment))

    def draft(self, segment: SpeechSegment) -> Transcript:
        """Return a quick hypothesis without the phrase, and without words that may still become it."""
        transcript = self._recognizer.draft(segment)
        if self._phrase.may_become(transcript.text):
            return replace(transcript, text="", settled=0)
        return self._strip(transcript)

    def _strip(self, transcript: Transcript) -> Transcript:
        text = self._phrase.strip(transcript.text)
        if text == transcript.text:
            return transcript
        removed = len(transcript.text.split()) - len(text.split())
        settled = max(0, transcript.settled - removed)
        return replace(transcript, text=text, settled=settled, reason="" if text else ALONE)


class Gate(Protocol):
    """A stage that passes on what is meant for the assistant."""

    def filter(self, heard: Iterable[SegmenterEvent]) -> list[SegmenterEvent]:
        """Return the events that are meant for the assistant, those included that were held back until now."""
        ...

    def close(self) -> None:
        """Stop: nothing more will be heard. An utterance that is complete may still be passed on."""
        ...

    def observe(self, event: Event) -> None:
        """Follow what happens in the conversation."""
        ...


class OpenGate:
    """A gate without a wake phrase: everything is meant for the assistant."""

    def filter(self, heard: Iterable[SegmenterEvent]) -> list[SegmenterEvent]:
        """Return all events."""
        return list(heard)

    def close(self) -> None: ...

    def observe(self, event: Event) -> None: ...


@dataclass(slots=True, eq=False)
class HeldUtterance:
    """An utterance that is held back until its first words are known."""

    decoder: PartialDecoder
    events: list[SegmenterEvent] = field(default_factory=list)  # from its onset on
    work: asyncio.Task[None] | None = None
    rejected: bool = False  # it does not begin with the phrase

    @property
    def is_over(self) -> bool:
        """Whether the user is done."""
        return isinstance(self.events[-1], Endpoint)

    def stop(self) -> None:
        """Stop decoding it."""
        if self.work is not None:
            self.work.cancel()


class WakeGate:
    """Passes on utterances that begin with the wake phrase. All methods belong to the loop."""

    def __init__(
        self,
        engines: Engines,
        wake: WakeOptions,
        schedule: PartialSchedule,
        so_far: SoFar,
        runtime: Runtime,
        start_work: StartWork,
    ) -> None:
        self._stt, self._worker = engines.stt, engines.stt_worker
        self._wake = wake
        self._schedule = schedule
        self._so_far = so_far
        self._runtime = runtime
        self._start_work = start_work
        self._activity = Activity()
        self._awake = False
        self._until_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._held: list[HeldUtterance] = []  # the last one may be under way
        self._passed: list[SegmenterEvent] = []
        self._reported_failure = False

    def filter(self, heard: Iterable[SegmenterEvent]) -> list[SegmenterEvent]:
        """Return the events that are meant for the assistant, those included that were held back until now."""
        for event in heard:
            self._handle(event)
        passed, self._passed = self._passed, []
        return passed

    def close(self) -> None:
        """Stop: nothing more will be heard. An utterance that is complete may still be passed on."""
        self._stop_timer()
        for held in self._held:
            if held.rejected or not held.is_over:
                held.stop()

    def observe(self, event: Event) -> None:
        """Stay awake while something happens in the conversation, and for a while after it."""
        self._activity.observe(event)
        now_s = self._runtime.clock()
        match event:
            case events.TurnDone() | events.TurnInterrupted() | events.TurnFailed():
                self._until_s = now_s + self._wake.timeout_s
            case events.NothingHeard(reason=reason) if reason == ALONE:
                self._until_s = now_s + max(self._wake.timeout_s, ALONE_S)
        if event.turn is None:
            return
        self._stop_timer()
        if not self._activity.is_idle():
            self._set_awake(True)
        else:
            wait_s = max(0.0, self._until_s - now_s)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._set_awake, False)

    def _handle(self, heard: SegmenterEvent) -> None:
        if self._awake and not self._held:
            self._passed.append(heard)
        elif isinstance(heard, Onset):
            decoder = PartialDecoder(self._stt, self._worker, self._schedule, self._runtime.clock)
            held = HeldUtterance(decoder, [heard])
            self._held.append(held)
            self._judge(held, self._judge_partials(held))
        elif self._held:  # pragma: no branch
            self._continue(self._held[-1], heard)

    def _continue(self, held: HeldUtterance, heard: SegmenterEvent) -> None:
        if held.rejected:
            if isinstance(heard, Endpoint | Dropped):
                self._held.remove(held)
            return
        held.events.append(heard)
        match heard:
            case EarlyPause(segment):
                held.decoder.decode_early(segment)
            case Pause(segment):
                self._judge(held, self._judge_final(held, segment))
            case Resume():
                self._judge(held, self._judge_partials(held))
            case Endpoint() if held.work is None or held.work.done():
                self._held.remove(held)
            case Dropped():
                held.stop()
                self._held.remove(held)
            case _:
                pass

    def _judge(self, held: HeldUtterance, work: Coroutine[Any, Any, None]) -> None:
        held.stop()
        held.work = self._start_work(work)

    async def _judge_partials(self, held: HeldUtterance) -> None:
        """Decode what is being said until it is clear whether it begins with the phrase."""
        phrase = self._wake.phrase
        try:
            async with aclosing(held.decoder.partials(self._so_far)) as partials:
                async for words in partials:
                    if phrase.match(" ".join(words.words)):
                        self._accept(held)
                        return
                    if words.firm and not phrase.may_become(words.stable):
                        self._reject(held)
                        return
        except VoiceCliError as error:
            self._reject(held, error)

    async def _judge_final(self, held: HeldUtterance, segment: SpeechSegment) -> None:
        """Decide by the words before a pause, which are final."""
        try:
            transcript = await self._worker.run(self._stt.transcribe, segment)
        except VoiceCliError as error:
            self._reject(held, error)
            return
        self._reported_failure = False
        phrase = self._wake.phrase
        if phrase.match(transcript.text):
            self._accept(held)
        elif held.is_over or (transcript.text and not phrase.may_become(transcript.text)):
            self._reject(held)

    def _accept(self, accepted: HeldUtterance) -> None:
        """Pass it on, with what was said after it."""
        since = self._held[self._held.index(accepted) :]
        for held in self._held:
            if held is not accepted:
                held.stop()
        self._held = [held for held in since if held.rejected]  # not over yet
        self._until_s = self._runtime.clock() + max(self._wake.timeout_s, ALONE_S)
        self._set_awake(True)
        for held in since:
            self._passed += held.events

    def _reject(self, held: HeldUtterance, error: VoiceCliError | None = None) -> None:
        is_over = held.is_over
        held.rejected = True
        held.events.clear()
        if is_over:
            self._held.remove(held)
        if error is not None and not self._reported_failure:
            self._reported_failure = True
            self._runtime.publish(events.Notice(at_s=self._runtime.clock(), text=FAILED.format(error.message)))

    def _set_awake(self, awake: bool) -> None:
        if awake != self._awake:
            self._awake = awake
            self._runtime.publish(events.AwakeChanged(at_s=self._runtime.clock(), awake=awake))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def make_wake_gate(
    devices: Devices, engines: Engines, options: ConversationOptions, runtime: Runtime, start_work: StartWork
) -> tuple[Gate, Engines]:
    """Return the gate, and the engines for what it lets through: their transcripts omit the wake phrase."""
    if options.wake is None:
        return OpenGate(), engines
    so_far = devices.speech_input.so_far
    gate = WakeGate(engines, options.wake, options.partials, so_far, runtime, start_work)
    return gate, replace(engines, stt=WithoutWakePhrase(engines.stt, options.wake.phrase))
