"""The voice's part of a turn: pieces -> synthesize -> speaker."""

from __future__ import annotations

import asyncio

from voicecli import events
from voicecli.audio.device import Speaker
from voicecli.conversation.pacing import Pace
from voicecli.conversation.turn import Turn, stage
from voicecli.engines.base import TextToSpeech, Worker
from voicecli.events import Clock, Publish
from voicecli.types import Piece, SpeechChunk


class Speaking:
    """One voice and its speaker. Of a turn it holds nothing; what it keeps is how fast this machine speaks."""

    def __init__(self, tts: TextToSpeech, worker: Worker, speaker: Speaker, clock: Clock, publish: Publish) -> None:
        self._tts = tts
        self._worker = worker
        self._speaker = speaker
        self._clock = clock
        self._publish = publish
        self._pace = Pace()

    async def speak(self, turn: Turn) -> None:
        """Queue all that the turn has to say, as it comes; ends when the last of it is queued.

        Raises StageError when synthesis fails.
        """
        while True:
            while rest_s := self._pace.rest_s(self._speaker.lead_s()):  # noqa: ASYNC110 - playing takes its time
                await asyncio.sleep(rest_s)
            piece = turn.pieces.take(self._pace.budget_chars(self._speaker.lead_s()))
            if piece is None and turn.pieces.exhausted:
                break
            if piece is None:
                turn.more.clear()
                await turn.more.wait()
                continue
            await self._voice(turn, piece)
        self._speaker.finish(turn.id)

    async def _voice(self, turn: Turn, piece: Piece) -> None:
        began_s = self._clock()
        self._publish(events.PieceReady(at_s=began_s, turn=turn.id, text=piece.text, source_end=piece.source_end))
        source_begin = turn.chunks[-1].source_end if turn.chunks else 0
        with stage("tts"):
            stretches = self._tts.synthesize(piece.text)
            share = 0.0
            while share < 1 and (stretch := await self._worker.run(next, stretches, None)):
                share = stretch.share
                source_end = source_begin + round(share * (piece.source_end - source_begin))
                chunk = SpeechChunk(turn.id, stretch.pcm, self._tts.sample_rate_hz, source_end)
                turn.chunks.append(chunk)
                self._speaker.play(chunk)
                now_s = self._clock()
                self._publish(
                    events.Synthesized(at_s=now_s, turn=turn.id, text=piece.text, audio_s=chunk.audio_s, share=share)
                )
        self._pace.took(len(piece.text), self._clock() - began_s)
