"""The estimate of a text's tokens beside a real tokeniser's count."""

from __future__ import annotations

import difflib
import json
import urllib.request
from pathlib import Path

import pytest

from voicecli.conversation.question import estimated_tokens
from voicecli.engines.llm import llamacpp

pytestmark = pytest.mark.model

ROOT = Path(__file__).parents[2]
PROSE = (ROOT / "README.md").read_text(encoding="utf8")
CODE = (ROOT / "voicecli/speech_text/markdown_blocks.py").read_text(encoding="utf8")
DIFF = "".join(difflib.unified_diff(CODE.splitlines(True), [line.upper() for line in CODE.splitlines(True)]))
GERMAN = "Die Züge fahren größtenteils pünktlich, außer wenn es über Nacht geschneit hat. " * 20
RUSSIAN = "Поезд отправляется в полдень, возьмите с собой тёплое пальто. " * 20
JAPANESE = "電車は正午に出発します。暖かいコートを持ってきてください。" * 20
LOG = "\n".join(f"2026-11-25T03:{n:02}:17.123Z host[{n * 97}]: 0x{n * 7919:08x} GET /v1/{n} 200" for n in range(60))


def counted(server: llamacpp.EmbeddedServer, text: str) -> int:
    request = urllib.request.Request(
        server.base_url.removesuffix("/v1") + "/tokenize",
        data=json.dumps({"content": text}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return len(json.load(answer)["tokens"])


@pytest.mark.parametrize(
    "text",
    [PROSE, CODE, DIFF, GERMAN, RUSSIAN, JAPANESE, LOG],
    ids=["prose", "code", "diff", "german", "russian", "japanese", "log"],
)
def test_the_estimate_is_near_and_rather_too_high(embedded: llamacpp.EmbeddedServer, text: str) -> None:
    true = counted(embedded, text)
    assert 0.95 * true <= estimated_tokens(text) <= 1.6 * true
