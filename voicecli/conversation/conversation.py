"""The data's way: ear -> transcribe -> history -> language model -> pieces -> synthesize -> speaker.

One loop owns all state; at most one turn is alive. A turn starts at the first short pause with the speaker held, so
that the wait for "is the user done?" costs nothing; the endpoint releases it, speech that goes on throws it away. To
interrupt is `speaker.flush()` and `task.cancel()`: there is no second way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from voicecli import events
from voicecli.conversation.announcements import Announcements
from voicecli.conversation.approval import answer_of
from voicecli.conversation.end_of_turn import Endpointing
from voicecli.conversation.history import History
from voicecli.conversation.options import ConversationOptions
from voicecli.conversation.overlap import Devices, Overlap
from voicecli.conversation.partial_decoder import PartialDecoder
from voicecli.conversation.partial_transcripts import PartialTranscripts
from voicecli.conversation.prefill import Prefill
from voicecli.conversation.respond import Engines, Responder
from voicecli.conversation.turn import StageError, Turn, first_failure
from voicecli.conversation.wake_gate import make_wake_gate
from voicecli.events import Clock, Event, Publish
from voicecli.speech_text.chunker import TextChunker
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Resume, SegmenterEvent
from voicecli.turns.self_echo import AHEAD_S, SelfEchoFilter
from voicecli.turns.speculation import Speculation
from voicecli.types import Approval, Message, SpeechSegment, TurnId

REOPEN_S = 1.0
"""Who speaks within this much of an answer goes on with the question: nobody has understood a sentence by then."""

AT_LIMIT = "You have spoken for {:g} s, the most that is taken at once (listen.max_utterance_s): answering that."


class Conversation:
    """Listens, answers, can be interrupted. All methods belong to the loop that runs `run`."""

    def __init__(
        self,
        devices: Devices,
        engines: Engines,
        history: History,
        rules: ConversationOptions,
        clock: Clock,
        publish: Publish,
    ) -> None:
        self._speech_input, self._speaker = devices.speech_input, devices.speaker
        self._engines = engines
        self._history = history
        self._rules = rules
        self._clock = clock
        self._tell = publish
        self._speculation = Speculation()
        self._wake_gate = make_wake_gate(engines, rules.wake, rules.partials, clock, publish)
        self._partial_decoder = PartialDecoder(self._wake_gate.engines.stt, engines.stt_worker, rules.partials, clock)
        self._prefill = Prefill(engines.llm, history)
        self._endpointing = Endpointing(
            engines.turn, engines.turn_worker, rules.endpoint, self._speech_input.wait_until, clock, publish
        )
        self._self_echo = SelfEchoFilter(audible=rules.echo)
        self._answering = Responder(
            self._wake_gate.engines, self._speaker, history, self._self_echo, clock, self._publish
        )
        self._overlap = Overlap(devices, engines, rules.barge_in, self._self_echo, clock, publish)
        self._announcements = Announcements(self._announce)
        self._minted = 0
        self._hearing = TurnId(0)  # the utterance under way or the last one
        self._turn: Turn | None = None
        self._drafts = PartialTranscripts(
            self._partial_decoder, self._prefill, clock, self._publish, ahead=rules.prefill
        )
        self._catching_up: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until the microphone ends and the last answer is over."""
        async with asyncio.TaskGroup() as self._tasks:
            self._wake_gate.open(self._tasks, self._take, self._speech_input.so_far)
            self._overlap.open(self._tasks, self._wake_gate.handle)
            self._announcements.open(True)
            async for heard in self._speech_input.events(self._needed_ms):
                self._overlap.handle(heard, self._answer)
            self._announcements.open(False)
            self._drafts.stop()
            self._wake_gate.close()

    def mute(self, muted: bool) -> None:
        """Stop or go on listening; the answer under way goes on."""
        self._speech_input.mute(muted)

    def hold_to_talk(self, held: bool) -> None:
        """Push-to-talk: listen from now on, or no more. Who presses the key has the word; nothing else is asked."""
        answer = self._answer
        if held and answer is not None:
            self._overlap.heard_before_s = self._speaker.heard_s()
            self.interrupt(reopen=self._goes_on())
        self._speech_input.hold(held, pre_roll=answer is None)

    def restart(self, said: Iterable[tuple[str, str, bool]] = ()) -> None:
        """All is forgotten; then `said` was: questions, as much of the answers as was heard, whether it was cut."""
        self.interrupt()
        self._history.forget()
        for question, heard, cut in said:
            self._history.add(question, heard, cut=cut)
        self._history.make_room()
        self._catch_up(self._history.messages())

    def set_system_prompt(self, system_prompt: str) -> None:
        """Another system prompt, from the next question on."""
        self._history.set_system_prompt(system_prompt)

    def ask(self, text: str) -> None:
        """Answer a typed question; whatever was being answered is interrupted. Yes and no may answer ours."""
        if (answer := answer_of(text)) and self.answer_approval(answer):
            return
        self.interrupt()
        turn = self._new_turn(self._mint(), question=text)
        self._publish(events.UserTyped(at_s=self._clock(), turn=turn.id, text=text))
        self._release(turn)

    def repeat(self, answer: str) -> None:
        """Say an earlier answer again, as a turn that is not remembered; not while anything is said or answered."""
        if self._turn is None and not self._drafts.is_running and self._engines.tts is not None:
            turn = self._new_turn(self._mint())
            turn.replayed = answer
            self._publish(events.AnswerReplayed(at_s=self._clock(), turn=turn.id, text=answer))
            self._release(turn)

    def answer_approval(self, answer: Approval) -> bool:
        """Whether the tool may be used that leave is asked for. False: for none."""
        leave = self._turn.approval if self._turn is not None else None
        if leave is not None:
            leave.answer(answer)
        return leave is not None

    def announce(self, text: str) -> None:
        """Say `text` as a turn of its own, as soon as nobody speaks and nothing is answered."""
        self._announcements.add(text)

    def interrupt(self, *, reopen: bool = False) -> None:
        """Silence the answer at once and remember what was heard of it; `reopen`: remember the question alone."""
        turn = self._turn
        if turn is None:
            return
        heard = turn.heard(self._speaker.heard_s()) if self._engines.tts else turn.written
        released = turn.released.is_set()
        if released:
            self._self_echo.note_spoken(turn.voiced(self._speaker.heard_s() + AHEAD_S), self._clock())
        self._discard(turn.id)
        if turn.question:
            kept, cut = heard if released and not reopen else "", not turn.is_whole(heard)
            self._history.add(turn.question, kept, cut=cut, calls=turn.calls_made(), reopened=reopen)
        elif turn.segment is not None:
            self._tasks.create_task(self._answering.salvage(turn))
        if released:
            self._publish(events.TurnInterrupted(at_s=self._clock(), turn=turn.id, spoken=heard, reopened=reopen))
            self._overlap.answer_is_over()

    @property
    def _answer(self) -> Turn | None:
        """The one that is being made or spoken."""
        return self._turn if self._turn is not None and self._turn.released.is_set() else None

    def _take(self, heard: SegmenterEvent) -> None:
        now_s, hearing = self._clock(), self._hearing
        match heard:
            case Onset(started_at_s):
                self.interrupt(reopen=self._goes_on())
                self._endpointing.on_speech_started(started_at_s)
                self._hearing = self._mint()
                self._publish(events.SpeechStarted(at_s=now_s, turn=self._hearing, started_at_s=started_at_s))
                self._drafts.start(self._hearing, self._speech_input.so_far, self._tasks)
            case EarlyPause(segment):
                self._partial_decoder.decode_early(segment)
            case Pause(segment):
                self._drafts.stop()
                self.interrupt()  # a question that was typed meanwhile
                ended_at_s, preparing = segment.ended_at_s, self._speculation.is_worthwhile(self._rules.wait_s)
                self._publish(events.SpeechPaused(at_s=now_s, turn=hearing, ended_at_s=ended_at_s, preparing=preparing))
                self._turn = self._new_turn(hearing, segment)
                self._endpointing.on_pause(hearing, segment, self._tasks)
                if preparing:
                    self._start(self._turn)
            case Resume(silence_ms):
                self._endpointing.on_resume(silence_ms)
                self._discard(hearing)
                self._publish(events.SpeechResumed(at_s=now_s, turn=hearing))
                self._drafts.start(self._hearing, self._speech_input.so_far, self._tasks)
            case Endpoint(ended_at_s, limit_s):
                self._endpointing.on_endpoint(ended_at_s)
                self._publish(events.SpeechEnded(at_s=now_s, turn=hearing, ended_at_s=ended_at_s))
                if limit_s:
                    self._publish(events.Notice(at_s=now_s, text=AT_LIMIT.format(limit_s)))
                if self._turn is not None and self._turn.id == hearing:
                    self._release(self._turn)
                else:
                    self._nothing(hearing, "something was typed instead")
            case Dropped(reason):  # pragma: no branch
                self._drafts.stop()
                self._endpointing.cancel()
                self._discard(hearing)
                self._nothing(hearing, reason)

    def _nothing(self, turn: TurnId, reason: str) -> None:
        """Who seemed to go on with a question and said nothing is answered after all, as if it were typed."""
        self._publish(events.NothingHeard(at_s=self._clock(), turn=turn, reason=reason))
        if self._turn is None and (question := self._history.withdraw_question()):
            self.ask(question)

    def _goes_on(self) -> bool:
        """Whether somebody who talks over the answer was not done with the question."""
        spoken = self._turn is not None and self._turn.segment is not None and not self._turn.rounds
        return spoken and self._overlap.heard_before_s < REOPEN_S

    def _announce(self, text: str) -> None:
        turn = self._new_turn(self._mint())
        turn.announcement = text
        self._publish(events.Announced(at_s=self._clock(), turn=turn.id, text=text))
        self._release(turn)

    def _new_turn(self, turn: TurnId, segment: SpeechSegment | None = None, question: str = "") -> Turn:
        return Turn(turn, segment, question, chunker=TextChunker(first_chunk_chars=self._rules.first_chunk_chars))

    def _mint(self) -> TurnId:
        self._minted += 1
        return TurnId(self._minted)

    def _needed_ms(self) -> float:
        return self._rules.barge_in.required_ms(answering=self._answer is not None)

    def _publish(self, event: Event) -> None:
        self._speculation = self._speculation.apply(event)
        self._tell(event)
        self._endpointing.observe(event)
        self._wake_gate.observe(event)
        self._announcements.observe(event)

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
                self._endpointing.on_no_words(turn.id)
            else:
                await self._answering.respond(turn, self._make_room)
        except Exception as error:  # one of two places that catch everything: a turn may fail, the program goes on
            failure = first_failure(error)
            await self._answering.speak_error(turn, failure)
            self._speaker.finish(turn.id)
        await turn.released.wait()
        self._make_room(turn)  # after a failure, or without a voice
        await self._speaker.drained()
        self._end(turn, failure, reason)

    def _end(self, turn: Turn, failure: StageError | None, reason: str) -> None:
        self._turn = None
        now_s, heard_s = self._clock(), self._speaker.heard_s()
        complete = failure is None or self._engines.tts is None
        spoken = turn.written if complete else turn.heard(heard_s)
        if turn.question:
            self._history.add(turn.question, spoken, calls=turn.calls_made())
        if turn.is_said_aloud:
            self._self_echo.note_spoken(turn.voiced(heard_s + AHEAD_S), now_s)
        self._overlap.answer_is_over()
        if failure is not None:
            message, hint = failure.message, failure.hint
            self._publish(events.TurnFailed(at_s=now_s, turn=turn.id, stage=failure.stage, message=message, hint=hint))
        elif turn.is_said_aloud:
            self._publish(events.TurnDone(at_s=now_s, turn=turn.id, spoken=spoken))
        else:
            self._nothing(turn.id, reason)

    def _make_room(self, turn: Turn) -> None:
        """Nobody waits for the language model while an answer sounds: what was said is read anew then, if need be."""
        exchange = self._history.exchange(turn.question, turn.written, turn.calls_made())
        if turn.question and self._history.make_room(exchange):
            self._catch_up([*self._history.messages(), *exchange])

    def _catch_up(self, said: Sequence[Message]) -> None:
        if self._rules.prefill:
            self._catching_up = self._tasks.create_task(self._prefill.catch_up(said))
