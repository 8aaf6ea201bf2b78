"""What an MCP server tells, as a language model can be told it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

MOST_NAME_CHARS = 64
"""Of a function in OpenAI's protocol: letters, digits, "_" and "-"."""


def wire_name(server: str, tool: str) -> str:
    """A name that every back end takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{server}_{tool}")[:MOST_NAME_CHARS]


def result_text(content: Iterable[Any], structured: Any) -> str:
    """The texts of a result; what is no text is named. Without any content, the structured result."""
    parts = [_part(block) for block in content]
    if not parts and structured is not None:
        return json.dumps(structured, ensure_ascii=False)
    return "\n".join(parts) or "(nothing)"


def _part(block: Any) -> str:
    kind = str(getattr(block, "type", "something"))
    text = getattr(block, "text", None)
    if kind == "resource":
        text = getattr(getattr(block, "resource", None), "text", None)
    if isinstance(text, str):
        return text
    uri = getattr(block, "uri", "")
    return f"[{kind.replace('_', ' ')}{f' {uri}' if uri else ''}]"


def last_line(text: str) -> str:
    """The last line with words: where programs say why they end."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
