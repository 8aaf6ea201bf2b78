"""AsyncAPI 3.0 description of `/v1/listen`, generated from the message classes. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from voicecli import __version__
from voicecli.server.stt.protocol import (
    Cancel,
    Failure,
    Final,
    Flush,
    Partial,
    Ready,
    SpeechEnded,
    SpeechStarted,
    Start,
    Stop,
)

REQUESTS: tuple[type[BaseModel], ...] = (Start, Flush, Cancel, Stop)
REPLIES: tuple[type[BaseModel], ...] = (Ready, SpeechStarted, Partial, SpeechEnded, Final, Failure)
AUDIO = {
    "name": "Audio",
    "contentType": "application/octet-stream",
    "summary": "Mono samples in the format of the start message; a frame may end inside a sample.",
    "payload": {"type": "string", "format": "binary"},
}


def description() -> dict[str, Any]:
    """Return the whole document, ready for JSON."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in (*REQUESTS, *REPLIES)], ref_template="#/components/schemas/{model}"
    )
    requests, replies = ([model.__name__ for model in models] for models in (REQUESTS, REPLIES))
    names = [*requests, *replies]
    messages = {name: {"name": name, "payload": {"$ref": f"#/components/schemas/{name}"}} for name in names}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "voicecli serve-stt",
            "version": __version__,
            "description": "Speech-to-text sessions over one WebSocket; see docs/protocol.md.",
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:8000", "protocol": "ws"}},
        "channels": {
            "listen": {
                "address": "/v1/listen",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*messages, "Audio")},
            }
        },
        "operations": {
            "clientMessages": _operation("receive", "From the client.", [*requests, "Audio"]),
            "serverMessages": _operation("send", "From the server.", replies),
        },
        "components": {"messages": {**messages, "Audio": AUDIO}, "schemas": schemas["$defs"]},
    }


def _operation(action: str, summary: str, names: list[str]) -> dict[str, Any]:
    """Describe an operation; `action` is from the server's point of view."""
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/listen"},
        "messages": [{"$ref": f"#/channels/listen/messages/{name}"} for name in names],
    }
