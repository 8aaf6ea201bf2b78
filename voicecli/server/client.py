"""A client of `voicecli serve-stt`: samples go out, what was heard comes back.

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
from voicecli.server.access import is_loopback
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
"""A server that does not answer for so long is not there."""

CLOSE_S = 2.0
"""A session that is left early waits so long for the server's good-bye, which may have minutes of audio to hear."""

Event = SpeechStarted | Partial | SpeechEnded | Final | Failure
_REPLY: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="type")])
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


@asynccontextmanager
async def listen(url: str, start: Start | None = None, *, api_key: str = "") -> AsyncIterator[Session]:
    """A session with the server at `url`: http, https, ws or wss; `/v1/listen` is added where it is missing.

    Leaving the context closes the connection. Raises BackendUnavailable where there is no such server, it is full or
    wants another key, and SettingsError where the URL is none or the server cannot do what `start` asks for.
    """
    address = websocket_url(url, LISTEN_PATH)
    try:
        connection = await connect(
            address,
            additional_headers=key_headers(api_key),
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            compression=None,  # sound hardly gets smaller
            proxy=proxy_for(address),
            ping_interval=None,  # a pong waits behind the audio that the server has not heard yet
        )
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise not_connected(url, error) from error
    async with connection:
        session = Session(url, connection)
        await session.begin(start or Start())
        yield session


class Session:
    """Send samples while another task iterates: a server slows down whoever does not read.

    Each utterance ends in one Final, or one Failure that bears its number. All calls raise BackendUnavailable when the
    server ends the session early. The iteration ends after `stop`, when the last utterance has been told.
    """

    ready: Ready
    """What the server told first."""

    def __init__(self, url: str, connection: ClientConnection) -> None:
        self._url = url
        self._connection = connection

    async def begin(self, start: Start) -> None:
        """Say what is wanted; `listen` does. Raises as `listen` does."""
        with suppress(ConnectionClosed):  # a server that is full tells so and is gone
            await self._connection.send(start.model_dump_json())
        match await self._reply():
            case Ready() as ready:
                self.ready = ready
            case Failure(code="full", message=message, hint=hint):
                raise BackendUnavailable(f"{self._url}: {message}", hint)
            case Failure(message=message, hint=hint):
                raise SettingsError(f"{self._url} refuses: {message}", hint)
            case other:
                raise self._stranger(f"it begins with {other.type if other else 'a close'}")

    async def send(self, samples: bytes) -> None:
        """Mono samples in the format and at the rate of the start; waits while the server has too many to hear.

        The server allows 400 messages a second, so whole files go in blocks of some tenths of a second.
        """
        try:
            await self._connection.send(samples)
        except ConnectionClosed as error:
            raise self._lost(error) from error

    async def flush(self) -> None:
        """What was said so far is an utterance."""
        await self._say(Flush(type="flush"))

    async def cancel(self) -> None:
        """The utterance under way is of no interest."""
        await self._say(Cancel(type="cancel"))

    async def stop(self) -> None:
        """No more samples come; what was said is still told."""
        await self._say(Stop(type="stop"))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        reply = await self._reply()
        if reply is None:
            raise StopAsyncIteration
        if isinstance(reply, Ready):
            raise self._stranger("it is ready twice")
        return reply

    async def _say(self, message: Command) -> None:
        try:
            await self._connection.send(message.model_dump_json())
        except ConnectionClosed as error:
            raise self._lost(error) from error

    async def _reply(self) -> Reply | None:
        """None at the end of the session."""
        try:
            return reply_of(await self._connection.recv())
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code == 1000:
                return None
            raise self._lost(error) from error
        except ValidationError as error:
            raise self._stranger(str(error).splitlines()[0]) from error

    def _lost(self, error: ConnectionClosed) -> BackendUnavailable:
        why = f"{error.rcvd.reason or 'no reason'} ({error.rcvd.code})" if error.rcvd else "the connection broke"
        return BackendUnavailable(
            f"{self._url} ended the session: {why}", "try again; the server's own log may say more"
        )

    def _stranger(self, what: str) -> BackendUnavailable:
        return BackendUnavailable(
            f"{self._url} does not speak this protocol: {what}", "a voicecli serve-stt of the same version is needed"
        )


def reply_of(message: str | bytes) -> Reply:
    """Raises ValidationError."""
    return _REPLY.validate_json(message)


def websocket_url(url: str, path: str) -> str:
    """The WebSocket of a server that is named by its base. Raises SettingsError."""
    hint = "a URL such as http://127.0.0.1:8000 or wss://host/path is needed"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"the server is {url!r}: {error}", hint) from error
    if parts.scheme not in _SCHEMES or not host:
        raise SettingsError(f"the server is {url!r}", hint)
    base = parts.path.rstrip("/").removesuffix(path)
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, base + path, parts.query, ""))


def proxy_for(address: str) -> Literal[True] | None:
    """The environment's proxy, but none to this machine."""
    return None if is_loopback(urlsplit(address).hostname or "") else True


def key_headers(api_key: str) -> dict[str, str]:
    """What proves that the key is known; nothing where there is none."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def not_connected(url: str, error: Exception) -> BackendUnavailable:
    """Why there is no session, and what to do."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return BackendUnavailable(f"{url} wants another key ({status})", "--api-key KEY, or VOICECLI_API_KEY")
        return BackendUnavailable(f"{url} has no such WebSocket ({status})", "the URL of a voicecli server is needed")
    if isinstance(error, InvalidHandshake):
        return BackendUnavailable(f"{url} is no WebSocket server: {error}", "the URL of a voicecli server is needed")
    if isinstance(error, TimeoutError):
        return BackendUnavailable(f"{url} did not answer within {OPEN_S:g} s", "check the address and the network")
    return BackendUnavailable(
        f"{url} cannot be reached: {error}", "voicecli serve-stt starts a server; SSL_CERT_FILE trusts its certificate"
    )
