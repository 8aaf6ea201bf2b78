"""Frames of a WebSocket, for as long as both sides want to go on."""

from __future__ import annotations

import asyncio

from fastapi import WebSocket

from voicecli.server.access import ANSWERED_SUBPROTOCOL


async def accept(socket: WebSocket) -> None:
    """A browser offers a subprotocol where it carries a key, and wants it answered."""
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(ANSWERED_SUBPROTOCOL if ANSWERED_SUBPROTOCOL in offered else None)


async def next_frame(socket: WebSocket, leaving: asyncio.Event) -> str | bytes | None:
    """The client's next, text or binary; None when it is gone, or when the server is `leaving`."""
    async with asyncio.TaskGroup() as tasks:
        receiving = tasks.create_task(socket.receive())
        told = tasks.create_task(leaving.wait())
        await asyncio.wait((receiving, told), return_when=asyncio.FIRST_COMPLETED)
        message = receiving.result() if receiving.done() else None
        receiving.cancel()
        told.cancel()
    if message is None or message["type"] == "websocket.disconnect":
        return None
    text: str | None = message.get("text")
    content: bytes | None = message.get("bytes")
    return text if text is not None else content
