"""How a load-test client talks to a speech-to-text server: the transport, the protocol, and our `WS /v1/listen`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from voicecli.errors import BackendUnavailable
from voicecli.types import LISTEN_RATE_HZ, Pcm

OPEN_TIMEOUT_S = 30.0

BUSY = (1013, 503, 429)
"""Close code "try again later", and the HTTP statuses with which a full server answers the handshake."""

ReplyKind = Literal["ready", "refused", "partial", "final", "failed"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A message from the server, in the terms of the load test."""

    kind: ReplyKind
    text: str = ""  # the transcript, or the server's reason where it refuses or fails


class Client(Protocol):
    """The protocol of one session. It has no transport and no clock."""

    @property
    def path(self) -> str: ...

    @property
    def waits_for_ready(self) -> bool:
        """Return whether audio may only be sent after the server's "ready" message."""
        ...

    @property
    def first_message(self) -> str:
        """Return the message that opens the session; empty for none."""
        ...

    @property
    def last_message(self) -> str | bytes:
        """Return the message that ends the session; empty for none."""
        ...

    def begin_utterance(self) -> None:
        """Forget the previous utterance; everything sent from now on belongs to the next one."""
        ...

    def encode_frame(self, pcm: Pcm) -> bytes:
        """Return what to send for the last 20 ms; empty for nothing."""
        ...

    def encode_utterance(self, pcm: Pcm) -> bytes:
        """Return what to send once the client itself has detected the end of the utterance; empty for nothing."""
        ...

    def parse(self, message: str) -> Reply | None:
        """Return the reply; None for a message that is not measured."""
        ...

    @property
    def awaits_final(self) -> bool:
        """Return whether the server has announced an utterance that it has not answered yet."""
        ...


class ListenClient:
    """The protocol of our `WS /v1/listen`."""

    path, waits_for_ready = "/v1/listen", True
    first_message = json.dumps({"type": "start", "language": "en", "sample_rate_hz": LISTEN_RATE_HZ, "format": "s16le"})
    last_message = json.dumps({"type": "stop"})

    def __init__(self) -> None:
        self._unanswered: set[int] = set()
        self._newest = self._last_ended = 0

    def begin_utterance(self) -> None:
        self._unanswered.clear()
        self._last_ended = self._newest

    def encode_frame(self, pcm: Pcm) -> bytes:
        return pcm.tobytes()

    def encode_utterance(self, pcm: Pcm) -> bytes:
        return b""

    def parse(self, message: str) -> Reply | None:
        fields: dict[str, Any] = json.loads(message)
        number: int | None = fields.get("utterance")
        if number is not None and number <= self._last_ended:
            return None  # too late
        match fields["type"]:
            case "ready":
                return Reply("ready", fields["model"])
            case "speech_started":
                self._newest = fields["utterance"]
                self._unanswered.add(self._newest)
            case "partial":
                return Reply("partial", f"{fields['stable']} {fields['unstable']}".strip())
            case "final":
                self._unanswered.discard(fields["utterance"])
                return Reply("final", fields["text"])
            case "error":
                self._unanswered.discard(number or 0)
                return Reply("failed", f"{fields['code']}: {fields['message']}")
        return None

    @property
    def awaits_final(self) -> bool:
        return bool(self._unanswered)


class SessionClosed(Exception):
    """The server closed the session, or refused to open it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.busy = code in BUSY


class Transport(Protocol):
    """An open session."""

    async def send(self, message: str | bytes) -> None:
        """Raise SessionClosed once the session is over."""
        ...

    async def receive(self) -> str:
        """Raise SessionClosed once the session is over."""
        ...


class WebSocketTransport:
    """A session over a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, message: str | bytes) -> None:
        try:
            await self._socket.send(message)
        except ConnectionClosed as closed:
            raise close_reason(closed) from closed

    async def receive(self) -> str:
        try:
            message = await self._socket.recv()
        except ConnectionClosed as closed:
            raise close_reason(closed) from closed
        return message if isinstance(message, str) else message.decode(errors="replace")


def close_reason(closed: ConnectionClosed) -> SessionClosed:
    """Return the code and reason that the server sent; 1006 where it sent none."""
    return (
        SessionClosed(closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else SessionClosed(1006, "connection lost")
    )


@asynccontextmanager
async def open_web_socket(url: str, api_key: str = "") -> AsyncIterator[Transport]:
    """Open a session; close it at the end.

    Nothing is compressed: samples hardly shrink, and it would cost both sides time. Raise SessionClosed if the server
    refuses, BackendUnavailable if there is no server.
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
        raise SessionClosed(refusal.response.status_code, refusal.response.reason_phrase) from refusal
    except (OSError, InvalidHandshake) as error:  # TimeoutError is an OSError
        reason = str(error) or f"no answer within {OPEN_TIMEOUT_S:.0f} s"
        raise BackendUnavailable(
            f"no speech-to-text server at {url}: {reason}", "is it running? check --url"
        ) from error
    async with socket:
        yield WebSocketTransport(socket)
