"""The voice's part of a turn: text chunks -> synthesize -> speaker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from voicecli import events
from voicecli.audio.device import Speaker
from voicecli.conversation.answer import AnswerStream
from voicecli.conversation.turn import stage
from voicecli.engines.base import TextToSpeech, Worker
from voicecli.events import Clock, Publish
from voicecli.speech_text.pacing import Pace
from voicecli.types import AudioChunk, PlaybackChunk, TextChunk, TurnId, WordEnd


class Speaking:
    """One voice and its speaker. It keeps nothing of a turn, only how fast this machine synthesizes."""

    def __init__(self, tts: TextToSpeech, worker: Worker, speaker: Speaker, clock: Clock, publish: Publish) -> None:
        self._synthesis = Synthesis(tts, worker, clock, publish)
        self._speaker = speaker

    async def speak(self, answer: AnswerStream, is_waiting: Callable[[], bool] = lambda: False) -> None:
        """Queue the sound of an answer as its text comes. Return when the last of it is queued.

        `is_waiting`: a tool decides what comes next, so silence is not an underrun. Raise StageError when synthesis
        fails.
        """

        def on_idle() -> None:
            if is_waiting():
                self._speaker.finish(answer.turn)

        async with aclosing(self._synthesis.chunks(answer, self._speaker.lead_s, on_idle)) as chunks:
            async for chunk in chunks:
                self._speaker.play(chunk)
        self._speaker.finish(answer.turn)

    async def say(self, answer: AnswerStream, text: str) -> None:
        """Queue a sentence that is not part of the answer and is not remembered. Raise StageError."""
        answer.note_side_speech(text)
        async with aclosing(self._synthesis.side_speech(answer, text)) as chunks:
            async for chunk in chunks:
                self._speaker.play(chunk)


class Synthesis:
    """One voice on its worker: text chunks -> playback chunks, when they are asked for."""

    def __init__(self, tts: TextToSpeech, worker: Worker, clock: Clock, publish: Publish) -> None:
        self._tts = tts
        self._worker = worker
        self._clock = clock
        self._publish = publish
        self._pace = Pace()

    async def chunks(
        self, answer: AnswerStream, lead_s: Callable[[], float], on_idle: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[PlaybackChunk, None]:
        """Yield the sound of an answer as its text comes.

        `lead_s` returns how many seconds of sound are queued and not yet heard; `on_idle` is called when there is
        nothing to say for now. Raise StageError when synthesis fails.
        """
        while True:
            while rest_s := self._pace.rest_s(lead_s()):  # noqa: ASYNC110 - playing takes its time
                await asyncio.sleep(rest_s)
            if text_chunk := answer.next_chunk(self._pace.budget_chars(lead_s())):
                sound = self._speak(answer, text_chunk)
            elif text := answer.next_side_speech():
                sound = self.side_speech(answer, text)
            elif answer.is_exhausted:
                return
            else:
                on_idle()
                await answer.changed()
                continue
            async with aclosing(sound) as chunks:
                async for chunk in chunks:
                    answer.chunks.append(chunk)
                    yield chunk

    async def side_speech(self, answer: AnswerStream, text: str) -> AsyncGenerator[PlaybackChunk, None]:
        """Yield the sound of `text`, which covers nothing of the answer."""
        source_end, share = answer.source_end, 0.0
        with stage("tts"):
            sound = self._tts.synthesize(text)
            while share < 1 and (audio := await self._worker.run(next, sound, None)) is not None:
                share = audio.share
                yield PlaybackChunk(answer.turn, audio.pcm, self._tts.sample_rate_hz, source_end)

    async def _speak(self, answer: AnswerStream, text: TextChunk) -> AsyncGenerator[PlaybackChunk, None]:
        now_s = self._clock()
        self._publish(events.TextChunkReady(at_s=now_s, turn=answer.turn, text=text.text, source_end=text.source_end))
        offset = SpokenOffset(text, answer.source_end)
        with stage("tts"):
            sound = self._tts.synthesize(text.text)
        share, took_s = 0.0, 0.0
        while share < 1:
            asked_s = self._clock()
            with stage("tts"):
                audio = await self._worker.run(next, sound, None)
            took_s += self._clock() - asked_s
            if audio is None:
                break
            share = audio.share
            words, source_end = offset.after(audio)
            chunk = PlaybackChunk(answer.turn, audio.pcm, self._tts.sample_rate_hz, source_end, words)
            yield chunk
            self._report(answer.turn, text, chunk, share)
        self._pace.took(len(text.text), took_s)

    def _report(self, turn: TurnId, text: TextChunk, chunk: PlaybackChunk, share: float) -> None:
        now_s = self._clock()
        self._publish(events.Synthesized(at_s=now_s, turn=turn, text=text.text, audio_s=chunk.audio_s, share=share))


class SpokenOffset:
    """How far the voice has come in the answer as written, one audio chunk of a text chunk after the other."""

    def __init__(self, text_chunk: TextChunk, source_begin: int) -> None:
        self._begin = self._reached = source_begin
        self._end = text_chunk.source_end
        self._words = iter(text_chunk.word_ends)

    def after(self, audio_chunk: AudioChunk) -> tuple[tuple[WordEnd, ...], int]:
        """Return the words that end in `audio_chunk`, and the characters of the answer covered at its end."""
        if audio_chunk.word_ends_s is None:
            self._reached = self._begin + round(audio_chunk.share * (self._end - self._begin))
            return (), self._reached
        # Ends first: zip would otherwise consume a word that belongs to the next chunk.
        ended = zip(audio_chunk.word_ends_s, self._words, strict=False)
        words = tuple(WordEnd(at_s, max(self._begin, source_end)) for at_s, source_end in ended)
        self._reached = words[-1].source_end if words else self._reached
        return words, self._end if audio_chunk.share == 1 else self._reached
