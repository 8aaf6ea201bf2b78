"""A WebSocket as the load needs it: text and bytes out, texts in, and one error when it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from voicecli.errors import BackendUnavailable

OPEN_TIMEOUT_S = 30.0

BUSY = (1013, 503, 429)
"""Close code "try again later", and what a full server answers before there is a WebSocket."""


class Gone(Exception):
    """The server has closed the session, or did not open it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.busy = code in BUSY


class Wire(Protocol):
    """An open session."""

    async def send(self, message: str | bytes) -> None:
        """Raises Gone."""
        ...

    async def receive(self) -> str:
        """Raises Gone."""
        ...


class WebSocketWire:
    """Over the network."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, message: str | bytes) -> None:
        try:
            await self._socket.send(message)
        except ConnectionClosed as closed:
            raise gone(closed) from closed

    async def receive(self) -> str:
        try:
            message = await self._socket.recv()
        except ConnectionClosed as closed:
            raise gone(closed) from closed
        return message if isinstance(message, str) else message.decode(errors="replace")


def gone(closed: ConnectionClosed) -> Gone:
    """What the server said last."""
    return Gone(closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else Gone(1006, "connection lost")


@asynccontextmanager
async def web_socket(url: str, api_key: str = "") -> AsyncIterator[Wire]:
    """Open and close. Raises Gone where the server is there and says no, BackendUnavailable where it is not.

    Nothing is compressed: samples hardly get smaller, and it would cost both sides time.
    """
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else None
    try:
        socket = await connect(
            url,
            additional_headers=headers,
            compression=None,
            max_size=None,
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=None,
        )
    except InvalidStatus as refusal:
        raise Gone(refusal.response.status_code, refusal.response.reason_phrase) from refusal
    except (OSError, InvalidHandshake) as error:  # TimeoutError is an OSError
        reason = str(error) or f"no answer within {OPEN_TIMEOUT_S:.0f} s"
        raise BackendUnavailable(f"no speech-to-text server at {url}: {reason}", "is it running? --url") from error
    async with socket:
        yield WebSocketWire(socket)
