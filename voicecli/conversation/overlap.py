"""Somebody speaks over the answer. Is it meant to end it?

At the first possible sound of speech the answer gets softer; after a little more it is silent and waits where it is. If
the words are meant for the assistant, the conversation gets the whole utterance, from its onset on, as if nothing had
been in between; else the answer goes on. An echo cannot outlive the silence, so what goes on in it is the user's.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from voicecli import events
from voicecli.audio.device import Speaker
from voicecli.audio.speech_input import SpeechInput
from voicecli.conversation.approval import answer_of
from voicecli.conversation.partial_decoder import PartialDecoder, PartialSchedule
from voicecli.conversation.respond import Engines
from voicecli.conversation.turn import Turn
from voicecli.errors import VoiceCliError
from voicecli.events import Clock, Publish, Volume
from voicecli.turns.barge_in import BargeIn, is_backchannel, is_interruption, is_stop_word, words_of
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Resume, SegmenterEvent
from voicecli.turns.self_echo import AHEAD_S, REASON, SelfEchoFilter
from voicecli.turns.speech_hint import PossibleSpeech, PossibleSpeechEnded
from voicecli.turns.stable_prefix import StablePrefix
from voicecli.types import SpeechSegment, Transcript

EAGER_S = 0.04
"""From one decode to the next. They have the machine to themselves: the answer is silent, the next not asked for."""

PATIENCE_S = 0.9
"""An answer that was silent for so long goes on, softly, if what was decoded by then is no reason to end it."""

ECHO_S = 0.3
"""What is voiced so long after the answer fell silent is no echo of it: Bluetooth loudspeakers delay by 0.25 s at most,
and a room adds a little. Words that all lie before it are believed when they are over, not sooner."""

LAST_WORDS_S = 1.0
"""Whoever says "yes" in the last second of an answer answers it."""

UNADDRESSED = "without the wake phrase"

Deliver = Callable[[SegmenterEvent], None]


@dataclass(frozen=True, slots=True)
class Devices:
    speech_input: SpeechInput
    speaker: Speaker


@dataclass(slots=True, eq=False)
class InterruptionCandidate:
    """An utterance over an answer."""

    answer: Turn
    started_at_s: float
    paused_at_s: float
    events: list[SegmenterEvent] = field(default_factory=list)  # of the utterance, from its onset on
    heard_until_s: float = 0.0  # last voiced sample of what was decoded
    rejected: bool = False  # by the words so far

    @property
    def may_be_echo(self) -> bool:
        """Nothing voiced has outlived the answer's silence yet."""
        return self.heard_until_s < self.paused_at_s + ECHO_S


class Overlap:
    """Stands between the ear and the conversation. All methods belong to the loop."""

    def __init__(
        self,
        devices: Devices,
        engines: Engines,
        rules: BargeIn,
        self_echo: SelfEchoFilter,
        clock: Clock,
        publish: Publish,
    ) -> None:
        self._speech_input, self._speaker = devices.speech_input, devices.speaker
        self._engines = engines
        self._rules = rules
        self._self_echo = self_echo
        self._clock = clock
        self._publish = publish
        eager = PartialSchedule(EAGER_S, math.inf, math.inf)
        self._partial_decoder = PartialDecoder(engines.stt, engines.stt_worker, eager, clock, careful=True)
        self._candidate: InterruptionCandidate | None = None
        self._judging: asyncio.Task[None] | None = None
        self._volume: Volume = "full"
        self._paused: Volume = "soft" if rules.phrase else "silent"  # others talk where a phrase is needed
        self.heard_before_s = 0.0
        """Seconds of the answer that had been heard when the last utterance over one began."""

    def open(self, tasks: asyncio.TaskGroup, deliver: Deliver) -> None:
        """Before the first `take`. `deliver` is given what is the conversation's."""
        self._tasks, self._deliver = tasks, deliver

    def handle(self, heard: SegmenterEvent | PossibleSpeech | PossibleSpeechEnded, answer: Turn | None) -> None:
        """What the ear hears next; `answer` is the one that may be talked over, None while there is none."""
        candidate = self._candidate
        match heard:
            case PossibleSpeech() | PossibleSpeechEnded():
                if answer is not None and candidate is None and self._rules.allowed:
                    self._set(answer, "soft" if isinstance(heard, PossibleSpeech) else "full")
            case Onset(goes_on=True) if candidate is None:
                self.heard_before_s = 0.0
                self._deliver(heard)
            case Onset() if candidate is None and answer is not None:
                self._begin(heard, answer)
            case _ if candidate is None:
                self._deliver(heard)
            case _:
                candidate.events.append(heard)
                self._go_on(candidate, heard)

    def answer_is_over(self) -> None:
        """Nothing is left that could be talked over: what is being said is for the conversation."""
        self._volume = "full"
        candidate = self._candidate
        if candidate is not None and not candidate.rejected:
            self._accept(candidate)

    def _begin(self, onset: Onset, answer: Turn) -> None:
        now_s = self._clock()
        self.heard_before_s = self._speaker.heard_s() - (now_s - onset.started_at_s)
        self._candidate = InterruptionCandidate(answer, onset.started_at_s, now_s, [onset])
        self._set(answer, self._paused)
        self._judge(self._listen(self._candidate))

    def _go_on(self, candidate: InterruptionCandidate, heard: SegmenterEvent) -> None:
        match heard:
            case EarlyPause(segment):
                self._partial_decoder.decode_early(segment)
            case Pause(segment):
                candidate.heard_until_s = segment.ended_at_s
                self._judge(self._decide(candidate, segment, self._speech_input.voiced_ms))
            case Resume():
                candidate.rejected = False
                candidate.paused_at_s = self._clock()
                self._set(candidate.answer, self._paused)
                self._judge(self._listen(candidate))
            case Endpoint() if candidate.rejected:
                self._candidate = None
            case Dropped():
                self._stop_judging()
                self._refuse(candidate, "", "too short")
                self._candidate = None
            case _:
                pass

    def _judge(self, work: Coroutine[None, None, None]) -> None:
        self._stop_judging()
        self._judging = self._tasks.create_task(work, name="overlap")

    def _stop_judging(self) -> None:
        if self._judging is not None:
            self._judging.cancel()
        self._judging = None

    async def _listen(self, candidate: InterruptionCandidate) -> None:
        """Decode what is being said until it is enough."""

        def so_far() -> SpeechSegment | None:
            segment = self._speech_input.so_far() if self._speech_input.voiced_ms >= self._rules.interrupt_ms else None
            candidate.heard_until_s = segment.ended_at_s if segment is not None else candidate.heard_until_s
            return segment

        def hear(words: StablePrefix) -> None:
            text = " ".join(words.words)
            if candidate.answer.approval is not None and answer_of(text):
                return  # it is known for sure when it is over
            wanted = is_interruption(text, sure=True) and self._rules.is_addressed(text)
            wanted = wanted and not self._is_own(candidate, text)
            sure = is_interruption(text, sure=bool(words.firm)) and (is_stop_word(text) or not candidate.may_be_echo)
            if wanted and (sure or self._rules.is_called(text)):
                self._accept(candidate)
            elif not wanted and self._clock() - candidate.paused_at_s > PATIENCE_S:
                self._set(candidate.answer, "soft")

        try:
            await self._partial_decoder.run(so_far, hear)
        except VoiceCliError:  # nothing can be judged: the conversation takes it, and says what is wrong
            self._accept(candidate)

    async def _decide(self, candidate: InterruptionCandidate, segment: SpeechSegment, voiced_ms: float) -> None:
        """The sound is over, for now at least: so its words are known."""
        try:
            transcript = await self._engines.stt_worker.run(self._engines.stt.transcribe, segment)
        except VoiceCliError:
            self._accept(candidate)
            return
        leave, answer = candidate.answer.approval, answer_of(transcript.text)
        if leave is not None and answer is not None:
            leave.answer(answer)
            self._refuse(candidate, transcript.text, f"the answer is {answer}")
        elif reason := self._objection(candidate, transcript, voiced_ms):
            self._refuse(candidate, transcript.text, reason)
        else:
            self._accept(candidate)

    def _objection(self, candidate: InterruptionCandidate, transcript: Transcript, voiced_ms: float) -> str:
        """Why these words do not end the answer; empty where they do."""
        text = transcript.text
        if not words_of(text):
            return transcript.reason or "no words"
        if self._is_own(candidate, text):
            return REASON
        if not self._rules.is_addressed(text):
            return UNADDRESSED
        if self._rules.phrase is not None:
            return ""
        if is_backchannel(text) and not self._in_last_words(candidate.answer):
            return "a listener's sound"
        if self._is_doubtful(candidate, text):
            return "one short word"
        return "too short" if voiced_ms < self._rules.interrupt_ms and not is_stop_word(text) else ""

    def _is_doubtful(self, candidate: InterruptionCandidate, text: str) -> bool:
        """Whether it is what a recogniser makes of a cough over an echo: a single word that is no order."""
        alone = not is_interruption(text, sure=False)
        return alone and self._self_echo.audible and candidate.may_be_echo and not self._in_last_words(candidate.answer)

    def _accept(self, candidate: InterruptionCandidate) -> None:
        self._candidate = None
        self._stop_judging()
        for heard in candidate.events:
            self._deliver(heard)
        self._volume = "full"

    def _refuse(self, candidate: InterruptionCandidate, text: str, reason: str) -> None:
        candidate.rejected = True
        text = "" if reason == UNADDRESSED else text  # said to somebody else: nobody is told
        self._publish(events.FalseInterruption(at_s=self._clock(), turn=candidate.answer.id, text=text, reason=reason))
        self._set(candidate.answer, "full")
        if isinstance(candidate.events[-1], Endpoint):
            self._candidate = None

    def _is_own(self, candidate: InterruptionCandidate, text: str) -> bool:
        """Whether the words may well be an echo of the answer."""
        spoken = candidate.answer.voiced(self._speaker.heard_s() + AHEAD_S)
        self._self_echo.note_spoken(spoken, self._clock())
        few = candidate.may_be_echo and self._self_echo.was_just_spoken(text)
        return few or self._self_echo.is_echo(text, candidate.started_at_s)

    def _in_last_words(self, answer: Turn) -> bool:
        return answer.chunker.exhausted and self._speaker.lead_s() < LAST_WORDS_S

    def _set(self, answer: Turn, volume: Volume) -> None:
        if volume != self._volume:
            self._volume = volume
            db = {"full": 0.0, "soft": -self._rules.duck_db, "silent": -math.inf}
            self._speaker.duck(db[volume])
            self._publish(events.Ducked(at_s=self._clock(), turn=answer.id, volume=volume))
