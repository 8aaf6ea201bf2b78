"""The language model of a conversation: the chosen one, and what answers while it is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from voicecli.engines.base import LanguageModel
from voicecli.engines.llm.fallback import OpenFallback, StatusReporter, with_fallback
from voicecli.engines.llm.select import FindGguf, Narrate, Opened, open_language_model
from voicecli.events import Clock, ComponentChanged, Condition, Notice, Publish
from voicecli.settings.model import LlmSettings


@dataclass(frozen=True, slots=True)
class Voices:
    """How a conversation hears of its language model."""

    narrate: Narrate
    tell: StatusReporter


def voices(clock: Clock, publish: Publish, narrate: Narrate) -> Voices:
    """Both ways of telling, as events."""

    def changed(condition: Condition, name: str, message: str) -> None:
        publish(ComponentChanged(at_s=clock(), component="model", condition=condition, name=name, message=message))

    def remark(text: str) -> None:
        publish(Notice(at_s=clock(), text=text, passing=True))

    return Voices(narrate, StatusReporter(changed, remark))


@asynccontextmanager
async def open_with_fallback(
    settings: LlmSettings, gguf: FindGguf, voices: Voices, *, apart: bool = False
) -> AsyncIterator[Opened]:
    """As `open_language_model`, and then it may go away and come back. The embedded model runs here: it does not."""
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_language_model(settings, gguf, voices.narrate, apart=apart))
        if opened.embedded:
            yield opened
            return
        fallback = _fallback(settings, gguf, voices.narrate, stack) if settings.fallback == "embedded" else None
        steady = with_fallback(opened.model, fallback, settings.first_token_timeout_s, voices.tell)
        async with steady as model:
            yield replace(opened, model=model)


def _fallback(settings: LlmSettings, gguf: FindGguf, narrate: Narrate, stack: AsyncExitStack) -> OpenFallback:
    embedded = settings.model_copy(update={"backend": "embedded"})

    async def load() -> LanguageModel:
        opened = await stack.enter_async_context(open_language_model(embedded, gguf, narrate, apart=True))
        return opened.model

    return load
