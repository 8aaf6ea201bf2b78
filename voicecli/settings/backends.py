"""The kinds of language models: a module of its own, because options need them before any setting is loaded."""

from __future__ import annotations

from typing import Literal

OneBackend = Literal["openai", "ollama", "embedded"]
"""A server of OpenAI's protocol, Ollama, or llama.cpp in this process."""

Backend = Literal["auto", OneBackend]
"""Which kind of language model answers; "auto": the best that is there."""
