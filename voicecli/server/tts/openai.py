"""OpenAI's `POST /v1/audio/speech` and `GET /v1/models`, and `GET /v1/voices`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from voicecli.conversation.answer import AnswerStream
from voicecli.engines.base import Voice
from voicecli.server.http import model_list
from voicecli.server.sessions import Sessions
from voicecli.server.tts.errors import NOTHING_TO_SAY, Refused
from voicecli.server.tts.protocol import SoundFormat, SpeechRequest
from voicecli.server.tts.sound_files import MEDIA_TYPES, open_sound_file
from voicecli.server.tts.speech import PlaybackEstimate, SpeechService

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {media_type: {} for media_type in MEDIA_TYPES.values()},
        "description": "The audio, sent while it is made.",
    },
    "4XX": {"description": "The request is wrong or too large; the error says where."},
    500: {"description": "The voice failed."},
    503: {"description": "All sessions that this machine can serve are taken."},
}


def routes(speech: SpeechService, sessions: Sessions) -> APIRouter:
    """Return the HTTP routes."""
    router = APIRouter()

    @router.post("/v1/audio/speech", response_class=StreamingResponse, responses=RESPONSES)
    async def speak(request: SpeechRequest) -> StreamingResponse:
        voice = speech.choose(request.voice_name, request.speed)
        turn = speech.complete_answer(voice, request.input)
        parts = _counted(sessions, file_parts(speech, voice, turn, request.response_format))
        # Wait for the first part: the status cannot change once the body has begun.
        first = await anext(parts, b"")
        if not first:
            raise Refused(NOTHING_TO_SAY)
        return StreamingResponse(_with_first(first, parts), media_type=MEDIA_TYPES[request.response_format])

    @router.get("/v1/models")
    async def models() -> dict[str, object]:
        return model_list(speech.voices.model)

    @router.get("/v1/voices")
    async def voices() -> dict[str, object]:
        known = [{"id": voice.name, "language": voice.language} for voice in speech.voices.known_voices()]
        return {"object": "list", "default": speech.voice, "data": known}

    return router


async def file_parts(
    speech: SpeechService, voice: Voice, answer: AnswerStream, sound_format: SoundFormat
) -> AsyncGenerator[bytes, None]:
    """Yield the non-empty parts of an audio file; none if the voice finds nothing to say."""
    file = open_sound_file(sound_format, voice.sample_rate_hz)
    chunks = speech.chunks(voice, answer, PlaybackEstimate(speech.clock, downloads=True))
    begun = False
    async with aclosing(chunks):
        async for chunk in chunks:
            begun = True
            if part := file.write(chunk.pcm):
                yield part
    if begun and (part := file.finish()):
        yield part


async def _counted(sessions: Sessions, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Hold a session slot while `parts` runs. Raise Full at the first step."""
    with sessions.slot():
        async with aclosing(parts):
            async for part in parts:
                yield part


async def _with_first(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for part in rest:
            yield part
