"""The shipped defaults, untouched by the developer's own files and environment."""

from __future__ import annotations

from voicecli.settings.load import build, flat, parse
from voicecli.settings.shipped import shipped_text

SETTINGS = build(flat(parse(shipped_text("default.toml"), "default.toml")), {})
LISTEN = SETTINGS.listen
