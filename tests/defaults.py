"""The shipped defaults, untouched by the developer's own files and environment."""

from __future__ import annotations

from voicecli.settings.load import build, shipped_values

SETTINGS = build(shipped_values("default.toml"), {})
LISTEN = SETTINGS.listen

LANGUAGE_MODEL = "smollm2-135m-instruct"
"""The embedded model of the tests: small, so that they are quick also where better ones are installed."""
