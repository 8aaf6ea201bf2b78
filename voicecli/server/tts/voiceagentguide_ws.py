"""`WS /ws`: a text in one frame, its audio in binary frames, then a text frame END.

Each frame of the client is answered in order: by audio, by one text frame that begins with "ERROR: ", or by both if the
voice fails midway; then by END.
"""

from __future__ import annotations

from contextlib import aclosing

import numpy as np
from fastapi import APIRouter, WebSocket
from pydantic import ValidationError

from voicecli.conversation.turn import StageError
from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Limits, Sessions
from voicecli.server.tts.errors import Problem, Refused, is_server_error, problem_of
from voicecli.server.tts.protocol import VoiceAgentGuideRequest
from voicecli.server.tts.speech import PlaybackEstimate, SpeechService
from voicecli.server.websocket import SERVER_STOPPING, Closed, Incoming, Outgoing, close, serve_session
from voicecli.types import Pcm

END = "END"


def routes(speech: SpeechService, sessions: Sessions, limits: Limits) -> APIRouter:
    """Return the WebSocket route."""
    router = APIRouter()

    @router.websocket("/ws")
    async def speak(websocket: WebSocket) -> None:
        async def converse() -> None:
            incoming = Incoming(websocket, limits, sessions.stopping, speech.clock)
            await close(websocket, limits, await _converse(incoming, Outgoing(websocket, limits), speech))

        await serve_session(websocket, sessions, limits, converse)

    return router


async def _converse(incoming: Incoming, outgoing: Outgoing, speech: SpeechService) -> Closed:
    """Answer frames until either side ends the session; return the reason. Raise Gone."""
    try:
        while (frame := await incoming.next()) is not None:
            try:
                await _speak(outgoing, speech, parse_request(frame))
            except (ValidationError, VoiceCliError, StageError, Refused) as error:
                await outgoing.send(f"ERROR: {problem_of(error).text}")
                await outgoing.send(END)
                if not is_server_error(error):
                    incoming.count_error()
            else:
                await outgoing.send(END)
    except Closed as end:
        return end
    return SERVER_STOPPING


async def _speak(outgoing: Outgoing, speech: SpeechService, request: VoiceAgentGuideRequest) -> None:
    config = request.config
    voice = speech.choose(config.voice, config.speed, config.lang_code)
    turn = speech.complete_answer(voice, request.text)
    chunks = speech.chunks(voice, turn, PlaybackEstimate(speech.clock, downloads=True))
    async with aclosing(chunks):
        async for chunk in chunks:
            await outgoing.send(amplify(chunk.pcm, config.volume_multiplier).astype("<i2").tobytes())


def parse_request(frame: str | bytes) -> VoiceAgentGuideRequest:
    """Parse a frame: one that begins like a JSON object has to be a valid request, anything else is plain text.

    Raise ValidationError, or Refused for a binary frame.
    """
    if isinstance(frame, bytes):
        raise Refused(Problem("bad_message", "a binary frame was sent", "send the text in a text frame"))
    if frame.lstrip().startswith("{"):
        return VoiceAgentGuideRequest.model_validate_json(frame)
    return VoiceAgentGuideRequest(text=frame)


def amplify(pcm: Pcm, factor: float) -> Pcm:
    """Multiply samples, shape (n,), and clip them."""
    return np.clip(np.round(pcm * factor), -32768, 32767).astype(np.int16)
