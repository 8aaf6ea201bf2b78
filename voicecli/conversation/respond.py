"""The work of a turn: transcribe -> history -> language model -> pieces -> synthesize -> speaker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from voicecli import events
from voicecli.audio.device import Speaker
from voicecli.audio.sounds import RING_HZ, ring
from voicecli.conversation.error_speech import spoken_error
from voicecli.conversation.history import History, heard_source_end
from voicecli.conversation.language import LanguagePolicy
from voicecli.conversation.speaking import Speaking
from voicecli.conversation.text_turn import TextTurn
from voicecli.conversation.tool_calls import Toolbox, ToolCaller
from voicecli.conversation.turn import StageError, Turn, stage
from voicecli.conversation.voice_registry import VoiceRegistry
from voicecli.engines.base import EndOfTurn, LanguageModel, SpeechToText, TextToSpeech, Worker
from voicecli.errors import ContextFull
from voicecli.events import Clock, Publish
from voicecli.speech_text.markdown_blocks import Span, SpeechMarkdownFilter
from voicecli.turns.self_echo import REASON, SelfEchoFilter
from voicecli.types import PlaybackChunk

PROGRESS_S = 0.1
"""Time between two reports of how far the voice is."""

ANNOUNCED_IN = "en"
"""What is announced is written here, and is said by a voice of its language whatever the conversation is in."""


@dataclass(frozen=True, slots=True)
class Engines:
    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech | None  # None: answers are written only
    turn: EndOfTurn | None  # None: silence alone is the end
    stt_worker: Worker
    tts_worker: Worker
    turn_worker: Worker
    language: LanguagePolicy = field(default_factory=lambda: LanguagePolicy("en", VoiceRegistry("", "en")))
    tools: Toolbox | None = None


class Responder:
    """The work of one turn. It holds nothing of a turn itself, so cancelling the turn's task leaves nothing behind."""

    def __init__(
        self,
        engines: Engines,
        speaker: Speaker,
        history: History,
        self_echo: SelfEchoFilter,
        clock: Clock,
        publish: Publish,
    ) -> None:
        self._engines = engines
        self._speaker = speaker
        self._history = history
        self._self_echo = self_echo
        self._clock = clock
        self._publish = publish
        self._calling = ToolCaller(engines.llm, engines.tools, clock, publish)
        self._speaking = (
            Speaking(engines.tts, engines.tts_worker, speaker, clock, publish) if engines.tts is not None else None
        )

    async def understand(self, turn: Turn) -> str:
        """Fills in the question; returns why there is none."""
        assert turn.segment is not None
        with stage("stt"):
            transcript = await self._engines.stt_worker.run(self._engines.stt.transcribe, turn.segment)
        if self._self_echo.is_echo(transcript.text, turn.segment.started_at_s):
            return REASON
        turn.question, turn.language = transcript.text, transcript.language
        if transcript.text:
            self._publish(
                events.Transcribed(
                    at_s=self._clock(),
                    turn=turn.id,
                    text=transcript.text,
                    language=transcript.language,
                    audio_s=transcript.audio_s,
                    language_probability=transcript.language_probability,
                )
            )
        return transcript.reason

    async def respond(self, turn: Turn, computed: Callable[[Turn], None]) -> None:
        """Think, and speak to the end. `computed` is called as soon as nothing is left to do but to sound."""
        language_policy = self._engines.language
        language = (
            ANNOUNCED_IN if turn.announcement else turn.language or language_policy.detect_from_text(turn.question)
        )
        turn.answer_language = language_policy.begin(language)
        turn.chunker.set_normalizer(turn.answer_language.normalize)
        async with asyncio.TaskGroup() as parts:
            if turn.announcement:
                self._ring(turn)
                self._read_out(turn, turn.announcement)
            elif turn.replayed:
                self._read_out(turn, turn.replayed)
            else:
                parts.create_task(self._settle_language(turn))
                parts.create_task(self._think(turn))
            if self._speaking is not None:
                progress = parts.create_task(self._progress(turn))
                await self._speaking.speak(turn)
                await turn.released.wait()
                computed(turn)
                await self._speaker.drained()
                progress.cancel()

    async def _settle_language(self, turn: Turn) -> None:
        """What was prepared and not released changes nothing."""
        await turn.released.wait()
        if notice := self._engines.language.adopt(turn.answer_language.language):
            self._publish(events.Notice(at_s=self._clock(), text=notice))

    async def salvage(self, turn: Turn) -> None:
        """The user went on before the words were known: they are part of the next question."""
        try:
            await self.understand(turn)
        except StageError as error:
            self._publish(events.Notice(at_s=self._clock(), text=f"An utterance was lost: {error.message}"))
        if turn.question:
            self._history.add(turn.question, "")

    async def speak_error(self, turn: Turn, failure: StageError) -> None:
        """Say in a sentence that the answer ends here. Where the voice fails too, only the screen tells."""
        sentence = spoken_error(failure, begun=bool(turn.chunks), notices=turn.answer_language.phrases)
        if sentence and self._speaking is not None:
            turn.side_speech = f"{turn.side_speech} {sentence}".strip()
            with suppress(StageError):
                await self._speaking.say(turn, sentence)

    def _ring(self, turn: Turn) -> None:
        turn.chunks.append(PlaybackChunk(turn.id, ring(), RING_HZ, 0))
        self._speaker.play(turn.chunks[0])
        self._speaker.finish(turn.id)

    def _read_out(self, turn: Turn, text: str) -> None:
        """No model is asked: the turn says `text`."""
        if turn.answer_language.is_spoken:
            dictation = TextTurn(turn, turn.answer_language.phrases)
            dictation.write(text)
            dictation.close()
        else:
            turn.written = text
            self._say_that_it_is_written(turn)
            turn.chunker.close()

    async def _think(self, turn: Turn) -> None:
        with stage("llm"):
            try:
                await self._write(turn)
            except ContextFull:
                if turn.written or turn.rounds or not self._history.halve():
                    raise
                await self._write(turn)

    async def _write(self, turn: Turn) -> None:
        speakable = SpeechMarkdownFilter(turn.answer_language.phrases)
        self._history.add_to_prompt(turn.answer_language.instruction)
        if not (turn.answer_language.is_spoken or turn.side_speech):
            self._say_that_it_is_written(turn)
        async with aclosing(self._calling.reply(turn, self._history.prompt(turn.question))) as tokens:
            async for token in tokens:
                turn.written += token.text
                self._publish(events.TokenArrived(at_s=self._clock(), turn=turn.id, text=token.text))
                self._let_say(turn, speakable.push(token.text))
                turn.more.set()
        self._let_say(turn, speakable.close())
        turn.chunker.close()
        turn.more.set()

    @staticmethod
    def _say_that_it_is_written(turn: Turn) -> None:
        turn.side_speech = turn.answer_language.phrases.written
        turn.chunker.push(Span(f"{turn.side_speech}\n", 0))

    @staticmethod
    def _let_say(turn: Turn, spans: Sequence[Span]) -> None:
        for span in spans if turn.answer_language.is_spoken else ():
            turn.chunker.push(span)

    async def _progress(self, turn: Turn) -> None:
        reported = 0
        while True:
            await asyncio.sleep(PROGRESS_S)
            source_end = heard_source_end(turn.chunks, self._speaker.heard_s())
            if source_end > reported:
                reported = source_end
                self._publish(events.SpokenUpTo(at_s=self._clock(), turn=turn.id, source_end=source_end))
