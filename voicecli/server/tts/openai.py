"""POST /v1/audio/speech and what OpenAI's clients ask beside it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from voicecli.conversation.answer import AnswerStream
from voicecli.engines.base import Voice
from voicecli.server.sessions import Sessions
from voicecli.server.tts.problems import NOTHING_TO_SAY, Refused
from voicecli.server.tts.protocol import SoundFormat, SpeechRequest
from voicecli.server.tts.sound_files import MEDIA_TYPES, open_sound_file
from voicecli.server.tts.speech import Hearer, Speech

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {media_type: {} for media_type in MEDIA_TYPES.values()},
        "description": "The sound, as it is made.",
    },
    "4XX": {"description": "The request is wrong or too large; the error says where."},
    500: {"description": "The voice failed."},
    503: {"description": "All sessions that this machine can serve are taken."},
}


def openai_routes(speech: Speech, sessions: Sessions) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/audio/speech", response_class=StreamingResponse, responses=ANSWERS)
    async def speak(request: SpeechRequest) -> StreamingResponse:
        voice = speech.choose(request.voice_name, request.speed)
        turn = speech.whole(voice, request.input)
        sound = _counted(sessions, sound_bytes(speech, voice, turn, request.response_format))
        # The status tells whether there is sound: nothing can be said about it once the body has begun.
        first = await anext(sound, b"")
        if not first:
            raise Refused(NOTHING_TO_SAY)
        return StreamingResponse(_with_first(first, sound), media_type=MEDIA_TYPES[request.response_format])

    @router.get("/v1/models")
    async def models() -> dict[str, object]:
        model = {"id": speech.voices.model, "object": "model", "created": 0, "owned_by": "voicecli"}
        return {"object": "list", "data": [model]}

    @router.get("/v1/voices")
    async def voices() -> dict[str, object]:
        known = [{"id": voice.name, "language": voice.language} for voice in speech.voices.known_voices()]
        return {"object": "list", "default": speech.voice, "data": known}

    return router


async def sound_bytes(
    speech: Speech, voice: Voice, answer: AnswerStream, form: SoundFormat
) -> AsyncGenerator[bytes, None]:
    """A sound file as it is made; none of the parts is empty. Nothing at all when the voice finds nothing to say."""
    file = open_sound_file(form, voice.sample_rate_hz)
    chunks = speech.chunks(voice, answer, Hearer(speech.clock, downloads=True))
    begun = False
    async with aclosing(chunks):
        async for chunk in chunks:
            begun = True
            if part := file.write(chunk.pcm):
                yield part
    if begun and (part := file.finish()):
        yield part


async def _counted(sessions: Sessions, sound: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Raises Full at the first step."""
    with sessions.one():
        async with aclosing(sound):
            async for part in sound:
                yield part


async def _with_first(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for part in rest:
            yield part
