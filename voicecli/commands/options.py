"""What the options of several commands have in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import typer


class Profile(StrEnum):
    cpu = "cpu"
    gpu = "gpu"


def option(*names: str, help: str, panel: str, **more: Any) -> Any:
    """A Typer option that is None unless it was typed: only then does it beat the settings below it."""
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)
