"""Write docs/asyncapi.json anew from the messages."""

from __future__ import annotations

import json
from pathlib import Path

from voicecli.server.stt.asyncapi import description

FILE = Path(__file__).parents[1] / "docs" / "asyncapi.json"

if __name__ == "__main__":
    FILE.write_text(json.dumps(description(), indent=1) + "\n", encoding="utf8")
