"""The descriptions of the server for programs are true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.server.running import running, scripted
from voicecli.server.stt.asyncapi import REPLIES, REQUESTS, description

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_the_file_is_what_the_messages_say() -> None:
    stored = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf8"))
    assert stored == json.loads(json.dumps(description())), "python -m scripts.describe_protocol"


def test_all_that_it_refers_to_is_there() -> None:
    reported = description()
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(reported)):
        found = reported
        for part in reference.split("/"):
            found = found[part]
        assert found


def test_the_text_names_each_message_and_each_field() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf8")
    for model in (*REQUESTS, *REPLIES):
        for name, field in model.model_fields.items():
            assert f"`{name}`" in text or f'"{name}"' in text, f"{model.__name__}.{name}"
            if name == "type":
                kind = field.default if isinstance(field.default, str) else field.annotation.__args__[0]  # type: ignore[union-attr]
                assert f"`{kind}`" in text or f'"{kind}"' in text


async def test_the_server_tells_it_too() -> None:
    async with running(scripted()) as server, httpx.AsyncClient() as http:
        assert (await http.get(server.http("/asyncapi.json"))).json()["asyncapi"] == "3.0.0"
        paths = (await http.get(server.http("/openapi.json"))).json()["paths"]
        assert {"/health", "/ready", "/metrics"} <= set(paths)
