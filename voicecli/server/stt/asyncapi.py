"""The description of `/v1/listen` for programs, AsyncAPI 3.0, made of the messages themselves. Pure."""

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
    "summary": "Samples, mono, as the start says; a frame may end inside a sample.",
    "payload": {"type": "string", "format": "binary"},
}


def description() -> dict[str, Any]:
    """The whole document, as JSON."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in (*REQUESTS, *REPLIES)], ref_template="#/components/schemas/{model}"
    )
    names = [model.__name__ for model in (*REQUESTS, *REPLIES)]
    messages = {name: {"name": name, "payload": {"$ref": f"#/components/schemas/{name}"}} for name in names}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "voicecli serve-stt",
            "version": __version__,
            "description": "Speech-to-text sessions over one WebSocket; docs/protocol.md tells the story.",
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
            "say": _operation("receive", "What a client sends.", [*(model.__name__ for model in REQUESTS), "Audio"]),
            "tell": _operation("send", "What the server sends.", [model.__name__ for model in REPLIES]),
        },
        "components": {"messages": {**messages, "Audio": AUDIO}, "schemas": schemas["$defs"]},
    }


def _operation(action: str, summary: str, names: list[str]) -> dict[str, Any]:
    """`action` is the server's."""
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/listen"},
        "messages": [{"$ref": f"#/channels/listen/messages/{name}"} for name in names],
    }
