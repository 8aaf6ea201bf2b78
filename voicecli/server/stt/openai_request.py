"""Requests of `POST /v1/audio/transcriptions`: the fields and the upload."""

from __future__ import annotations

import asyncio
import re
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from voicecli.errors import VoiceCliError
from voicecli.server.sessions import Limits
from voicecli.server.stt.protocol import Start

MAX_FIELDS = 200
HOTWORD_CHARACTERS = 100
_TIMED = ("srt", "vtt", "verbose_json")
_ARRAYS = ("keywords", "timestamp_granularities")


class Refused(VoiceCliError):
    """A request that cannot be answered; `param` is the field at fault."""

    def __init__(self, message: str, param: str | None = None, code: str = "invalid_value", status: int = 400) -> None:
        super().__init__(message)
        self.param, self.code, self.status = param, code, status


class Fields(BaseModel):
    """The fields of a request beside the file. An unknown field is an error: it would be ignored otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, Field(description="Any name; the server's own model answers (GET /v1/models).")] = ""
    language: Annotated[str, Field(max_length=10, description="ISO 639-1, or auto; empty: the server's setting.")] = ""
    prompt: Annotated[str, Field(description="Likely names and terms, separated by commas.")] = ""
    keywords: Annotated[tuple[str, ...], Field(description="More names and terms.")] = ()
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    timestamp_granularities: Annotated[
        tuple[Literal["word", "segment"], ...], Field(description="With verbose_json only; segment by default.")
    ] = ()
    temperature: Annotated[
        float, Field(ge=0, le=1, description="Accepted without effect: the decoder does not sample.")
    ] = 0.0
    stream: Annotated[bool, Field(description="Server-sent events, with json or text.")] = False
    chunking_strategy: Annotated[
        Literal["auto"], Field(description="Long recordings are always cut at their pauses.")
    ] = "auto"

    def start(self) -> Start:
        """Return the start message with the same options. Raise Refused."""
        words = self.response_format in _TIMED
        try:
            return Start(language=self.language, hotwords=hotwords(self.prompt, self.keywords), words=words)
        except ValidationError as error:
            raise _refused(error) from error


def hotwords(prompt: str, keywords: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names and terms in a prompt; a sentence counts as one, up to `HOTWORD_CHARACTERS`."""
    phrases = [*keywords, *re.split(r"[,;.\n]+", prompt)]
    return tuple(hotword for phrase in phrases for hotword in textwrap.wrap(phrase.strip(), HOTWORD_CHARACTERS))


def fields_of(form: FormData) -> Fields:
    """Return all fields but the file. Raise Refused."""
    values: dict[str, Any] = {}
    for name, value in form.multi_items():
        key = name.removesuffix("[]")
        if key in _ARRAYS:
            values.setdefault(key, []).append(value)
        elif key != "file":
            values[key] = value
    try:
        fields = Fields.model_validate(values)
    except ValidationError as error:
        raise _refused(error) from error
    if fields.timestamp_granularities and fields.response_format != "verbose_json":
        raise Refused("timestamp_granularities: only verbose_json has them", "timestamp_granularities")
    if fields.stream and fields.response_format not in ("json", "text"):
        raise Refused(f"stream: {fields.response_format} cannot be streamed; json and text can", "stream")
    return fields


def _refused(error: ValidationError) -> Refused:
    """Return a Refused that names the first invalid field."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else None
    if first["type"] == "extra_forbidden":
        return Refused(f"{name}: this server does not know this parameter", name, "unknown_parameter")
    return Refused(f"{name}: {first['msg']}", name)


@asynccontextmanager
async def read_upload(request: Request, limits: Limits) -> AsyncIterator[tuple[BinaryIO, Fields]]:
    """Read a request; its file is closed with the context. Raise Refused."""
    bounded = Request(request.scope, _bounded(request.receive, limits))
    try:
        form = await bounded.form(max_files=1, max_fields=MAX_FIELDS)
    except HTTPException as error:
        raise Refused(str(error.detail)) from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Refused("file: an uploaded file is needed", "file", "missing_required_parameter")
        yield file.file, fields_of(form)
    finally:
        await form.close()


def _bounded(receive: Receive, limits: Limits) -> Callable[[], Awaitable[Message]]:
    """Wrap `receive` to raise Refused when the upload stalls or exceeds the limit."""
    received_bytes = 0

    async def bounded_receive() -> Message:
        nonlocal received_bytes
        try:
            async with asyncio.timeout(limits.idle_s):
                message = await receive()
        except TimeoutError:
            raise Refused(f"nothing came for {limits.idle_s:g} s", code="timeout", status=408) from None
        received_bytes += len(message.get("body", b""))
        if received_bytes > limits.upload_bytes:
            limit = f"{limits.upload_bytes / 1e6:g} MB"
            raise Refused(f"the upload is larger than {limit}; FLAC or Opus take less", "file", "too_large", 413)
        return message

    return bounded_receive
