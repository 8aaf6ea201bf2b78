"""The work of a turn: transcribe -> history -> language model -> text chunks -> synthesize -> speaker."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from voicecli import events
from voicecli.audio.device import Speaker
from voicecli.audio.sounds import RING_HZ, ring
from voicecli.conversation.error_speech import spoken_error
from voicecli.conversation.history import History, heard_source_end
from voicecli.conversation.parts import Engines, Runtime
from voicecli.conversation.prefill import Prefill
from voicecli.conversation.speaking import Speaking
from voicecli.conversation.tool_calls import ToolCaller
from voicecli.conversation.turn import StageError, Turn, stage
from voicecli.errors import ContextFull
from voicecli.turns.self_echo import AHEAD_S, REASON, SelfEchoFilter
from voicecli.types import PlaybackChunk

PROGRESS_S = 0.1
"""Time between two reports of how far the voice has come."""

ANNOUNCEMENT_LANGUAGE = "en"
"""Announcements are written in English, so an English voice says them, whatever the conversation's language."""


class Responder:
    """The work of one turn. It keeps nothing of a turn, so cancelling the turn's task leaves nothing behind."""

    def __init__(
        self,
        engines: Engines,
        speaker: Speaker,
        history: History,
        self_echo: SelfEchoFilter,
        prefill: Prefill,
        runtime: Runtime,
    ) -> None:
        self._engines = engines
        self._speaker = speaker
        self._history = history
        self._self_echo = self_echo
        self._prefill = prefill
        self._runtime = runtime
        clock, publish = runtime.clock, runtime.publish
        self._tool_caller = ToolCaller(engines.llm, engines.tools, clock, publish)
        tts = engines.tts
        self._speaking = Speaking(tts, engines.tts_worker, speaker, clock, publish) if tts is not None else None

    @property
    def has_voice(self) -> bool:
        """Whether answers are spoken."""
        return self._speaking is not None

    def heard(self, turn: Turn) -> str:
        """Return how much of the answer the user has heard by now; or read, without a voice."""
        return turn.answer.heard(self._speaker.heard_s()) if self.has_voice else turn.answer.written

    def note_spoken(self, turn: Turn) -> None:
        """Remember what was said aloud, so that its echo is recognized."""
        self._self_echo.note_spoken(turn.answer.voiced(self._speaker.heard_s() + AHEAD_S), self._runtime.clock())

    async def transcribe(self, turn: Turn) -> str:
        """Fill in what the user said. Return why there are no words, where there are none. Raise StageError."""
        self._prefill.stop_catching_up()
        user = turn.user
        if user.segment is None:
            return ""
        with stage("stt"):
            transcript = await self._engines.stt_worker.run(self._engines.stt.transcribe, user.segment)
        if self._self_echo.is_echo(transcript.text, user.segment.started_at_s):
            return REASON
        user.text, user.language = transcript.text, transcript.language
        if transcript.text:
            self._runtime.publish(
                events.Transcribed(
                    at_s=self._runtime.clock(),
                    turn=turn.id,
                    text=transcript.text,
                    language=transcript.language,
                    audio_s=transcript.audio_s,
                    language_probability=transcript.language_probability,
                )
            )
        return transcript.reason

    async def respond(self, turn: Turn) -> None:
        """Write the answer and queue its sound. Return when all of it was computed. Raise StageError."""
        policy = self._engines.language_policy
        language = turn.user.language or policy.detect_from_text(turn.user.text)
        turn.answer.set_language(policy.begin(ANNOUNCEMENT_LANGUAGE if turn.is_announcement else language))
        async with asyncio.TaskGroup() as tasks:
            if turn.script:
                self._read_out(turn)
            else:
                tasks.create_task(self._adopt_language(turn))
                tasks.create_task(self._think(turn))
            if self._speaking is not None:
                progress = tasks.create_task(self._report_progress(turn))
                await self._speaking.speak(turn.answer, lambda: turn.tools.is_calling)
                await turn.released.wait()
                self.make_room(turn)
                await self._speaker.drained()
                progress.cancel()

    async def finish(self, turn: Turn) -> None:
        """Wait until the turn is released and all of its sound was heard."""
        await turn.released.wait()
        self.make_room(turn)  # after a failure, or without a voice
        await self._speaker.drained()

    async def speak_error(self, turn: Turn, failure: StageError) -> None:
        """Say in a sentence that the answer ends here. Where the voice fails too, only the screen shows it."""
        answer = turn.answer
        sentence = spoken_error(failure, begun=bool(answer.chunks), phrases=answer.language.phrases)
        if sentence and self._speaking is not None:
            with suppress(StageError):
                await self._speaking.say(answer, sentence)
        self._speaker.finish(turn.id)

    async def salvage(self, turn: Turn) -> None:
        """Transcribe what the user interrupted by going on: its words become part of the next question."""
        try:
            await self.transcribe(turn)
        except StageError as error:
            text = f"An utterance was lost: {error.message}"
            self._runtime.publish(events.Notice(at_s=self._runtime.clock(), text=text))
        if turn.user.text:
            self._history.add(turn.user.text, "")

    def make_room(self, turn: Turn) -> None:
        """Shorten a history that is nearly full, while an answer sounds and nobody waits for the language model."""
        exchange = self._history.exchange(turn.user.text, turn.answer.written, turn.tools.messages())
        if turn.user.text and self._history.make_room(exchange):
            self._prefill.catch_up([*self._history.messages(), *exchange], self._runtime.tasks)

    def read_history(self) -> None:
        """Have the language model read the history, so that the next question waits only for itself."""
        self._prefill.catch_up(self._history.messages(), self._runtime.tasks)

    async def _adopt_language(self, turn: Turn) -> None:
        """Switch the conversation's language once the turn is released. A turn that is discarded changes nothing."""
        await turn.released.wait()
        if notice := self._engines.language_policy.adopt(turn.answer.language.language):
            self._runtime.publish(events.Notice(at_s=self._runtime.clock(), text=notice))

    def _ring(self, turn: Turn) -> None:
        turn.answer.chunks.append(PlaybackChunk(turn.id, ring(), RING_HZ, 0))
        self._speaker.play(turn.answer.chunks[0])
        self._speaker.finish(turn.id)

    def _read_out(self, turn: Turn) -> None:
        """Answer with the turn's script, without the language model."""
        if turn.is_announcement:
            self._ring(turn)
        if not turn.answer.language.is_spoken:
            turn.answer.say_that_it_is_written()
        turn.answer.write(turn.script)
        turn.answer.close()

    async def _think(self, turn: Turn) -> None:
        with stage("llm"):
            try:
                await self._write(turn)
            except ContextFull:
                if turn.answer.written or turn.tools.made or not self._history.halve():
                    raise
                await self._write(turn)

    async def _write(self, turn: Turn) -> None:
        answer = turn.answer
        self._history.add_to_prompt(answer.language.instruction)
        if not (answer.language.is_spoken or answer.side_speech):
            answer.say_that_it_is_written()
        async with aclosing(self._tool_caller.reply(turn, self._history.prompt(turn.user.text))) as tokens:
            async for token in tokens:
                self._add(turn, turn.guard.push(token))
                if turn.guard.ending:
                    break
        if rest := turn.guard.close():
            self._add(turn, rest)
        if reason := turn.guard.ending:
            self._runtime.publish(events.AnswerCut(at_s=self._runtime.clock(), turn=turn.id, reason=reason))
        answer.close()

    def _add(self, turn: Turn, text: str) -> None:
        turn.answer.write(text)
        self._runtime.publish(events.TokenArrived(at_s=self._runtime.clock(), turn=turn.id, text=text))

    async def _report_progress(self, turn: Turn) -> None:
        reported = 0
        while True:
            await asyncio.sleep(PROGRESS_S)
            source_end = heard_source_end(turn.answer.chunks, self._speaker.heard_s())
            if source_end > reported:
                reported = source_end
                event = events.SpokenUpTo(at_s=self._runtime.clock(), turn=turn.id, source_end=source_end)
                self._runtime.publish(event)
