"""One run of `voicecli ask`: a written question, and its answer while it is being written.

What is not needed is not loaded: no ear and no recogniser, and a voice only for an answer that is to be heard. The
voice loads beside the language model, and the written answer does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from voicecli.app.signals import signals, stop_soon
from voicecli.conversation.answer import AnswerStream, TextTurn
from voicecli.conversation.question import TOO_LONG_HINT, Keep, Question, estimated_tokens, fitted
from voicecli.engines.cpu import sleep_while_waiting
from voicecli.engines.llm.select import Opened, open_language_model
from voicecli.errors import ContextFull, EngineError, SettingsError, first_of
from voicecli.events import CLOCK
from voicecli.models.installed import model_file, open_store
from voicecli.settings.model import LlmSettings, Settings
from voicecli.types import Message, TurnId

LESS = 0.7
"""Of a text that was cut and is still too much for the server, so much is tried next."""

MANY_TOKENS = 1000
"""To read so many may take a processor seconds, in which nothing else is to be seen."""


class Page(Protocol):
    """Where the answer is written."""

    def write(self, text: str) -> None:
        """Some more of it."""
        ...

    def note(self, text: str) -> None:
        """Something beside it."""
        ...

    def close(self) -> None:
        """No more will come; called again it does nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says beside the settings."""

    question: Question
    keep: Keep | None = None  # of an input that is too long; None: it is refused
    aloud: bool = False
    output: Path | None = None  # the sound goes there, not to the loudspeaker


@dataclass(slots=True, eq=False)
class Asked:
    """What has become of it so far."""

    text: TextTurn = field(default_factory=lambda: TextTurn(TurnId(1)))
    question: str = ""  # as the model was asked it
    model: str = ""
    asked_at_s: float = 0.0
    token_at_s: list[float] = field(default_factory=list)
    interrupted: bool = False

    @property
    def answer(self) -> str:
        return self.text.answer.written.strip()

    @property
    def first_token_s(self) -> float | None:
        """From the request to the first token; the model was loaded before it."""
        return self.token_at_s[0] - self.asked_at_s if self.token_at_s else None

    @property
    def tokens_per_s(self) -> float | None:
        """After the first one, counted as the pieces of text that a server sends; None where there is no second one."""
        writing_s = self.token_at_s[-1] - self.token_at_s[0] if self.token_at_s else 0.0
        return (len(self.token_at_s) - 1) / writing_s if writing_s > 0 else None


def ask(settings: Settings, wanted: Wanted, page: Page) -> Asked:
    """Write the answer on `page`, and say it if that is wanted. Ctrl-C ends both; what was written is returned.

    Raises SettingsError when the question is too long, DeviceError, ModelMissing, BackendUnavailable or EngineError.
    """
    asked = Asked()
    try:
        asyncio.run(_ask(settings, wanted, page, asked))
    except asyncio.CancelledError:
        asked.interrupted = True
    except ExceptionGroup as group:
        raise first_of(group) from group
    finally:
        page.close()
    return asked


async def _ask(settings: Settings, wanted: Wanted, page: Page, asked: Asked) -> None:
    """A loudspeaker is opened first, since it is refused at once."""
    task = asyncio.current_task()
    assert task is not None
    llm = asking_settings(settings, aloud=wanted.aloud)
    sleep_while_waiting()

    def gguf() -> Path:
        return model_file(open_store(settings), llm.embedded_model, ".gguf")

    with signals(lambda: stop_soon(task, page.close)):
        async with AsyncExitStack() as stack:
            voice = await _open_voice(stack, settings, wanted, page) if wanted.aloud else None
            async with asyncio.TaskGroup() as parts:
                if voice is not None:
                    parts.create_task(voice(asked.text.answer))
                opened = await stack.enter_async_context(open_language_model(llm, gguf, page.note))
                await answer(opened, llm, wanted, asked, page)


async def _open_voice(
    stack: AsyncExitStack, settings: Settings, wanted: Wanted, page: Page
) -> Callable[[AnswerStream], Coroutine[Any, Any, None]]:
    """Return what says an answer as it grows. Raises DeviceError when there is no loudspeaker."""
    from voicecli.app.say import Wordless, open_loudspeaker, say_answer

    place = wanted.output or await open_loudspeaker(stack, settings, page.note)

    async def say(answer: AnswerStream) -> None:
        try:
            await say_answer(answer, settings, place, page.note)
        except Wordless as error:  # it can be read all the same
            page.note(f"{error.message}.")

    return say


def asking_settings(settings: Settings, *, aloud: bool) -> LlmSettings:
    """The language model's settings for a question that is asked once. An answer that is heard is a short one."""
    prompt = settings.llm.system_prompt if aloud else settings.ask.system_prompt
    return settings.llm.model_copy(
        update={
            "system_prompt": prompt.strip(),
            "max_answer_tokens": settings.ask.max_answer_tokens,
            "timeout_s": settings.ask.timeout_s,
        }
    )


async def answer(opened: Opened, llm: LlmSettings, wanted: Wanted, asked: Asked, page: Page) -> None:
    """Ask as much as the model can hold. Raises SettingsError where that is too little, and what `write` raises."""
    asked.model = opened.model.name
    room_tokens = opened.context_tokens - llm.max_answer_tokens - estimated_tokens(llm.system_prompt)
    while True:
        fit = fitted(wanted.question, room_tokens, wanted.keep)
        asked.question = fit.question.text
        if not fit.is_whole:
            end = "first" if wanted.keep == "head" else "last"
            page.note(f"Too long: asked about the {end} {fit.kept_chars:,} of {fit.of_chars:,} characters.")
        try:
            await write([Message("system", llm.system_prompt), Message("user", asked.question)], opened, asked, page)
            break
        except ContextFull as error:
            if wanted.keep is None:
                raise SettingsError(f"the input is too long: {error.message}", TOO_LONG_HINT) from error
            room_tokens = round(room_tokens * LESS)
    if not asked.answer:
        raise EngineError(f"{asked.model} gave no answer", "ask in other words, or another model: --llm, --llm-model")
    if len(asked.token_at_s) >= llm.max_answer_tokens:
        page.note(f"The answer ends at {llm.max_answer_tokens} tokens (--max-tokens).")


async def write(messages: Sequence[Message], opened: Opened, asked: Asked, page: Page) -> None:
    """The answer as it comes. Raises BackendUnavailable, ContextFull or EngineError."""
    if (tokens := estimated_tokens(asked.question)) >= MANY_TOKENS:
        page.note(f"Reading about {tokens:,} tokens…")
    asked.asked_at_s = CLOCK()
    async with aclosing(opened.model.reply(messages)) as reply:
        async for token in reply:
            asked.token_at_s.append(CLOCK())
            page.write(_grown(asked.text.answer, partial(asked.text.write, token.text)))
    page.write(_grown(asked.text.answer, asked.text.close))
    page.close()


def _grown(answer: AnswerStream, write: Callable[[], None]) -> str:
    """Return what `write` adds to the answer."""
    before = len(answer.written)
    write()
    return answer.written[before:]
