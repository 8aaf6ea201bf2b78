"""The user speaks over the answer: decide whether that interrupts it.

At the first possible sound of speech the answer gets softer. A little later it pauses where it is. If the words are
meant for the assistant, the whole utterance is passed on, from its onset; otherwise the answer resumes. An echo of the
answer cannot outlast the pause, so speech that continues in it is the user's.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from voicecli import events
from voicecli.conversation.approval import answer_of
from voicecli.conversation.partial_decoder import PartialDecoder, PartialSchedule
from voicecli.conversation.parts import Devices, Engines, Runtime, StartWork
from voicecli.conversation.turn import Turn
from voicecli.errors import VoiceCliError
from voicecli.events import Volume
from voicecli.turns.barge_in import BargeIn, is_backchannel, is_interruption, is_stop_word, is_too_fast
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Resume, SegmenterEvent
from voicecli.turns.self_echo import AHEAD_S, REASON, SelfEchoFilter
from voicecli.turns.speech_hint import PossibleSpeech, PossibleSpeechEnded
from voicecli.turns.stable_prefix import StablePrefix
from voicecli.turns.words import words_of
from voicecli.types import SpeechSegment, Transcript

EAGER_S = 0.04
"""Time between two decodes. They have the machine to themselves while the answer is paused."""

PATIENCE_S = 0.9
"""An answer that was paused for this long resumes, softly, unless the words so far are a reason to end it."""

ECHO_S = 0.3
"""Voice this long after the answer paused is not its echo: Bluetooth speakers add at most 0.25 s, and a room a little.
Words that all lie before it are believed only when they are complete."""

LAST_WORDS_S = 1.0
"""A "yes" in the last second of an answer is a reply to it, not a backchannel."""

UNADDRESSED = "without the wake phrase"


@dataclass(slots=True, eq=False)
class InterruptionCandidate:
    """An utterance over an answer, held back until it is clear whether it interrupts."""

    answer: Turn
    started_at_s: float
    paused_at_s: float
    events: list[SegmenterEvent] = field(default_factory=list)  # of the utterance, from its onset on
    heard_until_s: float = 0.0  # last voiced sample of what was decoded
    rejected: bool = False  # by the words so far

    @property
    def voiced_s(self) -> float:
        """Seconds from the first to the last voiced sample of what was decoded."""
        return self.heard_until_s - self.started_at_s

    @property
    def may_be_echo(self) -> bool:
        """Whether nothing voiced has outlasted the answer's pause yet."""
        return self.heard_until_s < self.paused_at_s + ECHO_S


class Overlap:
    """The stage between the microphone and the wake gate. All methods belong to the loop."""

    def __init__(
        self,
        devices: Devices,
        engines: Engines,
        barge_in: BargeIn,
        self_echo: SelfEchoFilter,
        runtime: Runtime,
        start_work: StartWork,
    ) -> None:
        self._speech_input, self._speaker = devices.speech_input, devices.speaker
        self._engines = engines
        self._barge_in = barge_in
        self._self_echo = self_echo
        self._runtime = runtime
        self._start_work = start_work
        eager = PartialSchedule(EAGER_S, math.inf, math.inf)
        self._decoder = PartialDecoder(engines.stt, engines.stt_worker, eager, runtime.clock, careful=True)
        self._answer: Turn | None = None
        self._candidate: InterruptionCandidate | None = None
        self._judging: asyncio.Task[None] | None = None
        self._volume: Volume = "full"
        self._passed: list[SegmenterEvent] = []

    def filter(
        self, heard: Iterable[SegmenterEvent | PossibleSpeech | PossibleSpeechEnded], answer: Turn | None
    ) -> list[SegmenterEvent]:
        """Return the events that are meant for the conversation, those included that were held back until now.

        `answer`: the turn that may be talked over, None while there is none. Once it is over there is nothing left to
        interrupt, so what was held back over it is passed on.
        """
        if answer is not self._answer:
            self._answer, self._volume = answer, "full"
            if self._candidate is not None and not self._candidate.rejected:
                self._stop_judging()
                self._accept(self._candidate)
        for event in heard:
            self._handle(event)
        passed, self._passed = self._passed, []
        return passed

    def _handle(self, heard: SegmenterEvent | PossibleSpeech | PossibleSpeechEnded) -> None:
        candidate, answer = self._candidate, self._answer
        match heard:
            case PossibleSpeech() | PossibleSpeechEnded():
                if answer is not None and candidate is None and self._barge_in.allowed:
                    self._set_volume(answer, "soft" if isinstance(heard, PossibleSpeech) else "full")
            case Onset(goes_on=False) if candidate is None and answer is not None:
                self._begin(heard, answer)
            case _ if candidate is None:
                self._passed.append(heard)
            case _:
                candidate.events.append(heard)
                self._continue(candidate, heard)

    def _begin(self, onset: Onset, answer: Turn) -> None:
        now_s = self._runtime.clock()
        heard_s = self._speaker.heard_s() - (now_s - onset.started_at_s)
        onset = replace(onset, answer_heard_s=heard_s)
        self._candidate = InterruptionCandidate(answer, onset.started_at_s, now_s, [onset])
        self._pause(self._candidate)

    def _pause(self, candidate: InterruptionCandidate) -> None:
        """Pause the answer, or lower it where a wake phrase tells others from the user, and judge the words."""
        self._set_volume(candidate.answer, "soft" if self._barge_in.phrase else "silent")
        self._judge(self._judge_partials(candidate))

    def _continue(self, candidate: InterruptionCandidate, heard: SegmenterEvent) -> None:
        match heard:
            case EarlyPause(segment):
                self._decoder.decode_early(segment)
            case Pause(segment):
                candidate.heard_until_s = segment.ended_at_s
                self._judge(self._judge_final(candidate, segment, self._speech_input.voiced_ms))
            case Resume():
                candidate.rejected = False
                candidate.paused_at_s = self._runtime.clock()
                if candidate.answer is self._answer:
                    self._pause(candidate)
                else:
                    self._accept(candidate)
            case Endpoint() if candidate.rejected:
                self._candidate = None
            case Dropped():
                self._stop_judging()
                self._reject(candidate, "", "too short")
                self._candidate = None
            case _:
                pass

    def _judge(self, work: Coroutine[Any, Any, None]) -> None:
        self._stop_judging()
        self._judging = self._start_work(work)

    def _stop_judging(self) -> None:
        if self._judging is not None:
            self._judging.cancel()
        self._judging = None

    async def _judge_partials(self, candidate: InterruptionCandidate) -> None:
        """Decode what is being said until it is clearly an interruption."""

        def so_far() -> SpeechSegment | None:
            enough = self._speech_input.voiced_ms >= self._barge_in.interrupt_ms
            segment = self._speech_input.so_far() if enough else None
            candidate.heard_until_s = segment.ended_at_s if segment is not None else candidate.heard_until_s
            return segment

        try:
            async with aclosing(self._decoder.partials(so_far)) as partials:
                async for words in partials:
                    if self._interrupts(candidate, words):
                        self._accept(candidate)
                        return
        except VoiceCliError:  # nothing can be judged: pass it on, so that the turn reports what is wrong
            self._accept(candidate)

    def _interrupts(self, candidate: InterruptionCandidate, words: StablePrefix) -> bool:
        """Return whether the words so far end the answer. If they do not for a while, the answer resumes softly."""
        text = " ".join(words.words)
        if candidate.answer.tools.approval is not None and answer_of(text):
            return False  # a yes or no is certain only when it is complete
        wanted = is_interruption(text, sure=True) and self._barge_in.is_addressed(text)
        wanted = wanted and not self._is_self_echo(candidate, text) and not is_too_fast(text, candidate.voiced_s)
        sure = is_interruption(text, sure=bool(words.firm)) and (is_stop_word(text) or not candidate.may_be_echo)
        if not wanted and self._runtime.clock() - candidate.paused_at_s > PATIENCE_S:
            self._set_volume(candidate.answer, "soft")
        return wanted and (sure or self._barge_in.is_called(text))

    async def _judge_final(self, candidate: InterruptionCandidate, segment: SpeechSegment, voiced_ms: float) -> None:
        """Decide by the words before a pause, which are final."""
        try:
            transcript = await self._engines.stt_worker.run(self._engines.stt.transcribe, segment)
        except VoiceCliError:
            self._accept(candidate)
            return
        approval, answer = candidate.answer.tools.approval, answer_of(transcript.text)
        if approval is not None and answer is not None:
            approval.answer(answer)
            self._reject(candidate, transcript.text, f"the answer is {answer}")
        elif reason := self._objection(candidate, transcript, voiced_ms):
            self._reject(candidate, transcript.text, reason)
        else:
            self._accept(candidate)

    def _objection(self, candidate: InterruptionCandidate, transcript: Transcript, voiced_ms: float) -> str:
        """Return why these words do not interrupt the answer; empty where they do."""
        text = transcript.text
        if not words_of(text):
            return transcript.reason or "no words"
        if self._is_self_echo(candidate, text):
            return REASON
        if not self._barge_in.is_addressed(text):
            return UNADDRESSED
        if self._barge_in.phrase is not None:
            return ""
        if is_backchannel(text) and not self._in_last_words(candidate.answer):
            return "backchannel"
        if self._is_doubtful(candidate, text):
            return "one short word"
        if is_too_fast(text, candidate.voiced_s):
            return "too fast for speech"
        return "too short" if voiced_ms < self._barge_in.interrupt_ms and not is_stop_word(text) else ""

    def _is_doubtful(self, candidate: InterruptionCandidate, text: str) -> bool:
        """Return whether it is a single word, as a recognizer makes of a cough over an echo."""
        alone = not is_interruption(text, sure=False)
        in_answer = not self._in_last_words(candidate.answer)
        return alone and in_answer and self._self_echo.audible and candidate.may_be_echo

    def _accept(self, candidate: InterruptionCandidate) -> None:
        self._candidate = self._judging = None
        self._passed += candidate.events
        self._volume = "full"

    def _reject(self, candidate: InterruptionCandidate, text: str, reason: str) -> None:
        candidate.rejected = True
        text = "" if reason == UNADDRESSED else text  # said to somebody else: it is not reported
        now_s, turn = self._runtime.clock(), candidate.answer.id
        self._runtime.publish(events.FalseInterruption(at_s=now_s, turn=turn, text=text, reason=reason))
        self._set_volume(candidate.answer, "full")
        if isinstance(candidate.events[-1], Endpoint):
            self._candidate = None

    def _is_self_echo(self, candidate: InterruptionCandidate, text: str) -> bool:
        """Return whether the words may be an echo of the answer."""
        spoken = candidate.answer.answer.voiced(self._speaker.heard_s() + AHEAD_S)
        self._self_echo.note_spoken(spoken, self._runtime.clock())
        few = candidate.may_be_echo and self._self_echo.was_just_spoken(text)
        return few or self._self_echo.is_echo(text, candidate.started_at_s)

    def _in_last_words(self, turn: Turn) -> bool:
        return turn.answer.is_exhausted and self._speaker.lead_s() < LAST_WORDS_S

    def _set_volume(self, turn: Turn, volume: Volume) -> None:
        if volume != self._volume:
            self._volume = volume
            self._speaker.duck({"full": 0.0, "soft": -self._barge_in.duck_db, "silent": -math.inf}[volume])
            self._runtime.publish(events.Ducked(at_s=self._runtime.clock(), turn=turn.id, volume=volume))
