"""One run of `voicecli ask`: a written question, and its answer while it is written.

Only what is needed is loaded: no microphone, no recognizer, and a voice only for a spoken answer. The voice loads in
parallel with the language model, and the written answer does not wait for it.
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
from voicecli.models.store import language_model_file, open_store
from voicecli.settings.model import LlmSettings, Settings
from voicecli.types import Message, TurnId

SHRINK_FACTOR = 0.7
"""If a shortened text is still too long for the server, this fraction of it is tried next."""

SLOW_PROMPT_TOKENS = 1000
"""From this length a CPU may need seconds to read the prompt, so a note is shown."""


class Page(Protocol):
    """Show an answer."""

    def write(self, text: str) -> None:
        """Add text to the answer."""
        ...

    def note(self, text: str) -> None:
        """Show a note beside the answer."""
        ...

    def close(self) -> None:
        """End the answer; further calls do nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line says, in addition to the settings."""

    question: Question
    keep: Keep | None = None  # which end of too long an input to keep; None: refuse it
    aloud: bool = False
    output: Path | None = None  # WAV file for the speech, instead of the loudspeaker


@dataclass(slots=True, eq=False)
class Asked:
    """The answer and its timing so far."""

    text: TextTurn = field(default_factory=lambda: TextTurn(TurnId(1)))
    question: str = ""  # as sent to the model
    model: str = ""
    asked_at_s: float = 0.0
    token_at_s: list[float] = field(default_factory=list)
    at_limit: bool = False  # the model was made to stop
    interrupted: bool = False

    @property
    def answer(self) -> str:
        """The text without white space around it."""
        return self.text.answer.written.strip()

    @property
    def first_token_s(self) -> float | None:
        """Seconds from the request to the first token, without loading the model; None before it."""
        return self.token_at_s[0] - self.asked_at_s if self.token_at_s else None

    @property
    def tokens_per_s(self) -> float | None:
        """Rate after the first token, counting each message of a server as one; None without a second token."""
        writing_s = self.token_at_s[-1] - self.token_at_s[0] if self.token_at_s else 0.0
        return (len(self.token_at_s) - 1) / writing_s if writing_s > 0 else None


def ask(settings: Settings, request: Request, page: Page) -> Asked:
    """Write the answer on `page`, and speak it if requested. Ctrl-C ends both; what was written is returned.

    Raise SettingsError if the question is too long, DeviceError, ModelMissing, BackendUnavailable or EngineError.
    """
    asked = Asked()
    try:
        asyncio.run(_ask(settings, request, page, asked))
    except asyncio.CancelledError:
        asked.interrupted = True
    except ExceptionGroup as group:
        raise first_of(group) from group
    finally:
        page.close()
    return asked


async def _ask(settings: Settings, request: Request, page: Page, asked: Asked) -> None:
    """Open the loudspeaker first, since a missing one is reported at once; then load and answer."""
    task = asyncio.current_task()
    assert task is not None
    llm = asking_settings(settings, aloud=request.aloud)
    sleep_while_waiting()

    gguf = partial(language_model_file, open_store(settings), settings)
    with signals(lambda: stop_soon(task, page.close)):
        async with AsyncExitStack() as stack:
            voice = await _open_voice(stack, settings, request, page) if request.aloud else None
            async with asyncio.TaskGroup() as parts:
                if voice is not None:
                    parts.create_task(voice(asked.text.answer))
                opened = await stack.enter_async_context(open_language_model(llm, gguf, page.note))
                await answer(opened, llm, request, asked, page)


async def _open_voice(
    stack: AsyncExitStack, settings: Settings, request: Request, page: Page
) -> Callable[[AnswerStream], Coroutine[Any, Any, None]]:
    """Return a function that speaks an answer while it grows. Raise DeviceError if there is no loudspeaker."""
    from voicecli.app.say import NothingToSpeak, open_loudspeaker, say_answer

    place = request.output or await open_loudspeaker(stack, settings, page.note)

    async def say(answer: AnswerStream) -> None:
        try:
            await say_answer(answer, settings, place, page.note)
        except NothingToSpeak as error:  # the answer can still be read
            page.note(f"{error.message}.")

    return say


def asking_settings(settings: Settings, *, aloud: bool) -> LlmSettings:
    """Return the language model's settings for one question. A spoken answer uses the prompt for short answers."""
    prompt = settings.llm.system_prompt if aloud else settings.ask.system_prompt
    return settings.llm.model_copy(
        update={
            "system_prompt": prompt.strip(),
            "max_answer_tokens": settings.ask.max_answer_tokens,
            "timeout_s": settings.ask.timeout_s,
        }
    )


async def answer(opened: Opened, llm: LlmSettings, request: Request, asked: Asked, page: Page) -> None:
    """Ask as much as fits the context. Raise SettingsError if the input is too long, and what `write` raises."""
    asked.model = opened.model.name
    room_tokens = opened.context_tokens - llm.max_answer_tokens - estimated_tokens(llm.system_prompt)
    while True:
        fit = fitted(request.question, room_tokens, request.keep)
        asked.question = fit.question.text
        if not fit.is_whole:
            end = "first" if request.keep == "head" else "last"
            page.note(f"Too long: asked about the {end} {fit.kept_chars:,} of {fit.of_chars:,} characters.")
        try:
            await write([Message("system", llm.system_prompt), Message("user", asked.question)], opened, asked, page)
            break
        except ContextFull as error:
            if request.keep is None:
                raise SettingsError(f"the input is too long: {error.message}", TOO_LONG_HINT) from error
            room_tokens = round(room_tokens * SHRINK_FACTOR)
    if not asked.answer:
        raise EngineError(f"{asked.model} gave no answer", "rephrase it, or use another model: --model")
    if asked.at_limit:
        page.note(f"The answer ends at {llm.max_answer_tokens} tokens (--max-tokens).")


async def write(messages: Sequence[Message], opened: Opened, asked: Asked, page: Page) -> None:
    """Write the answer while it arrives. Raise BackendUnavailable, ContextFull or EngineError."""
    if (tokens := estimated_tokens(asked.question)) >= SLOW_PROMPT_TOKENS:
        page.note(f"Reading about {tokens:,} tokens…")
    asked.asked_at_s = CLOCK()
    async with aclosing(opened.model.reply(messages)) as reply:
        async for token in reply:
            if token.at_limit:
                asked.at_limit = True
                continue
            asked.token_at_s.append(CLOCK())
            page.write(_grown(asked.text.answer, partial(asked.text.write, token.text)))
    page.write(_grown(asked.text.answer, asked.text.close))
    page.close()


def _grown(answer: AnswerStream, write: Callable[[], None]) -> str:
    """Return what `write` adds to the answer."""
    before = len(answer.written)
    write()
    return answer.written[before:]
