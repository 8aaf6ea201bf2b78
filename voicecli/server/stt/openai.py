"""OpenAI's `POST /v1/audio/transcriptions` and `GET /v1/models`: docs/compatibility.md says what of them there is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.requests import ClientDisconnect

from voicecli.errors import SettingsError, VoiceCliError
from voicecli.server.stt import openai_answers as answers
from voicecli.server.stt.openai_forms import Fields, OpenAiRoute, Refused, error_of, read_upload
from voicecli.server.stt.recordings import Heard, Recording
from voicecli.server.stt.scheduler import DecodeQueueClient
from voicecli.server.stt.service import Service
from voicecli.speech_text import subtitles

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
    400: "The file is no sound, or a parameter is wrong.",
    408: "The upload stopped coming.",
    413: "The upload is too large or too long.",
    500: "The recogniser failed.",
    503: "All sessions are taken; Retry-After tells when to come again.",
}


@dataclass(frozen=True, slots=True)
class Job:
    """A request that has been read and may be answered."""

    request: Request
    recording: Recording
    queue: DecodeQueueClient
    fields: Fields

    async def transcripts(self) -> AsyncIterator[Heard]:
        """As they come. Raises ClientDisconnect where nobody waits for them any more."""
        async with aclosing(self.recording.transcripts(self.queue)) as transcripts:
            async for heard in transcripts:
                if await self.request.is_disconnected():
                    raise ClientDisconnect
                yield heard


def routes(service: Service) -> APIRouter:
    """Both."""
    router = APIRouter(tags=["OpenAI"], route_class=OpenAiRoute)

    @router.get("/v1/models")
    async def models() -> dict[str, object]:
        """The one model that answers, whatever a request names."""
        model = {"id": service.model.split()[0], "object": "model", "created": 0, "owned_by": "voicecli"}
        return {"object": "list", "data": [model]}

    async def job(request: Request) -> AsyncIterator[Job]:
        """A place first, then the upload: who would be refused need not send it."""
        with service.sessions.one():
            async with read_upload(request, service.limits) as upload:
                fields = checked(upload.fields)
                try:
                    queue = service.make_queue_client(fields.start())
                    gate = service.make_detectors(fields.start()).gate
                except SettingsError as error:
                    raise Refused(f"{error.message} ({error.hint})", "language") from error
                yield Job(request, Recording(upload.file, gate, service.limits.recording_s), queue, fields)

    @router.post("/v1/audio/transcriptions", openapi_extra={"requestBody": body_schema()}, responses=response_schemas())
    async def transcriptions(job: Job = Depends(job)) -> Response:
        """A recording's words, in the format that is asked for."""
        if job.fields.stream:
            transcripts = job.transcripts()
            first = await anext(transcripts, None)  # what cannot be read or decoded at all has a status of its own
            return StreamingResponse(events(first, transcripts), media_type="text/event-stream")
        heard = [one async for one in job.transcripts()]
        return answer(job.fields, heard, job.recording.audio_s)

    return router


def checked(fields: Fields) -> Fields:
    """What is right by itself but not together. Raises Refused."""
    if fields.timestamp_granularities and fields.response_format != "verbose_json":
        raise Refused("timestamp_granularities: only verbose_json has them", "timestamp_granularities")
    if fields.stream and fields.response_format not in ("json", "text"):
        raise Refused(f"stream: {fields.response_format} is complete at the end alone; json and text stream", "stream")
    return fields


def answer(fields: Fields, heard: Sequence[Heard], audio_s: float) -> Response:
    """All of it at once."""
    match fields.response_format:
        case "text":
            return PlainTextResponse(answers.text_of(heard) + "\n")
        case "srt":
            return PlainTextResponse(subtitles.srt(answers.cues_of(heard)))
        case "vtt":
            return Response(subtitles.vtt(answers.cues_of(heard)), media_type="text/vtt; charset=utf-8")
        case "verbose_json":
            return JSONResponse(answers.verbose(heard, audio_s, fields.timestamp_granularities))
        case _:
            return JSONResponse(answers.short(heard, audio_s))


async def events(first: Heard | None, others: AsyncIterator[Heard]) -> AsyncIterator[str]:
    """Part by part; an error is the last event."""
    heard: list[Heard] = []
    try:
        one = first
        while one is not None:
            if one.transcript.text:
                delta = one.transcript.text if not heard else " " + one.transcript.text
                heard.append(one)
                yield answers.event({"type": "transcript.text.delta", "delta": delta})
            one = await anext(others, None)
    except VoiceCliError as error:
        yield answers.event({"error": error_of(error)[1]})
    except ClientDisconnect:
        return
    else:
        yield answers.event({"type": "transcript.text.done", "text": answers.text_of(heard)})


def body_schema() -> dict[str, Any]:
    """For the API description: the fields and the file."""
    schema = Fields.model_json_schema()
    schema["properties"] = {"file": {"type": "string", "format": "binary"}, **schema["properties"]}
    schema["required"] = ["file"]
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def response_schemas() -> dict[int | str, dict[str, Any]]:
    """For the API description: what each status holds."""
    text = {"schema": {"type": "string"}}
    found = {
        "description": "The words.",
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
    return {200: found, **refusals}
