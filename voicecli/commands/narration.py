"""What a command tells beside its data: all of it on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from voicecli.errors import VoiceCliError


def tell(text: str) -> None:
    """A line on the way."""
    typer.echo(text, err=True)


def tell_error(error: VoiceCliError) -> None:
    """What went wrong and what to do about it."""
    tell(f"voicecli: {error.message}")
    if error.hint:
        tell(f"hint: {error.hint}")
