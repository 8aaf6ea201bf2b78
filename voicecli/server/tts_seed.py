"""WS /ws: a text in one frame, its sound in binary frames, and a text frame END.

Each frame of the client is answered in turn: by sound or by one text frame that begins with "ERROR: ", or by both,
where the voice fails on the way; then by END.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import NoReturn

import numpy as np
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from voicecli.conversation.turn import StageError
from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Full, Sessions
from voicecli.server.sockets import accept, next_frame
from voicecli.server.transport import GOING_AWAY, TRY_AGAIN
from voicecli.server.tts_problems import Problem, Refused, problem_of
from voicecli.server.tts_protocol import SeedRequest
from voicecli.server.tts_speech import Hearer, Speech
from voicecli.types import Pcm

END = "END"


def seed_routes(speech: Speech, sessions: Sessions) -> APIRouter:
    router = APIRouter()

    @router.websocket("/ws")
    async def speak(socket: WebSocket) -> None:
        await accept(socket)
        try:
            with sessions.one():
                await _converse(socket, speech, sessions.leaving)
        except Full as full:
            await socket.close(TRY_AGAIN, full.message)
        except WebSocketDisconnect:
            pass

    return router


async def _converse(socket: WebSocket, speech: Speech, leaving: asyncio.Event) -> None:
    """Until the client is gone, or the server leaves. Raises WebSocketDisconnect."""
    while (frame := await next_frame(socket, leaving)) is not None:
        try:
            await _speak(socket, speech, request_of(frame))
        except (ValidationError, VoiceCliError, StageError, Refused) as error:
            await socket.send_text(f"ERROR: {problem_of(error).text}")
        await socket.send_text(END)
    if leaving.is_set():
        await socket.close(GOING_AWAY, "the server is going away")


async def _speak(socket: WebSocket, speech: Speech, request: SeedRequest) -> None:
    config = request.config
    voice = speech.choose(config.voice, config.speed, config.lang_code)
    chunks = speech.chunks(voice, speech.whole(voice, request.text), Hearer(speech.clock, downloads=True))
    async with aclosing(chunks):
        async for chunk in chunks:
            await socket.send_bytes(louder(chunk.pcm, config.volume_multiplier).astype("<i2").tobytes())


def request_of(frame: str | bytes) -> SeedRequest:
    """What looks like a JSON object has to be one that is understood; all else is plain text.

    Raises ValidationError, or Refused for a binary frame.
    """
    if isinstance(frame, bytes):
        _refuse_binary()
    if frame.lstrip().startswith("{"):
        return SeedRequest.model_validate_json(frame)
    return SeedRequest(text=frame)


def louder(pcm: Pcm, factor: float) -> Pcm:
    """Clipped, not wrapped."""
    return np.clip(np.round(pcm * factor), -32768, 32767).astype(np.int16)


def _refuse_binary() -> NoReturn:
    raise Refused(Problem("bad_message", "a binary frame was sent", "send the text in a text frame"))
