"""OpenAI's `POST /v1/audio/transcriptions` and `GET /v1/models`; docs/compatibility.md lists what is supported."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.requests import ClientDisconnect

from voicecli.audio.files.reader import TooLong, Unplayable
from voicecli.errors import SettingsError, VoiceCliError
from voicecli.server.http import error_body, model_list
from voicecli.server.sessions import Full
from voicecli.server.stt.openai_request import Fields, Refused, read_upload
from voicecli.server.stt.recordings import Heard, Recording
from voicecli.server.stt.scheduler import DecodeQueueClient
from voicecli.server.stt.service import Service
from voicecli.speech_text.subtitles import TimedText, cues, spread, srt, vtt

RETRY_AFTER_S = 2
"""Time in which a server within its limit gives all its finals (`sessions.CAPACITY_S`)."""

SEEK_S = 0.01
"""The unit of `seek`: a frame of Whisper's input."""

ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {name: {"type": ["string", "null"]} for name in ("message", "type", "param", "code")},
        }
    },
}
REFUSALS = {
    400: "The file cannot be decoded as audio, or a parameter is wrong.",
    408: "The upload stalled.",
    413: "The upload is too large or too long.",
    500: "The recognizer failed.",
    503: "All sessions are taken; Retry-After says when to try again.",
}


@dataclass(frozen=True, slots=True)
class Job:
    """A request that has been read."""

    request: Request
    recording: Recording
    queue: DecodeQueueClient
    fields: Fields

    async def transcripts(self) -> AsyncIterator[Heard]:
        """Yield the transcripts as they are decoded. Raise ClientDisconnect if the client has left."""
        async with aclosing(self.recording.transcripts(self.queue)) as transcripts:
            async for heard in transcripts:
                if await self.request.is_disconnected():
                    raise ClientDisconnect
                yield heard


def routes(service: Service) -> APIRouter:
    """Return both routes."""
    router = APIRouter(tags=["OpenAI"])

    @router.get("/v1/models")
    async def models() -> dict[str, object]:
        """Return the one model, which answers whatever a request names."""
        return model_list(service.model.split()[0])

    async def job(request: Request) -> AsyncIterator[Job]:
        """Read the request after taking a session slot: a request that is refused need not be uploaded."""
        with service.sessions.slot():
            async with read_upload(request, service.limits) as (file, fields):
                try:
                    queue = service.make_queue_client(fields.start())
                    vad = service.make_detectors(fields.start()).vad
                except SettingsError as error:
                    raise Refused(f"{error.message} ({error.hint})", "language") from error
                yield Job(request, Recording(file, vad, service.limits.recording_s), queue, fields)

    @router.post("/v1/audio/transcriptions", openapi_extra={"requestBody": body_schema()}, responses=response_schemas())
    async def transcriptions(job: Job = Depends(job)) -> Response:
        """Transcribe a recording, in the format that is asked for."""
        if job.fields.stream:
            transcripts = job.transcripts()
            first = await anext(transcripts, None)  # an error before the first words has an HTTP status of its own
            return StreamingResponse(events(first, transcripts), media_type="text/event-stream")
        heard = [one async for one in job.transcripts()]
        return response_of(job.fields, heard, job.recording.audio_s)

    return router


def add_error_handlers(app: FastAPI) -> None:
    """Answer the errors of HTTP routes in OpenAI's format."""

    async def on_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, VoiceCliError)
        status, body = error_of(error)
        return JSONResponse({"error": body}, status, {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None)

    async def on_disconnect(request: Request, error: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it

    app.add_exception_handler(VoiceCliError, on_error)
    app.add_exception_handler(ClientDisconnect, on_disconnect)


def error_of(error: VoiceCliError) -> tuple[int, dict[str, str | None]]:
    """Return the HTTP status and OpenAI's description of an error."""
    match error:
        case Refused(status=status, param=param, code=code):
            pass
        case Full():
            status, param, code = 503, None, "full"
        case Unplayable():
            status, param, code = 400, "file", "invalid_file"
        case TooLong():
            status, param, code = 413, "file", "too_long"
        case _:
            status, param, code = 500, None, "engine"
    return status, error_body(status, f"{error.message} ({error.hint})" if error.hint else error.message, code, param)


def response_of(fields: Fields, heard: Sequence[Heard], audio_s: float) -> Response:
    """Return the complete response."""
    match fields.response_format:
        case "text":
            return PlainTextResponse(text_of(heard) + "\n")
        case "srt":
            return PlainTextResponse(srt(cues_of(heard)))
        case "vtt":
            return Response(vtt(cues_of(heard)), media_type="text/vtt; charset=utf-8")
        case "verbose_json":
            return JSONResponse(verbose(heard, audio_s, fields.timestamp_granularities))
        case _:
            return JSONResponse({"text": text_of(heard), "usage": usage(audio_s)})


async def events(first: Heard | None, others: AsyncIterator[Heard]) -> AsyncIterator[str]:
    """Yield server-sent events part by part; an error is the last event."""
    heard: list[Heard] = []
    try:
        one = first
        while one is not None:
            if one.transcript.text:
                delta = one.transcript.text if not heard else " " + one.transcript.text
                heard.append(one)
                yield _event({"type": "transcript.text.delta", "delta": delta})
            one = await anext(others, None)
    except VoiceCliError as error:
        yield _event({"error": error_of(error)[1]})
    except ClientDisconnect:
        return
    else:
        yield _event({"type": "transcript.text.done", "text": text_of(heard)})


def _event(data: dict[str, object]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def text_of(heard: Sequence[Heard]) -> str:
    """Return the text of all parts."""
    return " ".join(one.transcript.text for one in heard if one.transcript.text)


def words_of(one: Heard) -> list[TimedText]:
    """Return the words of a part in the recording's time; times are estimated if the recognizer gave none."""
    begin_s, segment = one.part.begin_s, one.part.segment
    if words := one.transcript.words:
        return [TimedText(word.text, begin_s + word.start_s, begin_s + word.end_s) for word in words]
    return spread(one.transcript.text, segment.started_at_s, segment.ended_at_s)


def cues_of(heard: Sequence[Heard]) -> list[TimedText]:
    """Return the subtitles. None continues past the end of a part."""
    return [cue for one in heard for cue in cues(words_of(one))]


def usage(audio_s: float) -> dict[str, object]:
    """Return what OpenAI would bill."""
    return {"type": "duration", "seconds": round(audio_s, 2)}


def verbose(heard: Sequence[Heard], audio_s: float, granularities: Collection[str]) -> dict[str, object]:
    """Return the body for verbose_json, with `words`, `segments` or both."""
    timed: dict[str, object] = {}
    if "segment" in granularities or not granularities:
        timed["segments"] = [_segment(number, cue) for number, cue in enumerate(cues_of(heard))]
    if "word" in granularities:
        timed["words"] = [
            {"word": word.text, "start": round(word.start_s, 2), "end": round(word.end_s, 2)}
            for one in heard
            for word in words_of(one)
        ]
    return {
        "task": "transcribe",
        "language": next((one.transcript.language for one in heard if one.transcript.text), ""),
        "duration": round(audio_s, 2),
        "text": text_of(heard),
        **timed,
        "usage": usage(audio_s),
    }


def _segment(number: int, cue: TimedText) -> dict[str, object]:
    """Return a segment. Its confidence fields are 0: doubtful text is withheld, not sent (docs/compatibility.md)."""
    raw = cue.text.encode()
    return {
        "id": number,
        "seek": round(cue.start_s / SEEK_S),
        "start": round(cue.start_s, 2),
        "end": round(cue.end_s, 2),
        "text": cue.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 3),
        "no_speech_prob": 0.0,
    }


def body_schema() -> dict[str, Any]:
    """Return the OpenAPI description of the request: the file and the fields."""
    schema = Fields.model_json_schema()
    schema["properties"] = {"file": {"type": "string", "format": "binary"}, **schema["properties"]}
    schema["required"] = ["file"]
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def response_schemas() -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of the responses."""
    text = {"schema": {"type": "string"}}
    success = {
        "description": "The transcript.",
        "content": {
            "application/json": {"schema": {"type": "object", "properties": {"text": {"type": "string"}}}},
            "text/plain": text,
            "text/vtt": text,
            "text/event-stream": {},
        },
    }
    refusals: dict[int | str, dict[str, Any]] = {
        status: {"description": why, "content": {"application/json": {"schema": ERROR}}}
        for status, why in REFUSALS.items()
    }
    return {200: success, **refusals}
