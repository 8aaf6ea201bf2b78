"""Frames of a WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import WebSocket


async def frames(socket: WebSocket) -> AsyncIterator[str | bytes]:
    """Those of the client, text or binary, until it is gone."""
    while (message := await socket.receive())["type"] == "websocket.receive":
        text = message.get("text")
        yield message["bytes"] if text is None else text
