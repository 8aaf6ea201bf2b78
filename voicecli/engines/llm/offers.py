"""What language-model servers list, as offers of language models. Pure.

    /api/tags, /api/ps (Ollama) · /api/v0/models (LM Studio) · /v1/models (all others)  ->  Offer

A server may run anything, so a listing is of unknown shape: what does not fit is passed over, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

OTHER_KINDS = frozenset(
    {"asr", "bert", "bge", "clip", "colbert", "diffusion", "e5", "flux", "gte", "kokoro", "minilm", "mmproj",
     "ocr", "parakeet", "piper", "sdxl", "siglip", "stt", "tts", "vae", "xtts"}
)  # fmt: skip
"""Words in names of models that hold no conversation: embeddings, speech, images, filters."""

OTHER_PARTS = ("embed", "guard", "rerank", "whisper")
"""The same, also inside a word."""

EMBEDDING_FAMILIES = frozenset({"bert", "nomic-bert", "nomic-bert-moe", "xlm-roberta", "jina-bert-v2"})
"""Architectures of embedding models, as Ollama names them in `details.family`."""

PROGRAMS = {"llamacpp": "llama.cpp", "vllm": "vLLM", "sglang": "SGLang", "jan": "Jan"}
"""Programs by `owned_by` in their lists."""

OWN = "voicecli"
"""`owned_by` of our own servers, which are for speech."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A language model that a server offers."""

    name: str
    size_bytes: int = 0  # 0: unknown
    modified_at: str = ""  # ISO 8601; empty: unknown
    is_loaded: bool = False  # it is in memory
    is_remote: bool = False  # it runs on somebody else's machine
    context_tokens: int = 0  # 0: unknown


@dataclass(frozen=True, slots=True)
class Server:
    """A server with language models."""

    program: str  # for the screen, such as "LM Studio"
    url: str  # base URL for its protocol
    protocol: Literal["openai", "ollama"]
    offers: tuple[Offer, ...]

    def offer(self, name: str) -> Offer | None:
        """Return the offer of that name; Ollama's names may lack the tag "latest"."""
        wanted = {name, name.removesuffix(":latest")}
        return next((offer for offer in self.offers if offer.name in wanted), None)


def ollama_offers(tags: object, running: object) -> tuple[Offer, ...] | None:
    """Return the language models in the answers of /api/tags and /api/ps; None: the server is not Ollama."""
    if not (isinstance(tags, Mapping) and isinstance(tags.get("models"), list)):
        return None
    loaded = {_text(entry, "model") for entry in _entries(running, "models")}
    return tuple(
        Offer(
            name=_text(entry, "model").removesuffix(":latest"),
            size_bytes=_count(entry, "size"),
            modified_at=_text(entry, "modified_at"),
            is_loaded=_text(entry, "model") in loaded,
            is_remote=bool(_text(entry, "remote_host")) or _text(entry, "model").endswith(("-cloud", ":cloud")),
        )
        for entry in _entries(tags, "models")
        if _text(entry, "model") and _is_ollama_chat(entry)
    )


def _is_ollama_chat(entry: Mapping[object, object]) -> bool:
    details, capabilities = entry.get("details"), entry.get("capabilities")
    family = _text(details, "family") if isinstance(details, Mapping) else ""
    if isinstance(capabilities, list) and capabilities:
        return "completion" in capabilities
    return family not in EMBEDDING_FAMILIES and is_language_model(_text(entry, "model"))


def lm_studio_offers(models: object) -> tuple[Offer, ...] | None:
    """Return the language models in the answer of /api/v0/models; None: the server is not LM Studio."""
    entries = [entry for entry in _entries(models, "data") if _text(entry, "id")]
    if not any(_text(entry, "type") and _text(entry, "state") for entry in entries):
        return None
    return tuple(
        Offer(
            name=_text(entry, "id"),
            is_loaded=_text(entry, "state") == "loaded",
            context_tokens=_count(entry, "loaded_context_length"),
        )
        for entry in entries
        if _text(entry, "type") in ("llm", "vlm") and is_language_model(_text(entry, "id"))
    )


def openai_offers(models: object) -> tuple[Offer, ...] | None:
    """Return the language models in the answer of /v1/models; None: no such list, or one of our own servers."""
    entries = [entry for entry in _entries(models, "data") if _text(entry, "id") and entry.get("object") == "model"]
    if not entries or any(entry.get("owned_by") == OWN for entry in entries):
        return None
    return served_offers(models)


def served_offers(models: object) -> tuple[Offer, ...]:
    """Return the language models that a server lists, which has them in memory unless it says otherwise."""
    return tuple(
        Offer(
            name=_text(entry, "id"),
            size_bytes=_count(entry.get("meta"), "size"),
            is_loaded=_text(entry.get("status"), "value") in ("", "loaded"),
            context_tokens=_count(entry, "max_model_len"),
        )
        for entry in _entries(models, "data")
        if _text(entry, "id") and is_language_model(_text(entry, "id"))
    )


def program_of(models: object, usual: str) -> str:
    """Return the program that wrote an answer of /v1/models; if it does not say, `usual`, whose port it is."""
    owners = [_text(entry, "owned_by") for entry in _entries(models, "data")]
    return next((PROGRAMS[owner] for owner in owners if owner in PROGRAMS), usual)


def is_language_model(name: str) -> bool:
    """Return whether a name is one of a language model, as far as names tell."""
    lower = name.lower()
    return not (OTHER_KINDS & set(re.split(r"[^a-z0-9]+", lower)) or any(part in lower for part in OTHER_PARTS))


def _entries(page: object, key: str) -> Iterator[Mapping[object, object]]:
    entries = page.get(key) if isinstance(page, Mapping) else None
    return (entry for entry in (entries if isinstance(entries, list) else ()) if isinstance(entry, Mapping))


def _text(entry: object, key: str) -> str:
    value = entry.get(key) if isinstance(entry, Mapping) else None
    return value if isinstance(value, str) else ""


def _count(entry: object, key: str) -> int:
    value = entry.get(key) if isinstance(entry, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
