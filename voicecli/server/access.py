"""Access control: a key for other machines, and an allow-list for web pages.

Any web page that the user opens can reach a server on the same machine. Browsers send the origin of the page, other
programs send none. So requests with an origin are refused unless that origin is allowed.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from voicecli.errors import SettingsError
from voicecli.network import is_loopback
from voicecli.server.http import error_response

OPEN_PATHS = frozenset(("/health", "/ready"))
"""Paths that need no key: they reveal only that the server is there, and monitoring systems have no key."""

SUBPROTOCOLS = ("voicecli-key.", "openai-insecure-api-key.")
"""Prefixes of a WebSocket subprotocol that carries the key, because browsers cannot send headers with a WebSocket.
The second one is used by OpenAI's own client."""

ANSWERED_SUBPROTOCOL = "voicecli"
"""The subprotocol that such a client offers beside its key, and that the server accepts."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may connect."""

    api_key: str = ""  # empty: no key is needed
    origins: frozenset[str] = frozenset()  # of web pages that may connect; "*": all


def check_binding(host: str, access: Access, *, insecure: bool) -> None:
    """Raise SettingsError if other machines could connect without a key."""
    if is_loopback(host) or access.api_key or insecure:
        return
    raise SettingsError(
        f"--host {host} lets other machines connect, and no key is set",
        "set --api-key KEY (or VOICECLI_API_KEY), or --insecure if the network itself keeps others out",
    )


def check_wyoming(host: str, *, insecure: bool) -> None:
    """Raise SettingsError if other machines could connect: Wyoming has neither keys nor TLS."""
    if is_loopback(host) or insecure:
        return
    raise SettingsError(
        f"--wyoming on --host {host} lets other machines connect, and Wyoming has no keys",
        "set --insecure if the network itself keeps others out, or --host 127.0.0.1",
    )


class AccessMiddleware:
    """ASGI middleware that refuses requests without the key or from a web page that is not allowed."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (problem := self._problem(scope)):
            await _refuse(scope, receive, send, *problem)
        else:
            await self._app(scope, receive, send)

    def _problem(self, scope: Scope) -> tuple[int, str] | None:
        headers, origins = Headers(scope=scope), self._access.origins
        origin = headers.get("origin")
        if origin and "*" not in origins and origin not in origins:
            return 403, f"pages of {origin} may not connect (--allow-origin)"
        if scope["path"] in OPEN_PATHS or not self._access.api_key:
            return None
        expected = self._access.api_key.encode()
        if any(hmac.compare_digest(offered.encode(), expected) for offered in _offered_keys(headers)):
            return None
        return 401, "a key is needed: Authorization: Bearer KEY"


def _offered_keys(headers: Headers) -> Iterable[str]:
    """Yield the keys in a request: bearer token, X-API-Key and WebSocket subprotocols."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield token.strip()
    yield headers.get("x-api-key", "")
    for subprotocol in headers.get("sec-websocket-protocol", "").split(","):
        for prefix in SUBPROTOCOLS:
            if subprotocol.strip().startswith(prefix):
                yield subprotocol.strip().removeprefix(prefix)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, message: str) -> None:
    """Refuse with an HTTP response; close a WebSocket if the ASGI server cannot send one before accepting it."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await error_response(status, message, str(status), kind="access")(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": message[:120]})
