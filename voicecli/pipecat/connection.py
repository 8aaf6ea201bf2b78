"""The connection of a Pipecat service to a server of voicecli."""

from __future__ import annotations

import asyncio

from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.websocket_service import WebsocketService
from pydantic import BaseModel
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State

from voicecli.server.client import key_headers, not_connected, proxy_for


class VoicecliConnection(WebsocketService):
    """Connects a Pipecat service and sends the start message. Has to come first among the bases of the service."""

    _websocket: ClientConnection | None
    _address: str
    _api_key: str
    _receiving: asyncio.Task[None] | None = None

    def can_generate_metrics(self) -> bool:
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:
        await super().setup(setup)
        await self._connect()

    def _start_message(self) -> BaseModel:
        """Return the first message of a connection."""
        raise NotImplementedError

    async def _connect(self) -> None:
        await super()._connect()
        await self._connect_websocket()
        if self._receiving is None or self._receiving.done():
            self._receiving = self.create_task(self._receive_task_handler(self._report_error))

    async def _disconnect(self) -> None:
        await super()._disconnect()
        if self._receiving is not None:
            await self.cancel_task(self._receiving)
            self._receiving = None
        await self._disconnect_websocket()

    async def _connect_websocket(self) -> None:
        if self._websocket is not None and self._websocket.state is State.OPEN:
            return
        try:
            self._websocket = await self._websocket_connect(
                self._address,
                additional_headers=key_headers(self._api_key),
                compression=None,
                proxy=proxy_for(self._address),
            )
            await self._websocket.send(self._start_message().model_dump_json())
        except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed) as error:
            self._websocket = None
            why = not_connected(self._address, error)
            await self._call_event_handler("on_connection_error", why.message)
            await self.push_error(f"{why.message} ({why.hint})", exception=error)

    async def _disconnect_websocket(self) -> None:
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            await websocket.close()
            await self._call_event_handler("on_disconnected")
