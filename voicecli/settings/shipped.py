"""Text files that travel with the program: defaults, profiles, the model manifest."""

from __future__ import annotations

from pathlib import Path


def shipped_text(name: str) -> str:
    """Content of `config/<name>`: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "config" / name
    path = installed if installed.is_file() else package.parent / "config" / name
    return path.read_text(encoding="utf-8")
