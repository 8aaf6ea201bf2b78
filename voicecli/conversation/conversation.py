"""The data flow: speech input -> overlap -> wake gate -> turn -> speaker.

One loop owns all state, and at most one turn is alive. A turn starts at the first short pause with the speaker held, so
that waiting for the end of the user's turn costs nothing. The endpoint releases it; speech that resumes discards it. To
interrupt is `speaker.flush()` and `task.cancel()`: there is no second way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from voicecli import events
from voicecli.conversation.announcements import Announcements
from voicecli.conversation.answer import AnswerStream
from voicecli.conversation.answer_guard import AnswerGuard
from voicecli.conversation.approval import answer_of
from voicecli.conversation.history import History
from voicecli.conversation.overlap import Overlap
from voicecli.conversation.parts import ConversationOptions, Devices, Engines, Runtime
from voicecli.conversation.prefill import Prefill
from voicecli.conversation.respond import Responder
from voicecli.conversation.turn import StageError, Turn, UserInput, first_failure
from voicecli.conversation.utterance import Utterance
from voicecli.conversation.wake_gate import make_wake_gate
from voicecli.events import Clock, Event, Publish
from voicecli.turns.segmenter import Dropped, EarlyPause, Endpoint, Onset, Pause, Resume, SegmenterEvent
from voicecli.turns.self_echo import SelfEchoFilter
from voicecli.turns.speech_hint import PossibleSpeech, PossibleSpeechEnded
from voicecli.types import Approval, TurnId

REOPEN_S = 1.0
"""If the user speaks within the first second of playback, treat it as a continuation of the same question: nobody has
understood a sentence by then."""

AT_LIMIT = "You have spoken for {:g} s, the longest utterance (listen.max_utterance_s). Answering what you said so far."


class Conversation:
    """Listens, answers, can be interrupted. All methods belong to the loop that runs `run`."""

    def __init__(
        self,
        devices: Devices,
        engines: Engines,
        history: History,
        options: ConversationOptions,
        clock: Clock,
        publish: Publish,
    ) -> None:
        self._devices = devices
        self._history = history
        self._options = options
        self._runtime = runtime = Runtime(clock, publish)
        self_echo = SelfEchoFilter(audible=options.echo)
        prefill = Prefill(engines.llm, history, enabled=options.prefill)
        self._overlap = Overlap(devices, engines, options.barge_in, self_echo, runtime, self._start_work)
        self._wake_gate, addressed = make_wake_gate(devices, engines, options, runtime, self._start_work)
        self._utterance = Utterance(devices, addressed, options, prefill, runtime)
        self._responder = Responder(addressed, devices.speaker, history, self_echo, prefill, runtime)
        self._announcements = Announcements(self._announce)
        self._turn: Turn | None = None
        runtime.observers += [self._utterance.observe, self._wake_gate.observe, self._announcements.observe]

    async def run(self) -> None:
        """Listen until the microphone ends and the last answer is over."""
        async with self._runtime.tasks:
            self._announcements.open(True)
            async for heard in self._devices.speech_input.events(self._required_ms):
                self._advance(heard)
            self._announcements.open(False)
            self._utterance.stop_decoding()
            self._wake_gate.close()

    def _advance(self, *heard: SegmenterEvent | PossibleSpeech | PossibleSpeechEnded) -> None:
        """Pass what was heard through the stages, and handle what they let through.

        Called without events when a stage has decided something, or when an answer is over.
        """
        answer = self._answer
        for event in self._wake_gate.filter(self._overlap.filter(heard, answer)):
            self._handle(event)
        if self._answer is not answer:
            self._advance()

    def _handle(self, event: SegmenterEvent) -> None:
        utterance = self._utterance
        match event:
            case Onset(answer_heard_s=heard_s):
                self._stop_turn(reopen=self._is_continuation(heard_s))
                utterance.on_onset(event)
            case EarlyPause(segment):
                utterance.on_early_pause(segment)
            case Pause(segment):
                utterance.stop_decoding()
                self._stop_turn()  # a question that was typed meanwhile
                preparing = utterance.on_pause(segment)
                self._turn = self._new_turn(utterance.id, UserInput(segment))
                if preparing:
                    self._start(self._turn)
            case Resume():
                self._discard(utterance.id)
                utterance.on_resume(event)
            case Endpoint(limit_s=limit_s):
                utterance.on_endpoint(event)
                if limit_s:
                    self._publish(events.Notice(at_s=self._runtime.clock(), text=AT_LIMIT.format(limit_s)))
                if self._turn is not None and self._turn.id == utterance.id:
                    self._release(self._turn)
                else:
                    self._report_nothing_heard(utterance.id, "something was typed instead")
            case Dropped(reason):  # pragma: no branch
                utterance.on_dropped()
                self._discard(utterance.id)
                self._report_nothing_heard(utterance.id, reason)

    async def _run_turn(self, turn: Turn) -> None:
        """Transcribe, answer, and wait until all of it was heard."""
        failure: StageError | None = None
        reason = ""
        try:
            reason = await self._responder.transcribe(turn)
            if turn.has_something_to_say:
                await self._responder.respond(turn)
            else:
                self._utterance.on_no_words(turn.id)
        except Exception as error:  # one of two places that catch everything: a turn may fail, the program goes on
            failure = first_failure(error)
            await self._responder.speak_error(turn, failure)
        await self._responder.finish(turn)
        self._end(turn, failure, reason)

    def _end(self, turn: Turn, failure: StageError | None, reason: str) -> None:
        spoken = turn.answer.written if failure is None else self._responder.heard(turn)
        if turn.user.text:
            self._history.add(turn.user.text, turn.good_part(spoken), calls=turn.tools.messages())
        if turn.has_something_to_say:
            self._responder.note_spoken(turn)
        self._turn = None
        self._advance()
        now_s = self._runtime.clock()
        if failure is not None:
            message, hint = failure.message, failure.hint
            self._publish(events.TurnFailed(at_s=now_s, turn=turn.id, stage=failure.stage, message=message, hint=hint))
        elif turn.has_something_to_say:
            self._publish(events.TurnDone(at_s=now_s, turn=turn.id, spoken=spoken))
        else:
            self._report_nothing_heard(turn.id, reason)

    def mute(self, muted: bool) -> None:
        """Stop or resume listening. The answer under way goes on."""
        self._devices.speech_input.mute(muted)

    def hold_to_talk(self, held: bool) -> None:
        """Push-to-talk: listen while the key is held. Pressing it interrupts the answer at once."""
        over_answer = self._answer is not None
        if held and over_answer:
            self._stop_turn(reopen=self._is_continuation(self._devices.speaker.heard_s()))
            self._advance()
        self._devices.speech_input.hold(held, pre_roll=not over_answer)

    def restart(self, said: Iterable[tuple[str, str, bool]] = ()) -> None:
        """Forget everything, then remember `said`: questions, what was heard of each answer, whether it was cut."""
        self.interrupt()
        self._history.forget()
        for question, heard, cut in said:
            self._history.add(question, heard, cut=cut)
        self._history.make_room()
        self._responder.read_history()

    def set_system_prompt(self, system_prompt: str) -> None:
        """Use another system prompt from the next question on."""
        self._history.set_system_prompt(system_prompt)

    def ask(self, text: str) -> None:
        """Answer a typed question and interrupt what was being answered. A yes or no may answer a tool's question."""
        if (answer := answer_of(text)) and self.answer_approval(answer):
            return
        self.interrupt()
        self._ask(text)

    def repeat(self, answer: str) -> None:
        """Say an earlier answer again, without remembering it. Do nothing while anything is said or answered."""
        if self._turn is None and not self._utterance.is_being_said and self._responder.has_voice:
            turn = self._new_turn(script=answer)
            self._publish(events.AnswerReplayed(at_s=self._runtime.clock(), turn=turn.id, text=answer))
            self._release(turn)

    def answer_approval(self, answer: Approval) -> bool:
        """Answer a tool's question for approval. Return False where there is none."""
        approval = self._turn.tools.approval if self._turn is not None else None
        if approval is not None:
            approval.answer(answer)
        return approval is not None

    def announce(self, text: str) -> None:
        """Say `text` as a turn of its own, as soon as nobody speaks and nothing is answered."""
        self._announcements.add(text)

    def interrupt(self) -> None:
        """Silence the answer at once. What was heard of it is remembered."""
        self._stop_turn()
        self._advance()

    @property
    def _answer(self) -> Turn | None:
        """The turn whose answer may sound."""
        return self._turn if self._turn is not None and self._turn.is_released else None

    def _required_ms(self) -> float:
        """Return the voiced time that makes an utterance just now, in milliseconds."""
        return self._options.barge_in.required_ms(answering=self._answer is not None)

    def _is_continuation(self, heard_s: float) -> bool:
        """Return whether the user continues the question: after `heard_s` seconds of its answer they speak again."""
        turn = self._turn
        return turn is not None and turn.user.segment is not None and not turn.tools.made and heard_s < REOPEN_S

    def _stop_turn(self, *, reopen: bool = False) -> None:
        """Silence and discard the turn, and remember what was heard of it. `reopen`: remember the question only."""
        turn = self._turn
        if turn is None:
            return
        heard = self._responder.heard(turn)
        if turn.is_released:
            self._responder.note_spoken(turn)
        self._discard(turn.id)
        if turn.user.text:
            kept, cut = (
                turn.good_part(heard) if turn.is_released and not reopen else "",
                not turn.answer.is_whole(heard),
            )
            self._history.add(turn.user.text, kept, cut=cut, calls=turn.tools.messages(), reopened=reopen)
        elif turn.user.segment is not None:
            self._runtime.tasks.create_task(self._responder.salvage(turn))
        if turn.is_released:
            now_s = self._runtime.clock()
            self._publish(events.TurnInterrupted(at_s=now_s, turn=turn.id, spoken=heard, reopened=reopen))

    def _report_nothing_heard(self, turn: TurnId, reason: str) -> None:
        """Report an utterance without words. A question that it seemed to continue is answered after all."""
        self._publish(events.NothingHeard(at_s=self._runtime.clock(), turn=turn, reason=reason))
        if self._turn is None and (question := self._history.withdraw_question()):
            self._ask(question)

    def _ask(self, text: str) -> None:
        turn = self._new_turn(user=UserInput(text=text))
        self._publish(events.UserTyped(at_s=self._runtime.clock(), turn=turn.id, text=text))
        self._release(turn)

    def _announce(self, text: str) -> None:
        turn = self._new_turn(script=text)
        turn.is_announcement = True
        self._publish(events.Announced(at_s=self._runtime.clock(), turn=turn.id, text=text))
        self._release(turn)

    def _new_turn(self, id: TurnId | None = None, user: UserInput | None = None, script: str = "") -> Turn:
        id = id or self._runtime.new_turn_id()
        answer = AnswerStream(id, first_chunk_chars=self._options.first_chunk_chars)
        return Turn(id, answer, AnswerGuard(self._options.most_answer_tokens), user or UserInput(), script)

    def _start(self, turn: Turn) -> None:
        self._devices.speaker.begin(turn.id, held=True)
        self._turn = turn
        turn.task = self._runtime.tasks.create_task(self._run_turn(turn), name=f"turn {turn.id}")

    def _release(self, turn: Turn) -> None:
        if turn.task is None:
            self._start(turn)
        turn.released.set()
        self._devices.speaker.release(turn.id)

    def _discard(self, owner: TurnId) -> None:
        turn = self._turn
        if turn is not None and turn.id == owner:
            self._turn = None
            self._devices.speaker.flush()
            if turn.task is not None:
                turn.task.cancel()

    def _start_work(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work of a stage, then handle what it decided."""

        async def run() -> None:
            await work
            self._advance()

        return self._runtime.tasks.create_task(run(), name="stage")

    def _publish(self, event: Event) -> None:
        self._runtime.publish(event)
