"""Bodies of HTTP requests that are longer than anything that is taken: refused before they are held in memory."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class TooLarge(Exception):
    """More has come than is taken."""


@dataclass(frozen=True, slots=True)
class BoundedBodies:
    """An ASGI app that reads `most_bytes` of a body at most; a longer one is answered with 413 in OpenAI's shape."""

    app: ASGIApp
    most_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if declared_bytes(scope) > self.most_bytes:
            await self._refuse(scope, receive, send)
            return
        taken, begun, is_refused = 0, False, False

        async def take() -> Message:
            nonlocal taken, is_refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.most_bytes:
                is_refused = True
                raise TooLarge
            return message

        async def tell(message: Message) -> None:
            nonlocal begun
            if begun or not is_refused:  # else it is what a framework makes of TooLarge
                begun = True
                await send(message)

        with contextlib.suppress(TooLarge):
            await self.app(scope, take, tell)
        if is_refused and not begun:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"the body is too large: at most {self.most_bytes} bytes (send the text in parts)"
        error = {"message": message, "type": "invalid_request_error", "param": "body", "code": "too_large"}
        # What still comes is not read: so the connection is of no use any more.
        await JSONResponse({"error": error}, 413, {"Connection": "close"})(scope, receive, send)


def declared_bytes(scope: Scope) -> int:
    """What the headers say; 0 where they say nothing that is a number."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(length) if length.isdigit() else 0
