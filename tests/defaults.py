"""The shipped defaults, untouched by the developer's own files and environment."""

from __future__ import annotations

from voicecli.settings.load import build, shipped_values

SETTINGS = build(shipped_values("default.toml"), {})
LISTEN = SETTINGS.listen
