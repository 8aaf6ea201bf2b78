"""What the HTTP sides of both servers share: errors in OpenAI's format, health checks, a limit for request bodies."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voicecli.server.sessions import Sessions


def error_body(status: int, message: str, code: str, param: str | None = None, kind: str = "") -> dict[str, str | None]:
    """Return an error as OpenAI's clients read it; `param` is the field at fault."""
    kind = kind or ("invalid_request_error" if status < 500 else "server_error")
    return {"message": message, "type": kind, "param": param, "code": code}


def error_response(
    status: int,
    message: str,
    code: str,
    param: str | None = None,
    *,
    kind: str = "",
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return a response with an error in OpenAI's format."""
    return JSONResponse({"error": error_body(status, message, code, param, kind)}, status, headers)


def model_list(model: str) -> dict[str, object]:
    """Return the body of GET /v1/models for a server with one model."""
    return {"object": "list", "data": [{"id": model, "object": "model", "created": 0, "owned_by": "voicecli"}]}


def health_routes(sessions: Sessions, model: str) -> APIRouter:
    """Return the routes for monitoring systems: /health and /ready."""
    router = APIRouter(tags=["monitoring"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Confirm that the server is alive."""
        return {"status": "ok"}

    @router.get("/ready", responses={503: {"description": "A new session would be refused now."}})
    async def ready(response: Response) -> dict[str, object]:
        """Return whether a new session would be accepted now."""
        is_ready = not sessions.stopping.is_set() and sessions.active < sessions.limit
        response.status_code = 200 if is_ready else 503
        return {"ready": is_ready, "model": model, "sessions": sessions.active, "max_sessions": sessions.limit}

    return router


class _BodyTooLarge(Exception):
    """Raised inside the app when a request body exceeds the limit."""


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """ASGI middleware that reads at most `max_bytes` of a request body and answers a longer one with 413."""

    app: ASGIApp
    max_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _content_length(scope) > self.max_bytes:
            await self._refuse(scope, receive, send)
            return
        received_bytes, is_answered, is_refused = 0, False, False

        async def bounded_receive() -> Message:
            nonlocal received_bytes, is_refused
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self.max_bytes:
                is_refused = True
                raise _BodyTooLarge
            return message

        async def guarded_send(message: Message) -> None:
            nonlocal is_answered
            if is_answered or not is_refused:  # otherwise it is the framework's own answer to _BodyTooLarge
                is_answered = True
                await send(message)

        with contextlib.suppress(_BodyTooLarge):
            await self.app(scope, bounded_receive, guarded_send)
        if is_refused and not is_answered:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"the body is too large: at most {self.max_bytes} bytes (send the text in parts)"
        # The rest of the body is not read, so the connection cannot be reused.
        response = error_response(413, message, "too_large", "body", headers={"Connection": "close"})
        await response(scope, receive, send)


def _content_length(scope: Scope) -> int:
    """Return the length that the headers declare; 0 if they declare none or it is not a number."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(length) if length.isdigit() else 0
