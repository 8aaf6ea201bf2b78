"""What can go wrong with a request, in words for whoever made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from voicecli.conversation.turn import StageError
from voicecli.errors import SettingsError, VoiceCliError
from voicecli.server.sessions import Full
from voicecli.server.tts.protocol import MOST_CHARS


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    message: str
    hint: str = ""
    param: str | None = None  # what of the request is to blame; None: the server

    @property
    def text(self) -> str:
        """On one line."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Refused(Exception):
    """A request that is understood and cannot be done."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


NOTHING_TO_SAY = Problem("nothing_to_say", "nothing in the text can be said", "give a text with words", "input")
TOO_LONG = Problem(
    "text_too_long", f"the text is too long: at most {MOST_CHARS} characters", "send it in parts", "input"
)


def problem_of(error: Exception) -> Problem:
    """In a word, a sentence and an advice."""
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
    """The first thing that pydantic has found."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return Problem("invalid_value", f"this is no JSON: {first['ctx']['error']}", param="body")
    place = ".".join(str(part) for part in first["loc"] if part != "body") or None
    code = "unknown_parameter" if first["type"] == "extra_forbidden" else "invalid_value"
    return Problem(code, f"{place}: {first['msg']}" if place else first["msg"], param=place)


def answer_as_openai(app: FastAPI) -> None:
    """Errors of HTTP routes in the shape that OpenAI's clients read."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, Full):
            return error_response(503, problem_of(error))
        return error_response(500 if is_ours(error) else 400, problem_of(error))

    async def answer_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        problem = Problem("not_found", error.detail, param=request.url.path)
        return error_response(error.status_code, problem, error.headers)

    for kind in (Refused, RequestValidationError, VoiceCliError, StageError):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(HTTPException, answer_http)


def is_ours(error: Exception) -> bool:
    """Not the client's mistake."""
    return isinstance(error, VoiceCliError | StageError) and not isinstance(error, SettingsError)


def error_response(status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": problem.text, "type": kind, "param": problem.param, "code": problem.code}
    return JSONResponse({"error": error}, status, headers)
