"""WS /ws: a text in one frame, its sound in binary frames, and a text frame END.

Each frame of the client is answered in turn: by sound or by one text frame that begins with "ERROR: ", or by both,
where the voice fails on the way; then by END.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import NoReturn

import numpy as np
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from voicecli.conversation.turn import StageError
from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Full, Limits, Sessions
from voicecli.server.sockets import Outgoing, accept
from voicecli.server.transport import LEAVING, TRY_AGAIN, Closed, Gone, Incoming, close
from voicecli.server.tts.problems import Problem, Refused, is_ours, problem_of
from voicecli.server.tts.protocol import VoiceAgentGuideRequest
from voicecli.server.tts.speech import Hearer, Speech
from voicecli.types import Pcm

END = "END"


def seed_routes(speech: Speech, sessions: Sessions, limits: Limits) -> APIRouter:
    router = APIRouter()

    @router.websocket("/ws")
    async def speak(socket: WebSocket) -> None:
        await accept(socket)
        try:
            with sessions.one():
                incoming = Incoming(socket, limits, sessions.leaving, speech.clock)
                end = await _converse(incoming, Outgoing(socket, limits), speech)
                await close(socket, limits, end)
        except Full as full:
            await socket.close(TRY_AGAIN, full.message)
        except (Gone, WebSocketDisconnect):
            pass

    return router


async def _converse(incoming: Incoming, outgoing: Outgoing, speech: Speech) -> Closed:
    """Until either side has had enough; why. Raises Gone."""
    try:
        while (frame := await incoming.next()) is not None:
            try:
                await _speak(outgoing, speech, request_of(frame))
            except (ValidationError, VoiceCliError, StageError, Refused) as error:
                await outgoing.send(f"ERROR: {problem_of(error).text}")
                await outgoing.send(END)
                if not is_ours(error):
                    incoming.misunderstood()
            else:
                await outgoing.send(END)
    except Closed as end:
        return end
    return LEAVING


async def _speak(outgoing: Outgoing, speech: Speech, request: VoiceAgentGuideRequest) -> None:
    config = request.config
    voice = speech.choose(config.voice, config.speed, config.lang_code)
    chunks = speech.chunks(voice, speech.whole(voice, request.text), Hearer(speech.clock, downloads=True))
    async with aclosing(chunks):
        async for chunk in chunks:
            await outgoing.send(louder(chunk.pcm, config.volume_multiplier).astype("<i2").tobytes())


def request_of(frame: str | bytes) -> VoiceAgentGuideRequest:
    """What looks like a JSON object has to be one that is understood; all else is plain text.

    Raises ValidationError, or Refused for a binary frame.
    """
    if isinstance(frame, bytes):
        _refuse_binary()
    if frame.lstrip().startswith("{"):
        return VoiceAgentGuideRequest.model_validate_json(frame)
    return VoiceAgentGuideRequest(text=frame)


def louder(pcm: Pcm, factor: float) -> Pcm:
    """Clipped, not wrapped."""
    return np.clip(np.round(pcm * factor), -32768, 32767).astype(np.int16)


def _refuse_binary() -> NoReturn:
    raise Refused(Problem("bad_message", "a binary frame was sent", "send the text in a text frame"))
