"""The data's way: ear -> transcribe -> history -> language model -> pieces -> synthesize -> speaker.

One loop owns all state; at most one turn is alive. A turn starts at the first short pause with the speaker held, so
that the wait for "is the user done?" costs nothing; the endpoint releases it, speech that goes on throws it away. To
interrupt is `speaker.flush()` and `task.cancel()`: there is no second way.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from voicecli import events
from voicecli.audio.endpoint import Bounds
from voicecli.audio.segmenter import Dropped, Endpoint, Heard, Lull, Onset, Pause, Resume
from voicecli.conversation.answering import Answering, Engines
from voicecli.conversation.barge_in import BargeIn
from voicecli.conversation.drafting import Cadence, Drafter
from voicecli.conversation.endpointing import Endpointing
from voicecli.conversation.history import History
from voicecli.conversation.overlap import Devices, Overlap
from voicecli.conversation.partials import Hypotheses
from voicecli.conversation.prefill import Prefill
from voicecli.conversation.reciting import recite
from voicecli.conversation.self_echo import AHEAD_S, OwnVoice
from voicecli.conversation.sentences import PieceBuffer
from voicecli.conversation.speculation import Speculation
from voicecli.conversation.turn import StageError, Turn, first_failure
from voicecli.errors import VoiceCliError
from voicecli.events import Clock, Event, Publish
from voicecli.types import SpeechSegment, TurnId

REOPEN_S = 1.0
"""Who speaks within this much of an answer goes on with the question: nobody has understood a sentence by then."""

AT_LIMIT = "You have spoken for {:g} s, the most that is taken at once (listen.max_utterance_s): answering that."


@dataclass(frozen=True, slots=True)
class Rules:
    barge_in: BargeIn
    drafts: Cadence
    endpoint: Bounds | None  # None: the segmenter's own silence is the end
    wait_s: float  # from a pause to the soonest endpoint
    prefill: bool  # send the question ahead while it is being asked
    echo: bool  # the microphone may hear the speaker
    first_piece_chars: int  # a longer first clause may be cut before a phrase


class Conversation:
    """Listens, answers, can be interrupted. All methods belong to the loop that runs `run`."""

    def __init__(
        self, devices: Devices, engines: Engines, history: History, rules: Rules, clock: Clock, publish: Publish
    ) -> None:
        self._ear, self._speaker = devices.ear, devices.speaker
        self._engines = engines
        self._history = history
        self._rules = rules
        self._clock = clock
        self._tell = publish
        self._speculation = Speculation()
        self._drafter = Drafter(engines.stt, engines.stt_worker, rules.drafts, clock)
        self._prefill = Prefill(engines.llm, history)
        self._endpointing = Endpointing(
            engines.turn, engines.turn_worker, rules.endpoint, self._ear.wait_until, clock, publish
        )
        self._own_voice = OwnVoice(audible=rules.echo)
        self._answering = Answering(engines, devices.speaker, history, self._own_voice, clock, self._publish)
        self._overlap = Overlap(devices, engines, rules.barge_in, self._own_voice, clock, publish)
        self._minted = 0
        self._hearing = TurnId(0)  # the utterance under way or the last one
        self._turn: Turn | None = None
        self._drafting: asyncio.Task[None] | None = None
        self._catching_up: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until the microphone ends and the last answer is over."""
        async with asyncio.TaskGroup() as self._tasks:
            self._overlap.open(self._tasks, self._take)
            async for heard in self._ear.hear(self._needed_ms):
                self._overlap.take(heard, self._answer)
            self._stop_drafting()

    def mute(self, muted: bool) -> None:
        """Stop or go on listening; the answer under way goes on."""
        self._ear.mute(muted)

    def forget(self) -> None:
        """Begin anew: neither questions nor answers are remembered."""
        self.interrupt()
        self._history.forget()

    def instruct(self, system_prompt: str) -> None:
        """Another system prompt, from the next question on."""
        self._history.instruct(system_prompt)

    def ask(self, text: str) -> None:
        """Answer a typed question; whatever was being answered is interrupted."""
        self.interrupt()
        turn = self._new_turn(self._mint(), question=text)
        self._publish(events.UserTyped(at_s=self._clock(), turn=turn.id, text=text))
        self._release(turn)

    def repeat(self, answer: str) -> None:
        """Say an earlier answer again, as a turn that is not remembered; not while anything is said or answered."""
        if self._turn is None and self._drafting is None and self._engines.tts is not None:
            turn = self._new_turn(self._mint())
            recite(turn, answer)
            self._publish(events.Repeated(at_s=self._clock(), turn=turn.id, text=answer))
            self._release(turn)

    def interrupt(self, *, reopen: bool = False) -> None:
        """Silence the answer at once and remember what was heard of it; `reopen`: remember the question alone."""
        turn = self._turn
        if turn is None:
            return
        heard = turn.heard(self._speaker.heard_s()) if self._engines.tts else turn.written
        released = turn.released.is_set()
        if released:
            self._own_voice.spoke(turn.heard(self._speaker.heard_s() + AHEAD_S), self._clock())
        self._discard(turn.id)
        if turn.question:
            self._history.add(turn.question, heard if released and not reopen else "", cut=not turn.is_whole(heard))
        elif not turn.repeats:
            self._tasks.create_task(self._salvage(turn))
        if released:
            self._publish(events.TurnInterrupted(at_s=self._clock(), turn=turn.id, spoken=heard, reopened=reopen))
            self._overlap.answer_is_over()

    @property
    def _answer(self) -> Turn | None:
        """The one that is being made or spoken."""
        return self._turn if self._turn is not None and self._turn.released.is_set() else None

    def _take(self, heard: Heard) -> None:
        now_s, hearing = self._clock(), self._hearing
        match heard:
            case Onset(started_at_s):
                self.interrupt(reopen=self._goes_on())
                self._endpointing.begins(started_at_s)
                self._hearing = self._mint()
                self._publish(events.SpeechStarted(at_s=now_s, turn=self._hearing, started_at_s=started_at_s))
                self._start_drafting()
            case Lull(segment):
                self._drafter.lull(segment)
            case Pause(segment):
                self._stop_drafting()
                self.interrupt()  # a question that was typed meanwhile
                preparing = self._speculation.worthwhile(self._rules.wait_s)
                self._publish(
                    events.SpeechPaused(at_s=now_s, turn=hearing, ended_at_s=segment.ended_at_s, preparing=preparing)
                )
                self._turn = self._new_turn(hearing, segment)
                self._endpointing.pauses(hearing, segment, self._tasks)
                if preparing:
                    self._start(self._turn)
            case Resume(silence_ms):
                self._endpointing.resumes(silence_ms)
                self._discard(hearing)
                self._publish(events.SpeechResumed(at_s=now_s, turn=hearing))
                self._start_drafting()
            case Endpoint(ended_at_s, limit_s):
                self._endpointing.ends(ended_at_s)
                self._publish(events.SpeechEnded(at_s=now_s, turn=hearing, ended_at_s=ended_at_s))
                self._tell_limit(limit_s)
                if self._turn is not None and self._turn.id == hearing:
                    self._release(self._turn)
                else:
                    self._publish(events.NothingHeard(at_s=now_s, turn=hearing, reason="something was typed instead"))
            case Dropped():  # pragma: no branch
                self._stop_drafting()
                self._endpointing.over()
                self._discard(hearing)
                self._publish(events.NothingHeard(at_s=now_s, turn=hearing, reason="too short"))

    def _tell_limit(self, limit_s: float) -> None:
        if limit_s:
            self._publish(events.Notice(at_s=self._clock(), text=AT_LIMIT.format(limit_s)))

    def _goes_on(self) -> bool:
        """Whether somebody who talks over the answer was not done with the question."""
        spoken = self._turn is not None and self._turn.segment is not None
        return spoken and self._overlap.heard_before_s < REOPEN_S

    def _new_turn(self, turn: TurnId, segment: SpeechSegment | None = None, question: str = "") -> Turn:
        pieces = PieceBuffer(first_piece_chars=self._rules.first_piece_chars)
        return Turn(turn, segment, question, pieces=pieces)

    def _mint(self) -> TurnId:
        self._minted += 1
        return TurnId(self._minted)

    def _needed_ms(self) -> float:
        return self._rules.barge_in.needed_ms(answering=self._answer is not None)

    def _publish(self, event: Event) -> None:
        self._speculation = self._speculation.apply(event)
        self._tell(event)
        self._endpointing.see(event)

    def _start(self, turn: Turn) -> None:
        if self._catching_up is not None:
            self._catching_up.cancel()
        self._speaker.begin(turn.id, held=True)
        self._turn = turn
        turn.task = self._tasks.create_task(self._live(turn), name=f"turn {turn.id}")

    def _release(self, turn: Turn) -> None:
        if turn.task is None:
            self._start(turn)
        turn.released.set()
        self._speaker.release(turn.id)

    def _discard(self, owner: TurnId) -> None:
        turn = self._turn
        if turn is not None and turn.id == owner:
            self._turn = None
            self._speaker.flush()
            if turn.task is not None:
                turn.task.cancel()

    async def _live(self, turn: Turn) -> None:
        failure: StageError | None = None
        reason = ""
        try:
            if turn.segment is not None:
                reason = await self._answering.understand(turn)
            if not turn.is_said_aloud:
                self._endpointing.wordless(turn.id)
            else:
                await self._answering.respond(turn)
        except Exception as error:  # one of two places that catch everything: a turn may fail, the program goes on
            failure = first_failure(error)
            await self._answering.apologise(turn, failure)
            self._speaker.finish(turn.id)
        await turn.released.wait()
        await self._speaker.drained()
        self._end(turn, failure, reason)

    def _end(self, turn: Turn, failure: StageError | None, reason: str) -> None:
        self._turn = None
        now_s = self._clock()
        if turn.is_said_aloud:
            complete = failure is None or self._engines.tts is None
            spoken = turn.written if complete else turn.heard(self._speaker.heard_s())
            if turn.question:
                self._remember(turn.question, spoken)
            self._own_voice.spoke(f"{turn.heard(self._speaker.heard_s() + AHEAD_S)} {turn.aside}".strip(), now_s)
        if failure is not None:
            message, hint = failure.message, failure.hint
            self._publish(events.TurnFailed(at_s=now_s, turn=turn.id, stage=failure.stage, message=message, hint=hint))
        elif turn.is_said_aloud:
            self._publish(events.TurnDone(at_s=now_s, turn=turn.id, spoken=spoken))
        else:
            self._publish(events.NothingHeard(at_s=now_s, turn=turn.id, reason=reason))
        self._overlap.answer_is_over()

    def _remember(self, question: str, spoken: str) -> None:
        self._history.add(question, spoken)
        if self._history.make_room() and self._rules.prefill:
            self._catching_up = self._tasks.create_task(self._prefill.catch_up())

    def _start_drafting(self) -> None:
        self._drafting = self._tasks.create_task(self._draft(self._hearing))

    def _stop_drafting(self) -> None:
        if self._drafting is not None:
            self._drafting.cancel()
            self._drafting = None

    async def _draft(self, turn: TurnId) -> None:
        def tell(words: Hypotheses) -> None:
            if not words.words:
                return
            stable, unstable = words.stable, words.unstable
            self._publish(events.PartialHeard(at_s=self._clock(), turn=turn, stable=stable, unstable=unstable))
            if self._rules.prefill:
                self._prefill.offer(stable)

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._prefill.run())
                await self._drafter.run(self._ear.so_far, tell)
        except* VoiceCliError as group:  # the final transcript will fail too, and then the turn says so
            message = first_failure(group).message
            self._publish(events.Notice(at_s=self._clock(), text=f"No words while you speak: {message}"))

    async def _salvage(self, turn: Turn) -> None:
        """The user went on before the words were known: they are part of the next question."""
        try:
            await self._answering.understand(turn)
        except StageError as error:
            self._publish(events.Notice(at_s=self._clock(), text=f"An utterance was lost: {error.message}"))
        if turn.question:
            self._history.add(turn.question, "")
