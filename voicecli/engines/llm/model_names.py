"""Names of language models, as users write them: files, repositories of the hub, tags of Ollama. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from voicecli.errors import SettingsError
from voicecli.types import HubRepository

HUB_PREFIXES = ("hf.co/", "huggingface.co/")
"""How a repository of the Hugging Face hub begins; Ollama and llama.cpp have the same form."""

QUANTIZATION = "Q4_K_M"
"""Quantization of a repository that is named without one: the usual balance of size and quality."""

NEAREST = 5
"""How many names are suggested at most."""

_HUB = re.compile(r"(?P<owner>\w[\w.-]*)/(?P<repo>\w[\w.-]*?)(?::(?P<quantization>[\w-]+))?")
_TAG = re.compile(r"[\w.-]+(?:/[\w.-]+)*:[\w.-]+")


def hub_repository(name: str) -> HubRepository | None:
    """Return the repository that a name means; None if it means none. Raise SettingsError if it is malformed."""
    plain = name.removeprefix("https://")
    prefix = next((prefix for prefix in HUB_PREFIXES if plain.lower().startswith(prefix)), None)
    if prefix is None:
        return None
    found = _HUB.fullmatch(plain[len(prefix) :].rstrip("/"))
    if found is None:
        hint = "for example: hf.co/bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M"
        raise SettingsError(f"{name!r} is not hf.co/OWNER/REPO or hf.co/OWNER/REPO:QUANTIZATION", hint)
    quantization = found["quantization"]
    return HubRepository(found["owner"], found["repo"], (quantization or QUANTIZATION).upper(), bool(quantization))


def is_tag(name: str) -> bool:
    """Return whether a name has the form of an Ollama tag, such as qwen3:4b."""
    return _TAG.fullmatch(name) is not None


def own_file(name: str) -> Path | None:
    """Return the user's own GGUF file that a name means; None if it means none.

    Raise SettingsError if there is no such file.
    """
    if not name.lower().endswith(".gguf") or hub_repository(name):
        return None
    file = Path(name).expanduser()
    if not file.is_file():
        raise SettingsError(f"there is no file {name}", "give the path of a GGUF file, or the name of a model")
    return file


def unknown_model(name: str, names: Sequence[str], notes: Sequence[str] = ()) -> SettingsError:
    """Return the error about a model that is not there, with the nearest of `names` and what else is to be said."""
    by_lower = {known.lower(): known for known in reversed(names)}
    near = [by_lower[lower] for lower in get_close_matches(name.lower(), by_lower, n=NEAREST, cutoff=0.5)]
    some = near or list(dict.fromkeys(names))[:NEAREST]
    there = f"{'nearest' if near else 'available'}: {', '.join(some)}" if some else "voicecli download-models --list"
    return SettingsError(f"there is no language model {name!r}", "; ".join([there, *notes]))
