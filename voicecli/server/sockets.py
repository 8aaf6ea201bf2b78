"""Frames of a WebSocket, for as long as both sides want to go on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fastapi import WebSocket, WebSocketDisconnect

from voicecli.server.access import ANSWERED_SUBPROTOCOL
from voicecli.server.sessions import Limits
from voicecli.server.transport import Gone


async def accept(socket: WebSocket) -> None:
    """A browser offers a subprotocol where it carries a key, and wants it answered."""
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(ANSWERED_SUBPROTOCOL if ANSWERED_SUBPROTOCOL in offered else None)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a client is sent, for as long as it reads."""

    socket: WebSocket
    limits: Limits

    async def send(self, frame: str | bytes) -> None:
        """Text or binary. Raises Gone where the client has left, or does not read."""
        try:
            async with asyncio.timeout(self.limits.send_s):
                if isinstance(frame, str):
                    await self.socket.send_text(frame)
                else:
                    await self.socket.send_bytes(frame)
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:  # RuntimeError: it is closed already
            raise Gone from error
