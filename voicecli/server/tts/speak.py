"""WS /v1/speak: text in bits, as a language model writes it; sound from the first clause on; cancel.

The utterances of a connection are spoken one after the other. Each ends in one of done, cancelled and error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from voicecli.conversation.answer import TextTurn
from voicecli.conversation.turn import StageError
from voicecli.engines.base import Voice
from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Full, Limits, Sessions
from voicecli.server.sockets import Outgoing, accept
from voicecli.server.transport import LEAVING, TRY_AGAIN, Closed, Gone, Incoming, close
from voicecli.server.tts.problems import TOO_LONG, Problem, Refused, problem_of
from voicecli.server.tts.protocol import (
    ASKED,
    MOST_CHARS,
    Asked,
    AudioStarted,
    Cancel,
    Cancelled,
    Done,
    End,
    Failed,
    Ready,
    Spoken,
    SpokenWord,
    Start,
    Text,
    Told,
)
from voicecli.server.tts.speech import Hearer, Speech
from voicecli.types import PlaybackChunk

NOT_TEXT = Problem("bad_message", "a binary frame was sent", "messages are JSON objects in text frames")
NO_UTTERANCE = Problem("no_utterance", "end came before any text", "send a text first")

MARKUP = " \n\t*_~`#>|"
"""Around a word it is no part of it."""


def speak_routes(speech: Speech, sessions: Sessions, limits: Limits) -> APIRouter:
    router = APIRouter()

    @router.websocket("/v1/speak")
    async def speak(socket: WebSocket) -> None:
        await accept(socket)
        try:
            with sessions.one():
                incoming = Incoming(socket, limits, sessions.leaving, speech.clock)
                await close(socket, limits, await SpeakSession(incoming, Outgoing(socket, limits), speech).run())
        except* Full as full:
            await socket.close(TRY_AGAIN, str(full.exceptions[0]))
        except* (Gone, WebSocketDisconnect):
            pass

    return router


@dataclass(slots=True, eq=False)
class Utterance:
    """A text that is being written, spoken, or both."""

    number: int
    voice: Voice
    dictation: TextTurn
    audio_s: float = 0.0  # sent
    source_end: int = 0  # characters whose words have been told
    over: bool = False  # its last message is sent
    task: asyncio.Task[None] | None = None

    def words(self, chunk: PlaybackChunk) -> Iterator[SpokenWord]:
        """Those that end in `chunk`, which is the next to be sent."""
        for word in chunk.words:
            text = self.dictation.answer.written[self.source_end : word.source_end].strip(MARKUP)
            if text:  # a written word may be several spoken ones: it counts when the last of them is said
                self.source_end = word.source_end
                yield SpokenWord(text=text, end_s=round(self.audio_s + word.at_s, 3))


class SpeakSession:
    """One client."""

    def __init__(self, incoming: Incoming, outgoing: Outgoing, speech: Speech) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._speech = speech
        self._hearer = Hearer(speech.clock)
        self._speaking = asyncio.Lock()
        self._live: list[Utterance] = []  # those that are not over
        self._written: Utterance | None = None  # the one whose text is not at its end
        self._begun = 0

    async def run(self) -> Closed:
        """Until either side has had enough; why. When the server leaves, what is written is spoken to its end.

        Raises Gone, alone or in a group.
        """
        await self._start(Start(type="start"))
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await self._receive()
            except (Closed, Gone) as end:
                await self._silence(list(self._live))
                if isinstance(end, Gone):
                    raise
                return end
            if self._written is not None:
                self._end()
        return LEAVING

    async def _receive(self) -> None:
        """Until the server leaves. Raises Closed or Gone."""
        while (frame := await self._incoming.next(lambda: bool(self._live))) is not None:
            try:
                await self._take(parsed(frame))
            except (ValidationError, VoiceCliError, Refused) as error:
                await self._fail(problem_of(error))
                self._incoming.misunderstood()

    async def _take(self, message: Asked) -> None:
        match message:
            case Start():
                await self._start(message)
            case Text():
                await self._write(message.text)
            case End():
                self._end()
            case Cancel():
                self._written = None
                self._hearer.forget()
                for utterance in await self._silence(list(self._live)):
                    await self._tell(Cancelled(utterance=utterance.number, audio_s=round(utterance.audio_s, 3)))

    async def _start(self, start: Start) -> None:
        voice = self._speech.choose(start.voice, start.speed)
        self._wanted = start
        await self._tell(
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
            return  # it has failed, and the client writes on to its end
        utterance.dictation.write(text)
        if sum(len(live.dictation.answer.written) for live in self._live) > MOST_CHARS:
            for stopped in await self._silence([utterance]):
                await self._fail(TOO_LONG, stopped)

    def _end(self) -> None:
        if self._written is None:
            raise Refused(NO_UTTERANCE)
        self._written.dictation.close()
        self._written = None

    def _begin(self) -> Utterance:
        voice = self._speech.choose(self._wanted.voice, self._wanted.speed)  # anew: it may stream by now
        self._begun += 1
        utterance = Utterance(self._begun, voice, self._speech.dictation(voice, self._begun))
        self._live.append(utterance)
        utterance.task = self._tasks.create_task(self._speak(utterance))
        return utterance

    async def _speak(self, utterance: Utterance) -> None:
        try:
            async with self._speaking:
                await self._send(utterance)
            await self._tell(Done(utterance=utterance.number, audio_s=round(utterance.audio_s, 3)))
            utterance.over = True
        except StageError as failure:
            await self._fail(problem_of(failure), utterance)
        self._live.remove(utterance)

    async def _send(self, utterance: Utterance) -> None:
        chunks = self._speech.chunks(utterance.voice, utterance.dictation.answer, self._hearer)
        async with aclosing(chunks):
            async for chunk in chunks:
                if not utterance.audio_s:
                    await self._tell(AudioStarted(utterance=utterance.number))
                await self._outgoing.send(chunk.pcm.astype("<i2").tobytes())
                words = tuple(utterance.words(chunk))
                utterance.audio_s += chunk.audio_s
                if words:
                    await self._tell(Spoken(utterance=utterance.number, words=words))

    async def _silence(self, utterances: list[Utterance]) -> list[Utterance]:
        """Stop them; when it returns, nothing more of them is sent. Gives those that were not over by then."""
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
        await self._tell(Failed(utterance=number, code=problem.code, message=problem.message, hint=problem.hint))
        if utterance is not None:
            utterance.over = True

    async def _tell(self, message: Told) -> None:
        await self._outgoing.send(message.model_dump_json())


def parsed(frame: str | bytes) -> Asked:
    """A message of the client. Raises ValidationError, or Refused for a binary frame."""
    if isinstance(frame, bytes):
        raise Refused(NOT_TEXT)
    return ASKED.validate_json(frame)
