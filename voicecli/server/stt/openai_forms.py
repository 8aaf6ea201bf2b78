"""An upload of `POST /v1/audio/transcriptions`, and how OpenAI's API says no."""

from __future__ import annotations

import asyncio
import re
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from voicecli.audio.files.reader import TooLong, Unplayable
from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Full, Limits
from voicecli.server.stt.protocol import Start

RETRY_AFTER_S = 2
"""In which a machine gives all its finals if it takes no more than it can (`sessions.TOGETHER_S`)."""

MOST_FIELDS = 200
TIMED = ("srt", "vtt", "verbose_json")
HOTWORD_CHARACTERS = 100


class Refused(VoiceCliError):
    """A request that cannot be answered as it is; `param` is the field at fault."""

    def __init__(self, message: str, param: str | None = None, code: str = "invalid_value", status: int = 400) -> None:
        super().__init__(message)
        self.param, self.code, self.status = param, code, status


class Fields(BaseModel):
    """What may be asked for. An unknown field is refused: it would ask for something that is not done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[
        str, Field(description="Any name; the server's own model answers, GET /v1/models tells which.")
    ] = ""
    language: Annotated[str, Field(max_length=10, description="ISO 639-1, or auto; empty: the server's setting.")] = ""
    prompt: Annotated[str, Field(description="Names and terms that are likely, with commas between them.")] = ""
    keywords: Annotated[tuple[str, ...], Field(description="More of them.")] = ()
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    timestamp_granularities: Annotated[
        tuple[Literal["word", "segment"], ...], Field(description="With verbose_json; segment where none is given.")
    ] = ()
    temperature: Annotated[
        float, Field(ge=0, le=1, description="Accepted; the decoder samples nothing, so all values do the same.")
    ] = 0.0
    stream: Annotated[bool, Field(description="Server-sent events, with json or text.")] = False
    chunking_strategy: Annotated[
        Literal["auto"], Field(description="Long recordings are always cut at their pauses.")
    ] = "auto"

    def start(self) -> Start:
        """As the session protocol says it. Raises Refused."""
        words = self.response_format in TIMED
        try:
            return Start(language=self.language, hotwords=hotwords(self.prompt, self.keywords), words=words)
        except ValidationError as error:
            raise refused(error) from error


def hotwords(prompt: str, keywords: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The names and terms in a prompt; a sentence counts as one, as far as it fits."""
    phrases = [*keywords, *re.split(r"[,;.\n]+", prompt)]
    return tuple(text_chunk for phrase in phrases for text_chunk in textwrap.wrap(phrase.strip(), HOTWORD_CHARACTERS))


ARRAYS = ("keywords", "timestamp_granularities")


def fields_of(form: FormData) -> Fields:
    """All but the file. Raises Refused."""
    said: dict[str, Any] = {}
    for name, value in form.multi_items():
        key = name.removesuffix("[]")
        if key == "file":
            continue
        if key in ARRAYS:
            said.setdefault(key, []).append(value)
        else:
            said[key] = value
    try:
        return Fields.model_validate(said)
    except ValidationError as error:
        raise refused(error) from error


def refused(error: ValidationError) -> Refused:
    """The first thing that is wrong."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else None
    if first["type"] == "extra_forbidden":
        return Refused(f"{name}: this server does not know this parameter", name, "unknown_parameter")
    return Refused(f"{name}: {first['msg']}", name)


@dataclass(frozen=True, slots=True)
class Upload:
    """One request, read."""

    file: BinaryIO
    fields: Fields


@asynccontextmanager
async def read_upload(request: Request, limits: Limits) -> AsyncIterator[Upload]:
    """The file lasts as long as the context. Raises Refused."""
    bounded = Request(request.scope, bounded_receive(request.receive, limits))
    try:
        form = await bounded.form(max_files=1, max_fields=MOST_FIELDS)
    except HTTPException as error:
        raise Refused(str(error.detail)) from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Refused("file: an uploaded file is needed", "file", "missing_required_parameter")
        yield Upload(file.file, fields_of(form))
    finally:
        await form.close()


def bounded_receive(receive: Receive, limits: Limits) -> Callable[[], Awaitable[Message]]:
    """As long as something comes, and not more than is taken. Raises Refused."""
    taken = 0

    async def take() -> Message:
        nonlocal taken
        try:
            async with asyncio.timeout(limits.idle_s):
                message = await receive()
        except TimeoutError:
            raise Refused(f"nothing came for {limits.idle_s:g} s", code="timeout", status=408) from None
        taken += len(message.get("body", b""))
        if taken > limits.upload_bytes:
            most = f"{limits.upload_bytes / 1e6:g} MB"
            raise Refused(f"the upload is larger than {most}; FLAC or Opus take less", "file", "too_large", 413)
        return message

    return take


class OpenAiRoute(APIRoute):
    """Tells errors in OpenAI's words."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                response: Response = await handle(request)
                return response
            except ClientDisconnect:
                return Response(status_code=499)  # nobody reads it
            except VoiceCliError as error:
                return error_response(error)

        return answered


def error_response(error: VoiceCliError) -> JSONResponse:
    """With the status that a client goes by."""
    status, body = error_of(error)
    return JSONResponse({"error": body}, status, {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None)


def error_of(error: VoiceCliError) -> tuple[int, dict[str, str | None]]:
    """Status and OpenAI's description of it."""
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
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return status, {"message": message, "type": kind, "param": param, "code": code}
