"""The voice's part of a turn: pieces -> synthesize -> speaker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from voicecli import events
from voicecli.audio.device import Speaker
from voicecli.conversation.turn import Turn, stage
from voicecli.engines.base import TextToSpeech, Worker
from voicecli.events import Clock, Publish
from voicecli.speech_text.pacing import Pace
from voicecli.types import AudioChunk, PlaybackChunk, TextChunk, WordEnd


class Speaking:
    """One voice and its speaker. Of a turn it holds nothing; what it keeps is how fast this machine speaks."""

    def __init__(self, tts: TextToSpeech, worker: Worker, speaker: Speaker, clock: Clock, publish: Publish) -> None:
        self._voicing = Voicing(tts, worker, clock, publish)
        self._speaker = speaker

    async def speak(self, turn: Turn) -> None:
        """Queue all that the turn has to say, as it comes; ends when the last of it is queued.

        Raises StageError when synthesis fails.
        """

        def idle() -> None:
            if turn.calling:  # what comes next depends on a tool: silence is no starvation
                self._speaker.finish(turn.id)

        async with aclosing(self._voicing.chunks(turn, self._speaker.lead_s, idle)) as chunks:
            async for chunk in chunks:
                self._speaker.play(chunk)
        self._speaker.finish(turn.id)

    async def say(self, turn: Turn, text: str) -> None:
        """Queue a sentence that is no part of the answer and is not remembered.

        Raises StageError when synthesis fails.
        """
        async with aclosing(self._voicing.side_speech(turn, text)) as chunks:
            async for chunk in chunks:
                self._speaker.play(chunk)


class Voicing:
    """One voice on its worker: pieces -> chunks, when they are asked for."""

    def __init__(self, tts: TextToSpeech, worker: Worker, clock: Clock, publish: Publish) -> None:
        self._tts = tts
        self._worker = worker
        self._clock = clock
        self._publish = publish
        self._pace = Pace()

    async def chunks(
        self, turn: Turn, lead_s: Callable[[], float], idle: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[PlaybackChunk, None]:
        """All that the turn has to say, as it comes; `lead_s` tells how much sound its hearer has in store.

        `idle` is called when there is nothing to say for now. Raises StageError when synthesis fails.
        """
        while True:
            while rest_s := self._pace.rest_s(lead_s()):  # noqa: ASYNC110 - playing takes its time
                await asyncio.sleep(rest_s)
            text_chunk = turn.chunker.next_chunk(self._pace.budget_chars(lead_s()))
            if text_chunk is None and turn.pending_side_speech:
                async with aclosing(self.side_speech(turn, turn.pending_side_speech.popleft())) as chunks:
                    async for chunk in chunks:
                        turn.chunks.append(chunk)
                        yield chunk
                continue
            if text_chunk is None and turn.chunker.exhausted:
                return
            if text_chunk is None:
                idle()
                turn.more.clear()
                await turn.more.wait()
                continue
            async with aclosing(self._voice(turn, text_chunk)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def side_speech(self, turn: Turn, text: str) -> AsyncGenerator[PlaybackChunk, None]:
        """The sound of `text`, which covers nothing of the answer."""
        source_end, share = turn.chunks[-1].source_end if turn.chunks else 0, 0.0
        with stage("tts"):
            audio_chunks = self._tts.synthesize(text)
            while share < 1 and (audio_chunk := await self._worker.run(next, audio_chunks, None)) is not None:
                share = audio_chunk.share
                yield PlaybackChunk(turn.id, audio_chunk.pcm, self._tts.sample_rate_hz, source_end)

    async def _voice(self, turn: Turn, text_chunk: TextChunk) -> AsyncGenerator[PlaybackChunk, None]:
        began_s = self._clock()
        self._publish(
            events.TextChunkReady(at_s=began_s, turn=turn.id, text=text_chunk.text, source_end=text_chunk.source_end)
        )
        place = SpokenOffset(text_chunk, turn.chunks[-1].source_end if turn.chunks else 0)
        with stage("tts"):
            audio_chunks = self._tts.synthesize(text_chunk.text)
        share, took_s = 0.0, 0.0
        while share < 1:
            asked_s = self._clock()
            with stage("tts"):
                audio_chunk = await self._worker.run(next, audio_chunks, None)
            took_s += self._clock() - asked_s
            if audio_chunk is None:
                break
            share = audio_chunk.share
            words, source_end = place.after(audio_chunk)
            chunk = PlaybackChunk(turn.id, audio_chunk.pcm, self._tts.sample_rate_hz, source_end, words)
            turn.chunks.append(chunk)
            yield chunk
            now_s = self._clock()
            self._publish(
                events.Synthesized(at_s=now_s, turn=turn.id, text=text_chunk.text, audio_s=chunk.audio_s, share=share)
            )
        self._pace.took(len(text_chunk.text), took_s)


class SpokenOffset:
    """How far a voice has come in the answer as written, stretch by stretch of one piece."""

    def __init__(self, text_chunk: TextChunk, source_begin: int) -> None:
        self._begin = self._reached = source_begin
        self._end = text_chunk.source_end
        self._words = iter(text_chunk.word_ends)

    def after(self, audio_chunk: AudioChunk) -> tuple[tuple[WordEnd, ...], int]:
        """The words that end in `audio_chunk`, and the characters of the answer that are covered at its end."""
        if audio_chunk.word_ends_s is None:
            self._reached = self._begin + round(audio_chunk.share * (self._end - self._begin))
            return (), self._reached
        ended = zip(
            audio_chunk.word_ends_s, self._words, strict=False
        )  # ends first: no word is lost to the next stretch
        words = tuple(WordEnd(at_s, max(self._begin, source_end)) for at_s, source_end in ended)
        self._reached = words[-1].source_end if words else self._reached
        return words, self._end if audio_chunk.share == 1 else self._reached
