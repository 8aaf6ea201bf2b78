"""`WS /v1/speak`: text in parts, as a language model writes it; audio from the first clause on; cancel.

The utterances of a connection are spoken one after the other. Each ends with one of done, cancelled and error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError

from voicecli.conversation.answer import TextTurn
from voicecli.conversation.turn import StageError
from voicecli.engines.base import Voice
from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Limits, Sessions
from voicecli.server.tts.errors import TOO_LONG, Problem, Refused, problem_of
from voicecli.server.tts.protocol import (
    CLIENT_MESSAGE,
    MAX_CHARS,
    AudioStarted,
    Cancel,
    Cancelled,
    ClientMessage,
    Done,
    End,
    Failed,
    Ready,
    ServerMessage,
    SpokenWord,
    SpokenWords,
    Start,
    Text,
)
from voicecli.server.tts.speech import PlaybackEstimate, SpeechService
from voicecli.server.websocket import SERVER_STOPPING, Closed, Gone, Incoming, Outgoing, close, serve_session
from voicecli.types import PlaybackChunk

NOT_TEXT = Problem("bad_message", "a binary frame was sent", "messages are JSON objects in text frames")
NO_UTTERANCE = Problem("no_utterance", "end came before any text", "send a text first")

MARKUP = " \n\t*_~`#>|"
"""Characters around a word that do not belong to it."""


def routes(speech: SpeechService, sessions: Sessions, limits: Limits) -> APIRouter:
    """Return the WebSocket route."""
    router = APIRouter()

    @router.websocket("/v1/speak")
    async def speak(websocket: WebSocket) -> None:
        async def converse() -> None:
            incoming = Incoming(websocket, limits, sessions.stopping, speech.clock)
            await close(websocket, limits, await SpeakSession(incoming, Outgoing(websocket, limits), speech).run())

        await serve_session(websocket, sessions, limits, converse)

    return router


@dataclass(slots=True, eq=False)
class Utterance:
    """A text that is being written, spoken, or both."""

    number: int
    voice: Voice
    text_turn: TextTurn
    audio_s: float = 0.0  # sent
    source_end: int = 0  # characters whose words have been sent
    over: bool = False  # its last message has been sent
    task: asyncio.Task[None] | None = None

    def words(self, chunk: PlaybackChunk) -> Iterator[SpokenWord]:
        """Yield the words that end in `chunk`, which is the next to be sent."""
        for word in chunk.words:
            text = self.text_turn.answer.written[self.source_end : word.source_end].strip(MARKUP)
            if text:  # a written word may be several spoken ones: it ends with the last of them
                self.source_end = word.source_end
                yield SpokenWord(text=text, end_s=round(self.audio_s + word.at_s, 3))


class SpeakSession:
    """One connection."""

    def __init__(self, incoming: Incoming, outgoing: Outgoing, speech: SpeechService) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._speech = speech
        self._playback = PlaybackEstimate(speech.clock)
        self._speaking = asyncio.Lock()
        self._live: list[Utterance] = []  # not over yet
        self._written: Utterance | None = None  # its text is not complete yet
        self._begun = 0

    async def run(self) -> Closed:
        """Serve until either side ends the session; return the reason. A stopping server speaks what is written.

        Raise Gone, alone or in a group.
        """
        await self._start(Start(type="start"))
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await self._receive()
            except (Closed, Gone) as end:
                await self._stop(list(self._live))
                if isinstance(end, Gone):
                    raise
                return end
            if self._written is not None:
                self._end()
        return SERVER_STOPPING

    async def _receive(self) -> None:
        """Handle messages until the server stops. Raise Closed or Gone."""
        while (frame := await self._incoming.next(lambda: bool(self._live))) is not None:
            try:
                await self._handle(parse_message(frame))
            except (ValidationError, VoiceCliError, Refused) as error:
                await self._fail(problem_of(error))
                self._incoming.count_error()

    async def _handle(self, message: ClientMessage) -> None:
        match message:
            case Start():
                await self._start(message)
            case Text():
                await self._write(message.text)
            case End():
                self._end()
            case Cancel():
                self._written = None
                self._playback.reset()
                for utterance in await self._stop(list(self._live)):
                    await self._reply(Cancelled(utterance=utterance.number, audio_s=round(utterance.audio_s, 3)))

    async def _start(self, start: Start) -> None:
        voice = self._speech.choose(start.voice, start.speed)
        self._options = start
        await self._reply(
            Ready(
                voice=voice.voice,
                language=voice.language,
                speed=start.speed or self._speech.speed,
                streams=voice.streams,
                sample_rate_hz=voice.sample_rate_hz,
            )
        )

    async def _write(self, text: str) -> None:
        utterance = self._written = self._written or self._begin()
        if utterance.over:
            return  # it has failed, and the client is still writing
        utterance.text_turn.write(text)
        if sum(len(live.text_turn.answer.written) for live in self._live) > MAX_CHARS:
            for stopped in await self._stop([utterance]):
                await self._fail(TOO_LONG, stopped)

    def _end(self) -> None:
        if self._written is None:
            raise Refused(NO_UTTERANCE)
        self._written.text_turn.close()
        self._written = None

    def _begin(self) -> Utterance:
        voice = self._speech.choose(self._options.voice, self._options.speed)  # again, because it may stream by now
        self._begun += 1
        utterance = Utterance(self._begun, voice, self._speech.text_turn(voice, self._begun))
        self._live.append(utterance)
        utterance.task = self._tasks.create_task(self._speak(utterance))
        return utterance

    async def _speak(self, utterance: Utterance) -> None:
        try:
            async with self._speaking:
                await self._send(utterance)
            await self._reply(Done(utterance=utterance.number, audio_s=round(utterance.audio_s, 3)))
            utterance.over = True
        except StageError as failure:
            await self._fail(problem_of(failure), utterance)
        self._live.remove(utterance)

    async def _send(self, utterance: Utterance) -> None:
        chunks = self._speech.chunks(utterance.voice, utterance.text_turn.answer, self._playback)
        async with aclosing(chunks):
            async for chunk in chunks:
                if not utterance.audio_s:
                    await self._reply(AudioStarted(utterance=utterance.number))
                await self._outgoing.send(chunk.pcm.astype("<i2").tobytes())
                words = tuple(utterance.words(chunk))
                utterance.audio_s += chunk.audio_s
                if words:
                    await self._reply(SpokenWords(utterance=utterance.number, words=words))

    async def _stop(self, utterances: list[Utterance]) -> list[Utterance]:
        """Stop utterances, so that nothing more of them is sent; return those that were not over."""
        tasks = [utterance.task for utterance in utterances if utterance.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        stopped = [utterance for utterance in utterances if not utterance.over]
        for utterance in stopped:
            self._live.remove(utterance)
        return stopped

    async def _fail(self, problem: Problem, utterance: Utterance | None = None) -> None:
        number = utterance.number if utterance is not None else None
        await self._reply(Failed(utterance=number, code=problem.code, message=problem.message, hint=problem.hint))
        if utterance is not None:
            utterance.over = True

    async def _reply(self, message: ServerMessage) -> None:
        await self._outgoing.send(message.model_dump_json())


def parse_message(frame: str | bytes) -> ClientMessage:
    """Parse a message of the client. Raise ValidationError, or Refused for a binary frame."""
    if isinstance(frame, bytes):
        raise Refused(NOT_TEXT)
    return CLIENT_MESSAGE.validate_json(frame)
