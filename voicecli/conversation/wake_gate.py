"""Asleep until somebody says the wake phrase. What is said meanwhile stays here: nobody is told a word of it.

Stands between the overlap and the conversation. While asleep an utterance is kept back and decoded; if it begins with
the phrase, the conversation gets it from its onset on, as if nothing had been in between; else it is forgotten. After
an exchange one may go on without the phrase for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace

from voicecli import events
from voicecli.conversation.partial_decoder import PartialDecoder, PartialSchedule
from voicecli.conversation.respond import Engines
from voicecli.engines.base import SpeechToText
from voicecli.errors import VoiceCliError
from voicecli.events import Clock, Event, Publish
from voicecli.turns.activity import Activity
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Resume, SegmenterEvent
from voicecli.turns.stable_prefix import StablePrefix
from voicecli.turns.wake_phrase import WakePhrase
from voicecli.types import SpeechSegment, Transcript

ALONE_S = 5.0
"""At the least so long a question is waited for after the phrase alone; `Waking.timeout_s` may be 0."""

ALONE = "only the wake phrase: go on"
"""Why a turn has no question, when it has not."""

DEAF = "Asleep, and the wake phrase cannot be heard: {}"

Deliver = Callable[[SegmenterEvent], None]
SoFar = Callable[[], SpeechSegment | None]


@dataclass(frozen=True, slots=True)
class WakeOptions:
    phrase: WakePhrase
    timeout_s: float  # after an exchange


class WithoutWakePhrase:
    """A recogniser of what is said to the assistant: the phrase is no part of it."""

    def __init__(self, recogniser: SpeechToText, phrase: WakePhrase) -> None:
        self.name = recogniser.name
        self._recogniser = recogniser
        self._phrase = phrase

    def transcribe(self, segment: SpeechSegment) -> Transcript:
        """As the recogniser does, but for the phrase at the front."""
        return self._cut(self._recogniser.transcribe(segment))

    def draft(self, segment: SpeechSegment) -> Transcript:
        """The same; what may still become the phrase is no word yet."""
        transcript = self._recogniser.draft(segment)
        if self._phrase.may_become(transcript.text):
            return replace(transcript, text="", settled=0)
        return self._cut(transcript)

    def _cut(self, transcript: Transcript) -> Transcript:
        text = self._phrase.strip(transcript.text)
        if text == transcript.text:
            return transcript
        gone = len(transcript.text.split()) - len(text.split())
        return replace(transcript, text=text, settled=max(0, transcript.settled - gone), reason="" if text else ALONE)


@dataclass(slots=True, eq=False)
class HeldUtterance:
    """An utterance that is kept back."""

    partial_decoder: PartialDecoder
    events: list[SegmenterEvent] = field(default_factory=list)  # from its onset on
    work: asyncio.Task[None] | None = None
    rejected: bool = False  # it does not begin with the phrase

    def stop(self) -> None:
        if self.work is not None:
            self.work.cancel()


class OpenGate:
    """All that is said is for the assistant."""

    def __init__(self, engines: Engines) -> None:
        self.engines = engines

    def open(self, tasks: asyncio.TaskGroup, deliver: Deliver, so_far: SoFar) -> None:
        """As `WakeGate`."""
        self.handle = deliver

    def close(self) -> None: ...

    def observe(self, event: Event) -> None: ...


class WakeGate:
    """Lets through what is meant for the assistant. All methods belong to the loop."""

    def __init__(
        self, engines: Engines, waking: WakeOptions, drafts: PartialSchedule, clock: Clock, publish: Publish
    ) -> None:
        self._stt, self._worker = engines.stt, engines.stt_worker
        self.engines = replace(engines, stt=WithoutWakePhrase(engines.stt, waking.phrase))
        """For what is let through."""
        self._waking = waking
        self._drafts = drafts
        self._clock = clock
        self._publish = publish
        self._activity = Activity()
        self._awake = False
        self._until_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._kept: list[HeldUtterance] = []  # the last one may be under way
        self._reported_deaf = False

    def open(self, tasks: asyncio.TaskGroup, deliver: Deliver, so_far: SoFar) -> None:
        """Before the first `take`. `deliver` is given what is the conversation's; `so_far` is the ear's."""
        self._tasks, self._deliver, self._so_far = tasks, deliver, so_far

    def close(self) -> None:
        """Nothing more will be heard; of what is over the words may still come."""
        self._stop_timer()
        for one in self._kept:
            if one.rejected or not isinstance(one.events[-1], Endpoint):
                one.stop()

    def handle(self, heard: SegmenterEvent) -> None:
        """What is heard next, and was not said over an answer."""
        if self._awake and not self._kept:
            self._deliver(heard)
        elif isinstance(heard, Onset):
            one = HeldUtterance(PartialDecoder(self._stt, self._worker, self._drafts, self._clock), [heard])
            self._kept.append(one)
            self._judge(one, self._listen(one))
        elif self._kept:  # pragma: no branch
            self._go_on(self._kept[-1], heard)

    def observe(self, event: Event) -> None:
        """Take note of what happens in the conversation: while something does, and a little longer, it is awake."""
        self._activity.observe(event)
        now_s = self._clock()
        match event:
            case events.TurnDone() | events.TurnInterrupted() | events.TurnFailed():
                self._until_s = now_s + self._waking.timeout_s
            case events.NothingHeard(reason=reason) if reason == ALONE:
                self._until_s = now_s + max(self._waking.timeout_s, ALONE_S)
        if event.turn is None:
            return
        self._stop_timer()
        if not self._activity.is_idle():
            self._set(awake=True)
        else:
            wait_s = max(0.0, self._until_s - now_s)
            self._timer = asyncio.get_running_loop().call_later(wait_s, lambda: self._set(awake=False))

    def _go_on(self, one: HeldUtterance, heard: SegmenterEvent) -> None:
        if one.rejected:
            if isinstance(heard, Endpoint | Dropped):
                self._kept.remove(one)
            return
        one.events.append(heard)
        match heard:
            case EarlyPause(segment):
                one.partial_decoder.decode_early(segment)
            case Pause(segment):
                self._judge(one, self._decide(one, segment))
            case Resume():
                self._judge(one, self._listen(one))
            case Endpoint() if one.work is None or one.work.done():
                self._kept.remove(one)
            case Dropped():
                one.stop()
                self._kept.remove(one)
            case _:
                pass

    def _judge(self, one: HeldUtterance, work: Coroutine[None, None, None]) -> None:
        one.stop()
        one.work = self._tasks.create_task(work, name="waking")

    async def _listen(self, one: HeldUtterance) -> None:
        """Decode what is being said until it is clear whether it begins with the phrase."""

        def hear(words: StablePrefix) -> None:
            if self._waking.phrase.match(" ".join(words.words)):
                self._wake(one)
            elif words.firm and not self._waking.phrase.may_become(words.stable):
                self._refuse(one)

        try:
            await one.partial_decoder.run(self._so_far, hear)
        except VoiceCliError as error:
            self._refuse(one, error)

    async def _decide(self, one: HeldUtterance, segment: SpeechSegment) -> None:
        """The user is silent, so the words are known."""
        try:
            transcript = await self._worker.run(self._stt.transcribe, segment)
        except VoiceCliError as error:
            self._refuse(one, error)
            return
        self._reported_deaf = False
        goes_on = not isinstance(one.events[-1], Endpoint)
        if self._waking.phrase.match(transcript.text):
            self._wake(one)
        elif not goes_on or (transcript.text and not self._waking.phrase.may_become(transcript.text)):
            self._refuse(one)

    def _wake(self, one: HeldUtterance) -> None:
        """It is for the assistant, and so is what was said after it."""
        kept = self._kept[self._kept.index(one) :]
        for each in self._kept:
            each.stop()
        self._kept = [each for each in kept if each.rejected]  # not over yet
        self._until_s = self._clock() + max(self._waking.timeout_s, ALONE_S)
        self._set(awake=True)
        for each in kept:
            for heard in each.events:
                self._deliver(heard)

    def _refuse(self, one: HeldUtterance, error: VoiceCliError | None = None) -> None:
        over = isinstance(one.events[-1], Endpoint)
        one.rejected = True
        one.events.clear()
        one.stop()
        if over:
            self._kept.remove(one)
        if error is not None and not self._reported_deaf:
            self._reported_deaf = True
            self._publish(events.Notice(at_s=self._clock(), text=DEAF.format(error.message)))

    def _set(self, *, awake: bool) -> None:
        if awake != self._awake:
            self._awake = awake
            self._publish(events.AwakeChanged(at_s=self._clock(), awake=awake))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def make_wake_gate(
    engines: Engines, waking: WakeOptions | None, drafts: PartialSchedule, clock: Clock, publish: Publish
) -> WakeGate | OpenGate:
    """What lets through what is for the assistant; without `waking` that is everything."""
    return WakeGate(engines, waking, drafts, clock, publish) if waking is not None else OpenGate(engines)
