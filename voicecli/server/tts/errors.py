"""Errors of the text-to-speech server as its clients see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from voicecli.conversation.turn import StageError
from voicecli.errors import SettingsError, VoiceCliError
from voicecli.server.http import error_response
from voicecli.server.sessions import Full
from voicecli.server.tts.protocol import MAX_CHARS


@dataclass(frozen=True, slots=True)
class Problem:
    """An error for programs (`code`) and people."""

    code: str
    message: str
    hint: str = ""
    param: str | None = None  # the field of the request at fault; None: the server is

    @property
    def text(self) -> str:
        """Message and hint on one line."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Refused(Exception):
    """A request that cannot be done."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


NOTHING_TO_SAY = Problem("nothing_to_say", "nothing in the text can be said", "give a text with words", "input")
TOO_LONG = Problem(
    "text_too_long", f"the text is too long: at most {MAX_CHARS} characters", "send it in parts", "input"
)


def problem_of(error: Exception) -> Problem:
    """Return the problem behind an error; raise the error if it is unexpected."""
    match error:
        case Refused():
            return error.problem
        case RequestValidationError():
            return _invalid(error.errors())
        case ValidationError():
            return replace(_invalid(error.errors()), code="bad_message")
        case Full():
            return Problem("full", error.message, error.hint)
        case SettingsError():
            return Problem("invalid_value", error.message, error.hint, "voice")
        case VoiceCliError() | StageError():
            return Problem("engine", error.message, error.hint)
        case _:
            raise error


def _invalid(errors: Sequence[Any]) -> Problem:
    """Return a problem that names the first of pydantic's errors."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return Problem("invalid_value", f"this is not valid JSON: {first['ctx']['error']}", param="body")
    place = ".".join(str(part) for part in first["loc"] if part != "body") or None
    code = "unknown_parameter" if first["type"] == "extra_forbidden" else "invalid_value"
    return Problem(code, f"{place}: {first['msg']}" if place else first["msg"], param=place)


def is_server_error(error: Exception) -> bool:
    """Return whether an error is not the client's fault."""
    return isinstance(error, VoiceCliError | StageError) and not isinstance(error, SettingsError)


def add_error_handlers(app: FastAPI) -> None:
    """Answer the errors of HTTP routes in OpenAI's format."""

    async def on_error(request: Request, error: Exception) -> JSONResponse:
        problem = problem_of(error)
        status = 503 if isinstance(error, Full) else 500 if is_server_error(error) else 400
        return error_response(status, problem.text, problem.code, problem.param)

    async def on_http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        path = request.url.path
        return error_response(error.status_code, error.detail, "not_found", path, headers=error.headers)

    for kind in (Refused, RequestValidationError, VoiceCliError, StageError):
        app.add_exception_handler(kind, on_error)
    app.add_exception_handler(HTTPException, on_http_error)
