"""What Tab offers for names that the model manifest knows; the shell's prefix is taken care of by Typer."""

from __future__ import annotations

Offers = list[tuple[str, str]]
"""A name, and what it is, for shells that show that."""


def models() -> Offers:
    """All of them."""
    from voicecli.models.manifest import Manifest

    return [(model.name, model.about) for model in Manifest.load().model]


def whisper_models() -> Offers:
    """Those that recognise speech."""
    from voicecli.models.manifest import Manifest

    return [(model.name, model.about) for model in Manifest.load().model if model.kind == "stt"]


def voices() -> Offers:
    """Kokoro's."""
    from voicecli.models.manifest import Manifest

    files = [file.name for model in Manifest.load().model if model.kind == "voices" for file in model.source[0].files]
    return [(name.removesuffix(".bin"), "") for name in files if name.endswith(".bin")]
