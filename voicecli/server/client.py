"""Client of `voicecli serve-stt`: sends samples, receives transcripts.

The messages are the models of `voicecli.server.stt.protocol`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from voicecli.errors import BackendUnavailable, SettingsError
from voicecli.network import is_loopback
from voicecli.server.stt.protocol import (
    Cancel,
    Command,
    Failure,
    Final,
    Flush,
    Partial,
    Ready,
    Reply,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
)

LISTEN_PATH = "/v1/listen"
OPEN_S = 10.0
"""Longest time to connect."""

CLOSE_S = 2.0
"""Longest wait for the server's close frame when the session is abandoned: the server may have minutes of audio
to decode first."""

Event = SpeechStarted | Partial | SpeechEnded | Final | Failure
_REPLY: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="type")])
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


@asynccontextmanager
async def listen(url: str, start: Start | None = None, *, api_key: str = "") -> AsyncIterator[Session]:
    """Open a session with the server at `url` (http, https, ws or wss); `/v1/listen` is added if it is missing.

    The connection closes with the context. Raise BackendUnavailable if there is no such server, it is full or needs
    another key; raise SettingsError if the URL is invalid or the server cannot do what `start` asks for.
    """
    address = websocket_url(url, LISTEN_PATH)
    try:
        connection = await connect(
            address,
            additional_headers=key_headers(api_key),
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            compression=None,  # audio hardly gets smaller
            proxy=proxy_for(address),
            ping_interval=None,  # a pong waits behind audio that the server has not processed yet
        )
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise not_connected(url, error) from error
    async with connection:
        session = Session(url, connection)
        await session.begin(start or Start())
        yield session


class Session:
    """One session. Send samples while another task iterates: the server slows down a client that does not read.

    Each utterance ends with one Final, or one Failure with its number. All calls raise BackendUnavailable if the server
    ends the session early. The iteration ends after `stop`, with the last utterance.
    """

    ready: Ready
    """The server's first message."""

    def __init__(self, url: str, connection: ClientConnection) -> None:
        self._url = url
        self._connection = connection

    async def begin(self, start: Start) -> None:
        """Send the start message and wait for the answer; called by `listen`. Raise what `listen` raises."""
        with suppress(ConnectionClosed):  # a full server says so and closes
            await self._connection.send(start.model_dump_json())
        match await self._receive():
            case Ready() as ready:
                self.ready = ready
            case Failure(code="full", message=message, hint=hint):
                raise BackendUnavailable(f"{self._url}: {message}", hint)
            case Failure(message=message, hint=hint):
                raise SettingsError(f"{self._url} refused: {message}", hint)
            case other:
                raise self._protocol_error(f"it begins with {other.type if other else 'a close'}")

    async def send(self, samples: bytes) -> None:
        """Send mono samples in the format and at the rate of the start; wait while the server has a backlog.

        The server allows 400 messages a second, so send whole files in blocks of some tenths of a second.
        """
        try:
            await self._connection.send(samples)
        except ConnectionClosed as error:
            raise self._lost(error) from error

    async def flush(self) -> None:
        """End the current utterance."""
        await self._request(Flush(type="flush"))

    async def cancel(self) -> None:
        """Discard the current utterance."""
        await self._request(Cancel(type="cancel"))

    async def stop(self) -> None:
        """Announce that no more samples come; the remaining finals are still sent."""
        await self._request(Stop(type="stop"))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        reply = await self._receive()
        if reply is None:
            raise StopAsyncIteration
        if isinstance(reply, Ready):
            raise self._protocol_error("it is ready twice")
        return reply

    async def _request(self, message: Command) -> None:
        try:
            await self._connection.send(message.model_dump_json())
        except ConnectionClosed as error:
            raise self._lost(error) from error

    async def _receive(self) -> Reply | None:
        """Return the next message; None at the end of the session."""
        try:
            return parse_reply(await self._connection.recv())
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code == 1000:
                return None
            raise self._lost(error) from error
        except ValidationError as error:
            raise self._protocol_error(str(error).splitlines()[0]) from error

    def _lost(self, error: ConnectionClosed) -> BackendUnavailable:
        why = f"{error.rcvd.reason or 'no reason'} ({error.rcvd.code})" if error.rcvd else "the connection broke"
        return BackendUnavailable(f"{self._url} ended the session: {why}", "try again; the server's log may say more")

    def _protocol_error(self, detail: str) -> BackendUnavailable:
        return BackendUnavailable(
            f"{self._url} does not speak this protocol: {detail}", "use a voicecli serve-stt of the same version"
        )


def parse_reply(message: str | bytes) -> Reply:
    """Parse a message of the server. Raise ValidationError."""
    return _REPLY.validate_json(message)


def websocket_url(url: str, path: str) -> str:
    """Return the address of a WebSocket from the base URL of its server. Raise SettingsError if `url` is no URL."""
    hint = "use a URL such as http://127.0.0.1:8000 or wss://host/path"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"invalid server URL {url!r}: {error}", hint) from error
    if parts.scheme not in _SCHEMES or not host:
        raise SettingsError(f"invalid server URL {url!r}", hint)
    base = parts.path.rstrip("/").removesuffix(path)
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, base + path, parts.query, ""))


def proxy_for(address: str) -> Literal[True] | None:
    """Return websockets' `proxy` argument: the environment's proxy, but none to this machine."""
    return None if is_loopback(urlsplit(address).hostname or "") else True


def key_headers(api_key: str) -> dict[str, str]:
    """Return the headers that carry the key; none if it is empty."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def not_connected(url: str, error: Exception) -> BackendUnavailable:
    """Return a BackendUnavailable that says why there is no session and what to do."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return BackendUnavailable(f"{url} needs another key ({status})", "set --api-key KEY, or VOICECLI_API_KEY")
        return BackendUnavailable(f"{url} has no such WebSocket ({status})", "use the URL of a voicecli server")
    if isinstance(error, InvalidHandshake):
        return BackendUnavailable(f"{url} is not a WebSocket server: {error}", "use the URL of a voicecli server")
    if isinstance(error, TimeoutError):
        return BackendUnavailable(f"{url} did not answer within {OPEN_S:g} s", "check the address and the network")
    return BackendUnavailable(
        f"{url} cannot be reached: {error}", "start one with voicecli serve-stt; SSL_CERT_FILE trusts its certificate"
    )
