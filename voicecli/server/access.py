"""Who may speak to a server: this machine alone, unless there is a key; and no browser, unless it is allowed.

A web page that the user happens to open can reach a server on the same machine; a browser tells where the page came
from, other programs do not. So origins are refused unless they were named.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from voicecli.errors import SettingsError

OPEN_PATHS = frozenset(("/health", "/ready"))
"""Without a key: they tell nothing but that the server is there, and whoever watches it has none."""

SUBPROTOCOLS = ("voicecli-key.", "openai-insecure-api-key.")
"""Of a WebSocket in a browser, which cannot send headers: one of these and the key, beside the subprotocol "voicecli".
The other is how OpenAI's own client does it."""

ANSWERED_SUBPROTOCOL = "voicecli"


@dataclass(frozen=True, slots=True)
class Access:
    api_key: str = ""  # empty: nobody needs one
    origins: frozenset[str] = frozenset()  # of pages that may connect; "*": all


def check_binding(host: str, access: Access, *, insecure: bool) -> None:
    """Raises SettingsError where other machines could connect and nothing keeps them out."""
    if is_loopback(host) or access.api_key or insecure:
        return
    raise SettingsError(
        f"--host {host} lets other machines connect, and there is no key",
        "--api-key KEY (or VOICECLI_API_KEY), or --insecure where the network itself keeps others out",
    )


def check_wyoming(host: str, *, insecure: bool) -> None:
    """Raises SettingsError where other machines could connect: Wyoming has neither keys nor TLS."""
    if is_loopback(host) or insecure:
        return
    raise SettingsError(
        f"--wyoming on --host {host} lets other machines connect, and Wyoming has no keys",
        "--insecure where the network itself keeps others out, or --host 127.0.0.1",
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """An ASGI app behind a door."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope["headers"])
            if problem := self._problem(scope["path"], headers):
                await refuse(scope, receive, send, *problem)
                return
        await self._app(scope, receive, send)

    def _problem(self, path: str, headers: Headers) -> tuple[int, str] | None:
        origins = self._access.origins
        origin = headers.first("origin")
        if origin and "*" not in origins and origin not in origins:
            return 403, f"pages of {origin} may not connect (--allow-origin)"
        if path in OPEN_PATHS or not self._access.api_key:
            return None
        expected = self._access.api_key.encode()
        if any(hmac.compare_digest(offered.encode(), expected) for offered in headers.keys_offered()):
            return None
        return 401, "a key is needed: Authorization: Bearer KEY"


class Headers:
    """Of one request, as ASGI gives them."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._headers = [(name.decode("latin1"), value.decode("latin1")) for name, value in headers]

    def first(self, name: str) -> str:
        """Empty where it is missing."""
        return next((value for key, value in self._headers if key == name), "")

    def keys_offered(self) -> Iterable[str]:
        """In each of the places where one may be: as a bearer token, in X-API-Key, as a WebSocket's subprotocol."""
        scheme, _, token = self.first("authorization").partition(" ")
        if scheme.lower() == "bearer":
            yield token.strip()
        yield self.first("x-api-key")
        for subprotocol in self.first("sec-websocket-protocol").split(","):
            for prefix in SUBPROTOCOLS:
                if subprotocol.strip().startswith(prefix):
                    yield subprotocol.strip().removeprefix(prefix)


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, message: str) -> None:
    """Before a WebSocket is accepted its refusal is an HTTP answer, where the server can send one."""
    body = {"error": {"message": message, "type": "access", "param": None, "code": str(status)}}
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await JSONResponse(body, status)(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": message[:120]})
