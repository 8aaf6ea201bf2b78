"""How a language model picks its tokens: as the settings say, else as suits the model. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voicecli.types import Sampling

if TYPE_CHECKING:
    from voicecli.settings.model import LlmSettings

TEMPERATURE = 0.3
"""For a model of which nothing else is known: answers that are sober, but not the same each time."""


def with_sampling(settings: LlmSettings, sampling: Sampling) -> LlmSettings:
    """Return the settings with values where they leave the choice to the model."""
    suits = TEMPERATURE if sampling.temperature is None else sampling.temperature
    temperature = settings.temperature if settings.temperature >= 0 else suits
    penalty = settings.repeat_penalty or sampling.repeat_penalty or 1.0
    return settings.model_copy(update={"temperature": temperature, "repeat_penalty": penalty})


def penalty_field(settings: LlmSettings) -> dict[str, float]:
    """Return the field for a repetition penalty, as llama.cpp and Ollama name it; nothing where there is none."""
    return {"repeat_penalty": settings.repeat_penalty} if settings.repeat_penalty not in (0, 1) else {}
